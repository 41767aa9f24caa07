//! The interpreter is a function of the program and the answers, not of their order.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;

use cascade_ir::*;
use cascade_machine::to_json;
use proptest::prelude::*;
use support::{mock::*, *};

fn retried() -> Clauses {
    Clauses { retry: retry(1), ..Clauses::default() }
}

/// A stage that is tried twice.
fn again(n: u32, work: Work) -> Stmt {
    stage_with("say", n, work, retried())
}

/// Branches of a random graph, each a loop of stages or a single one.
fn graph(shape: &[(u8, u8)], max: i64) -> Program {
    let mut make = Make::new();
    let e = make.command("echo", OutputFormat::Text, Type::String);
    let names: Vec<String> = (0..shape.len()).map(|i| format!("b{i}")).collect();
    let branches = shape
        .iter()
        .enumerate()
        .map(|(i, (kind, after))| {
            let n = i as u32 + 1;
            let earlier: Vec<u32> = (0..n - 1).filter(|j| after & (1 << (j % 8)) != 0).collect();
            let seen =
                earlier.iter().fold(text(&names[i]), |acc, j| add(acc, call(Builtin::ToText, vec![slot(j + 1)])));
            // What is tried again is always a single effect: of a loop, the branches that a failure
            // cancels do depend on time.
            let work = match kind % 3 {
                0 => Work::Skill(e, vec![seen]),
                1 => for_parallel(
                    "x",
                    30,
                    list(vec![text("p"), text("q"), text("r")]),
                    Some(2),
                    valued(vec![again(31, Work::Skill(e, vec![add(slot(30), seen)]))], slot(31)),
                ),
                _ => for_each(
                    "x",
                    30,
                    list(vec![text("p"), text("q")]),
                    valued(vec![again(31, Work::Skill(e, vec![slot(30)]))], slot(31)),
                ),
            };
            (names[i].as_str(), n, work, retried(), earlier)
        })
        .collect();
    let work = parallel(Some(max), branches);
    make.main(32, vec![stage("all", 0, work), ret(slot(0))])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_answers_does_not_matter(
        shape in prop::collection::vec((any::<u8>(), any::<u8>()), 1..8),
        max in 1i64..5,
        times in prop::collection::vec(0u64..50, 16),
    ) {
        let program = graph(&shape, max);
        let run = |times: Vec<u64>, backwards: bool| {
            let mut n = 0;
            let mut mock = Mock::new(&program, move |asked| {
                n += 1;
                // Every third effect fails at first; which, depends on its key and not on time.
                let answer = if asked.attempt == 1 && asked.key.as_bytes()[0] % 3 == 0 { exit(1, "") } else { ok(asked.what.split_once(' ').unwrap().1) };
                Reply::After(times[n % times.len()], answer)
            });
            mock.backwards = backwards;
            let value = to_json(&mock.run().unwrap());
            let asked: BTreeSet<String> = mock.asked.iter().map(|a| format!("{}#{} {} {}", a.path, a.attempt, a.key, a.idempotency)).collect();
            (value, asked, mock.asked.len())
        };
        let first = run(times.clone(), false);
        prop_assert_eq!(&first, &run(vec![0], false));
        prop_assert_eq!(&first, &run(times.iter().rev().copied().collect(), true));
        prop_assert_eq!(first.1.len(), first.2, "every effect has a name of its own");
    }
}
