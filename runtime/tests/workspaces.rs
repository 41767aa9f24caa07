//! Changes of workspaces are recorded with the answers of their effects, and restored when a resumed
//! run takes those answers from the record.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc};

use cascade_ir::*;
use cascade_runtime::{
    Begin, Event, RunOptions, RunOutcome, block_on,
    failure::{Failure, Raise},
    host::{Host, Report},
    journal::{InMemoryStore, SqliteStore, Store},
    request::{Answer, MemoryOp, Output, Process, Request, RequestId, RequestKind},
    run_on, to_json,
    workspace::{FileChange, FileContent, FileState, WorkspacePatch},
};
use serde_json::json;
use support::*;

/// What a host was asked to do, in order.
type Log = Rc<RefCell<Vec<String>>>;

/// A host whose programs change a file, but for `fail`, which fails as long as it is told to.
struct Scripted {
    log: Log,
    fail: bool,
    restorable: bool,
    due: VecDeque<(RequestId, Answer)>,
}

fn patch(name: &str) -> WorkspacePatch {
    let after = FileState { content: FileContent::Text(format!("by {name}")), executable: false };
    let change = FileChange { path: name.to_owned(), before: None, after: Some(after), is_output: false };
    WorkspacePatch { directory: Some("repo".to_owned()), changes: vec![change] }
}

impl Host for Scripted {
    fn start(&mut self, request: Request) {
        let RequestKind::Run(run) = request.kind else { return };
        let name = run.argv[0].text.to_string();
        self.log.borrow_mut().push(format!("run {name}"));
        let output = |code| {
            let (stdout, stderr) = (Arc::from(name.as_bytes()), String::new());
            Output::Process(Process { code: Some(code), signal: None, stdout, stderr })
        };
        let answer = match &*name {
            "fail" => Answer::ok(output(i32::from(self.fail))),
            _ => Answer::ok(Output::WithPatch(Box::new(output(0)), Arc::new(patch(&name)))),
        };
        self.due.push_back((request.id, answer));
    }

    fn cancel(&mut self, _id: RequestId) {}

    async fn next(&mut self) -> Report {
        match self.due.pop_front() {
            Some((id, answer)) => Report::Answer(id, answer),
            None => std::future::pending().await,
        }
    }

    fn ready(&mut self) -> Option<Report> {
        let (id, answer) = self.due.pop_front()?;
        Some(Report::Answer(id, answer))
    }

    fn event(&mut self, _event: Event) {}

    fn remember(&mut self, _op: MemoryOp) {}

    fn restore_workspace(&mut self, patch: &WorkspacePatch) -> Result<(), Raise> {
        self.log.borrow_mut().push(format!("restore {}", patch.changes[0].path));
        match self.restorable {
            true => Ok(()),
            false => Err(Failure::raise(ErrorKind::MergeConflict, "it was changed by hand")),
        }
    }
}

fn program() -> Program {
    let mut make = Make::new();
    let stages = ["first", "second", "fail"].iter().zip(0..).map(|(name, n)| {
        let skill = make.command(name, OutputFormat::Text, Type::String);
        stage(name, n, Work::Skill(skill, vec![text("x")]))
    });
    let mut stmts: Vec<Stmt> = stages.collect();
    stmts.push(ret(slot(0)));
    make.main(3, stmts)
}

fn run(store: &Arc<dyn Store>, begin: Begin, fail: bool, restorable: bool) -> (RunOutcome, Vec<String>) {
    let (program, log) = (program(), Log::default());
    let host = Scripted { log: Rc::clone(&log), fail, restorable, due: VecDeque::new() };
    let options = RunOptions { store: Some(Arc::clone(store)), begin, ..RunOptions::default() };
    let outcome = block_on(run_on(host, &program, entry(&program), Vec::new(), options));
    let log = log.borrow().clone();
    (outcome, log)
}

#[test]
fn changes_in_a_file_are_restored() {
    let dir = std::env::temp_dir().join(format!("cascade-workspaces-{}", std::process::id()));
    changes_are_restored_in_order(&(Arc::new(SqliteStore::at(&dir.join("runs.db"))) as Arc<dyn Store>));
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn changes_in_memory_are_restored() {
    changes_are_restored_in_order(&(Arc::new(InMemoryStore::new()) as Arc<dyn Store>));
}

fn changes_are_restored_in_order(store: &Arc<dyn Store>) {
    let (first, log) = run(store, Begin::New, true, true);
    assert_eq!(log, ["run first", "run second", "run fail"]);
    assert_eq!(first.result.unwrap_err().kind, ErrorKind::CommandFailed);

    // The answers of both are reused; what they changed is there again before `fail` begins.
    let resume = || Begin::Resume(first.run.clone());
    let (again, log) = run(store, resume(), true, true);
    assert_eq!(log, ["restore first", "restore second", "run fail"]);
    assert_eq!(again.result.unwrap_err().kind, ErrorKind::CommandFailed);

    // A change that cannot be restored is a failure of its stage, and nothing after it begins.
    let (stopped, log) = run(store, resume(), false, false);
    assert_eq!(log, ["restore first"]);
    let failure = stopped.result.unwrap_err();
    assert_eq!((failure.kind, &failure.stage[..]), (ErrorKind::MergeConflict, "main/first"));

    let (done, log) = run(store, resume(), false, true);
    assert_eq!(log, ["restore first", "restore second", "run fail"]);
    assert_eq!(to_json(&done.result.unwrap()), json!("first"));
}
