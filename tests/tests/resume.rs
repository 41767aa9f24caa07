//! A run that is interrupted anywhere and resumed equals the uninterrupted run: the same result, the same memory, and no
//! request is repeated whose answer was recorded.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    cell::RefCell,
    collections::{BTreeMap, hash_map::DefaultHasher},
    future,
    hash::{Hash, Hasher},
    path::Path,
    rc::Rc,
    sync::{Arc, Once},
};

use cascade_compiler::{FileSources, compile, render};
use cascade_ir::{CascadeId, Program};
use cascade_runtime::{
    Begin, Event, RunOptions, RunOutcome, block_on,
    host::{Host, Report},
    journal::{SqliteStore, Store as _},
    request::{Answer, MemoryOp, Output, Process, Request, RequestId, RequestKind},
    run_on, to_json,
};
use proptest::prelude::*;
use rusqlite::Connection;

/// Writes a block of statements, determined by numbers.
fn write_block(choices: &mut impl Iterator<Item = u8>, depth: usize, next: &mut usize, out: &mut String) {
    let indent = "  ".repeat(depth + 1);
    let count = 1 + choices.next().unwrap_or(0) % 3;
    for _ in 0..count {
        let n = *next;
        *next += 1;
        match if depth > 3 { 0 } else { choices.next().unwrap_or(0) % 8 } {
            0 | 1 => out.push_str(&format!("{indent}stage s{n} = work(\"s{n}\")\n{indent}  retry 9 backoff 0ms..0ms\n")),
            2 => out.push_str(&format!(
                "{indent}stage s{n} = work(\"s{n}\")\n{indent}  on error skip\n{indent}notes.seen += [s{n} ?? \"s{n} failed\"]\n"
            )),
            3 => {
                out.push_str(&format!("{indent}stage l{n} = for x{n} in [1, 2, 3] parallel max 2 {{\n"));
                write_block(choices, depth + 1, next, out);
                out.push_str(&format!("{indent}  \"$<x{n}>\"\n{indent}}}\n{indent}notes.seen += l{n}\n"));
            }
            4 => {
                out.push_str(&format!("{indent}for x{n} in [\"a\", \"b\"] {{\n"));
                out.push_str(&format!("{indent}  notes.seen += [x{n}]\n"));
                write_block(choices, depth + 1, next, out);
                out.push_str(&format!("{indent}}}\n"));
            }
            5 => out.push_str(&format!(
                "{indent}stage p{n} = parallel {{\n{indent}  stage a = work(\"p{n}a\")\n{indent}    retry 9 backoff 0ms..0ms\n\
                 {indent}  stage b = work(\"p{n}b-$<a>\")\n{indent}    on error fallback work(\"p{n}c\")\n{indent}    on error skip\n\
                 {indent}  stage c = work(\"p{n}d\")\n{indent}    on error skip\n{indent}}}\n"
            )),
            6 => {
                out.push_str(&format!("{indent}var v{n} = 0\n{indent}repeat max 4 {{\n{indent}  v{n} = v{n} + 1\n"));
                out.push_str(&format!("{indent}  stage r{n} = work(\"r{n}-$<v{n}>\")\n{indent}    retry 9 backoff 0ms..0ms\n"));
                out.push_str(&format!("{indent}}} until r{n}.len() > 8 or v{n} == 3\n{indent}notes.total += v{n}\n"));
            }
            _ => {
                out.push_str(&format!("{indent}if notes.seen.len() > {} {{\n", n % 7));
                write_block(choices, depth + 1, next, out);
                out.push_str(&format!("{indent}}} else {{\n{indent}  notes.total += {n}\n{indent}}}\n"));
            }
        }
    }
}

fn generate_program(choices: &[u8]) -> (String, Program, CascadeId) {
    let mut body = String::new();
    write_block(&mut choices.iter().copied(), 0, &mut 0, &mut body);
    let text = format!(
        "memory notes: global {{\n  seen: list<string> = []\n  total: int = 0\n}}\n\
         skill work(name: string) -> string {{\n  run sh\"work $<name>\"\n}}\n\
         cascade main() -> json {{\n{body}  return {{ seen: notes.seen, total: notes.total }} as json\n}}\n"
    );
    let compiled = compile("flow.cascade", text.as_str().into(), &FileSources);
    let said = render::render(&compiled.diagnostics, &compiled.sources, render::Format::Human, false);
    let program = compiled.program.unwrap_or_else(|| panic!("{said}\n{text}"));
    let main = program.main.unwrap();
    (text, program, main)
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// How often each path and attempt began.
type Begun = Rc<RefCell<BTreeMap<(String, u32), u32>>>;

/// A host whose answers depend on the request, in an order that depends on a seed. It dies after a number of requests.
struct World {
    waiting: Vec<(RequestId, Answer)>,
    begun: Begun,
    left: usize,
    seed: u64,
}

impl Host for World {
    fn start(&mut self, request: Request) {
        let answer = match &request.kind {
            RequestKind::Run(run) => {
                let info = request.effect.as_ref().unwrap();
                assert!(self.left > 0, "the process dies here");
                self.left -= 1;
                *self.begun.borrow_mut().entry((info.path.clone(), info.attempt)).or_insert(0) += 1;
                let name = run.argv.last().unwrap().text.to_string();
                let code = i32::from(hash_of(&(&name, info.attempt)).is_multiple_of(3));
                let stdout = format!("{name}/{}", info.attempt);
                Answer::ok(Output::Process(Process {
                    code: Some(code),
                    signal: None,
                    stdout: Arc::from(stdout.as_bytes()),
                    stderr: String::new(),
                }))
            }
            RequestKind::Timer { .. } => return,
            _ => Answer::ok(Output::Fired),
        };
        self.waiting.push((request.id, answer));
    }

    fn cancel(&mut self, id: RequestId) {
        self.waiting.retain(|(other, _)| *other != id);
    }

    async fn next(&mut self) -> Report {
        match self.ready() {
            Some(report) => report,
            None => future::pending().await,
        }
    }

    fn ready(&mut self) -> Option<Report> {
        let length = self.waiting.len() as u64;
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (id, answer) = self.waiting.swap_remove(usize::try_from((self.seed >> 33).checked_rem(length)?).unwrap());
        Some(Report::Answer(id, answer))
    }

    fn event(&mut self, _event: Event) {}

    fn remember(&mut self, _op: MemoryOp) {}
}

fn run_program(program: &Program, main: CascadeId, journal: &Path, begin: Begin, world: World) -> RunOutcome {
    let options =
        RunOptions { store: Some(std::sync::Arc::new(SqliteStore::at(journal))), begin, ..RunOptions::default() };
    block_on(run_on(world, program, main, Vec::new(), options))
}

/// Silences the messages of panics that simulate the death of a process.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let meant = info.payload().downcast_ref::<&str>().is_some_and(|m| m.contains("the process dies here"));
            if !meant {
                usual(info);
            }
        }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn resumed_equals_uninterrupted(
        choices in proptest::collection::vec(any::<u8>(), 4..40),
        deaths in proptest::collection::vec((0_usize..60, any::<u64>(), 0_u32..4), 1..4),
        seed in any::<u64>(),
    ) {
        silence_panics();
        let (text, program, main) = generate_program(&choices);
        let folder = tempfile::tempdir().unwrap();
        let calm = folder.path().join("calm.db");
        let world = |left, seed, begun: &Begun| World { waiting: Vec::new(), begun: Rc::clone(begun), left, seed };
        let once: Begun = Begun::default();
        let expected = run_program(&program, main, &calm, Begin::New, world(usize::MAX, seed, &once));
        let expected = expected.result.map(|v| to_json(&v));
        prop_assert!(expected.is_ok(), "{expected:?}\n{text}");
        let memory = |file: &Path| {
            SqliteStore::open(file).unwrap().memory().unwrap().into_iter().map(|m| (m.key, m.value)).collect::<Vec<_>>()
        };

        let file = folder.path().join("torn.db");
        let begun: Begun = Begun::default();
        let mut begin = Begin::New;
        for (left, seed, forget) in deaths {
            let outcome = run_program(&program, main, &file, begin, world(left, seed, &begun));
            begin = Begin::Resume(outcome.run.clone());
            if outcome.result.is_ok() {
                break;
            }
            // The last records did not reach the disk; the effects that they report are unknown.
            let db = Connection::open(&file).unwrap();
            db.execute(
                    "UPDATE effects SET status = 'running', ended = NULL, seq = NULL, answer = NULL
                     WHERE no IN (SELECT no FROM effects WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT ?1)",
                    [forget],
                )
                .unwrap();
        }
        let last = run_program(&program, main, &file, begin, world(usize::MAX, seed ^ 1, &begun));
        let found = last.result.map(|v| to_json(&v));
        prop_assert_eq!(&found, &expected, "{}", text);
        prop_assert_eq!(memory(&file), memory(&calm), "{}", text);
        // The same was asked, and only what was lost or under way was asked again.
        let begun = begun.borrow();
        let usual = once.borrow();
        prop_assert_eq!(begun.keys().collect::<Vec<_>>(), usual.keys().collect::<Vec<_>>(), "{}", text);
        let repeated: u32 = begun.values().map(|n| n - 1).sum();
        let unknown: u32 = Connection::open(&file)
            .unwrap()
            .query_row("SELECT count(*) FROM effects WHERE status = 'running'", [], |row| row.get(0))
            .unwrap();
        prop_assert!(repeated <= unknown, "{repeated} repeated, {unknown} unknown\n{text}");
    }
}
