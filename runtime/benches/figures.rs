//! What the interpreter and the local host cost. `cargo bench -p cascade-runtime`.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;

use cascade_ir::*;
use cascade_runtime::{
    RunOptions,
    interpreter::{Environment, Machine},
    journal::SqliteStore,
    run_blocking as run,
};
use divan::Bencher;
use support::*;

fn main() {
    divan::main();
}

/// Runs a machine without effects to its end.
fn pure(program: &Program) {
    let environment = Environment { listening: false, ..Environment::default() };
    let mut machine = Machine::new(program, entry(program), vec![], environment).unwrap();
    machine.step();
    assert!(machine.outcome().unwrap().is_ok());
}

/// A thousand cascades, each a stage of the next.
#[divan::bench]
fn nested_pure_stages_1000(bencher: Bencher) {
    let mut make = Make::new();
    let mut last: Option<CascadeId> = None;
    for i in 0..1_000 {
        let work = match last {
            Some(id) => Work::Cascade(id, vec![add(slot(0), int(1))]),
            None => Work::Pure(add(slot(0), int(1))),
        };
        let id = make.cascade(&format!("c{i}"), 1, 2, vec![stage("s", 1, work), ret(slot(1))]);
        make.last().body.pure_ = true;
        last = Some(id);
    }
    make.cascade("main", 0, 1, vec![stage("s", 0, Work::Cascade(last.unwrap(), vec![int(0)])), ret(slot(0))]);
    make.last().body.pure_ = true;
    let program = make.program;
    bencher.bench(|| pure(&program));
}

/// A thousand stages one after the other, each a pure cascade.
#[divan::bench]
fn chained_pure_stages_1000(bencher: Bencher) {
    let mut make = Make::new();
    let id = make.cascade("one", 1, 2, vec![ret(add(slot(0), int(1)))]);
    make.last().body.pure_ = true;
    let stmts = (0..1_000).map(|i| stage(&format!("s{i}"), i, Work::Cascade(id, vec![int(1)]))).collect();
    make.cascade("main", 0, 1_000, stmts);
    make.last().body.pure_ = true;
    let program = make.program;
    bencher.bench(|| pure(&program));
}

#[divan::bench]
fn pure_loop_10000(bencher: Bencher) {
    let body = pure_block(vec![set(2, add(slot(2), slot(0)))], slot(2));
    let mut make = Make::new();
    let stmts =
        vec![set(2, int(0)), Stmt::Work(Box::new(for_each("i", 0, range(10_000), body)), Some(Slot(1))), ret(slot(2))];
    make.cascade("main", 0, 3, stmts);
    let program = make.program;
    bencher.bench(|| pure(&program));
}

#[divan::bench]
fn appending_loop_10000(bencher: Bencher) {
    let body = pure_block(vec![set(2, add(slot(2), list(vec![slot(0)])))], int(0));
    let stmts =
        vec![set(2, list(vec![])), Stmt::Work(Box::new(for_each("i", 0, range(10_000), body)), None), ret(slot(2))];
    let program = Make::new().main(3, stmts);
    bencher.bench(|| pure(&program));
}

/// Branches that are fibers: their block is not marked as pure.
#[divan::bench]
fn parallel_branches_10000(bencher: Bencher) {
    let body = valued(vec![set(1, add(slot(0), int(1)))], slot(1));
    let sum = call(
        Builtin::Reduce,
        vec![slot(2), int(0), Expr::Lambda(vec![Slot(3), Slot(4)], Box::new(add(slot(3), slot(4))))],
    );
    let program = Make::new().main(5, vec![stage("all", 2, for_parallel("i", 0, range(10_000), None, body)), ret(sum)]);
    bencher.bench(|| pure(&program));
}

fn trues(count: i64) -> Program {
    let mut make = Make::new();
    let id =
        make.run_skill("nothing", CommandTemplate::Direct(vec![word("/bin/true")]), OutputFormat::None, Type::Null);
    let body = valued(vec![stage("t", 1, Work::Skill(id, vec![int(1)]))], int(1));
    make.main(3, vec![stage("all", 2, for_parallel("i", 0, range(count), Some(8), body))])
}

#[divan::bench(sample_count = 20)]
fn commands_200_without_journal(bencher: Bencher) {
    let program = trues(200);
    bencher.bench(|| {
        let options = RunOptions { max_commands: 8, ..RunOptions::default() };
        assert!(run(&program, entry(&program), vec![], options).result.is_ok());
    });
}

#[divan::bench(sample_count = 20)]
fn commands_200_with_journal(bencher: Bencher) {
    let program = trues(200);
    let path = std::env::temp_dir().join(format!("cascade-bench-{}.db", std::process::id()));
    bencher.bench(|| {
        let options = RunOptions {
            max_commands: 8,
            store: Some(std::sync::Arc::new(SqliteStore::at(&path))),
            ..RunOptions::default()
        };
        assert!(run(&program, entry(&program), vec![], options).result.is_ok());
    });
    let _ = std::fs::remove_file(path);
}

/// The floor: the same programs, spawned eight at a time without anything else.
#[divan::bench(sample_count = 20)]
fn bare_spawns_200(bencher: Bencher) {
    bencher.bench(|| {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let out = std::process::Command::new("/bin/true").stdin(std::process::Stdio::null()).output();
                        assert!(out.unwrap().status.success());
                    }
                });
            }
        });
    });
}

#[divan::bench]
fn hello_with_journal(bencher: Bencher) {
    let program = Make::new().main(1, vec![ret(text("hello"))]);
    let path = std::env::temp_dir().join(format!("cascade-hello-{}.db", std::process::id()));
    bencher.bench(|| {
        let options = RunOptions { store: Some(std::sync::Arc::new(SqliteStore::at(&path))), ..RunOptions::default() };
        assert!(run(&program, entry(&program), vec![], options).result.is_ok());
    });
    let _ = std::fs::remove_file(path);
}
