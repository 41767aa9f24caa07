//! A program that embeds the runtime: runs are polled on its own runtime, and recorded in its store.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{cell::RefCell, sync::Arc, time::Duration};

use cascade_ir::*;
use cascade_runtime::{
    Begin, Event, RunOptions,
    host::Progress,
    journal::{Activity, Cursor, InMemoryStore, Store},
    run, to_json,
};
use support::*;

/// A program of one stage that runs a script.
fn script(code: &str) -> Program {
    let mut make = Make::new();
    let command = CommandTemplate::Shell { parts: vec![ShellPart::Text(code.into())], stop_on_error: false };
    let id = make.run_skill("it", command, OutputFormat::Text, Type::String);
    make.main(1, vec![stage("a", 0, Work::Skill(id, vec![int(1)])), ret(slot(0))])
}

#[test]
fn runs_share_the_runtime_of_their_caller() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (a, b) = (script("printf one"), script("printf two"));
    let (a, b) = runtime.block_on(async {
        let ticks = tokio::spawn(async {
            // The caller's own tasks go on meanwhile.
            tokio::time::sleep(Duration::from_millis(1)).await;
            true
        });
        let first = run(&a, entry(&a), vec![], RunOptions::default());
        let second = run(&b, entry(&b), vec![], RunOptions::default());
        let outcomes = tokio::join!(first, second);
        assert!(ticks.await.unwrap());
        outcomes
    });
    assert_eq!((to_json(&a.result.unwrap()), to_json(&b.result.unwrap())), ("one".into(), "two".into()));
}

#[tokio::test]
async fn a_run_in_a_store_of_the_caller_can_be_resumed() {
    let folder = std::env::temp_dir().join(format!("cascade-embedded-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let program = script("test -e ready && printf done");
    let store: Arc<dyn Store> = Arc::new(InMemoryStore::new());
    let options = |begin| RunOptions {
        store: Some(Arc::clone(&store)),
        cwd: Some(folder.clone()),
        begin,
        ..RunOptions::default()
    };
    let first = run(&program, entry(&program), vec![], options(Begin::New)).await;
    assert!(first.result.is_err());
    assert_eq!(store.run(&first.run).unwrap().unwrap().status, "failed");
    std::fs::write(folder.join("ready"), "").unwrap();
    let again = run(&program, entry(&program), vec![], options(Begin::Resume(first.run.clone()))).await;
    assert_eq!(to_json(&again.result.unwrap()), "done");
    let once_more = run(&program, entry(&program), vec![], options(Begin::Fork(first.run))).await;
    assert_eq!((to_json(&once_more.result.unwrap()), once_more.reused), ("done".into(), 2));
    std::fs::remove_dir_all(folder).unwrap();
}

/// The last line of a program that runs reaches those who watch, and those who read the store.
#[tokio::test]
async fn progress_has_content() {
    let program = script("echo first; sleep 0.4; printf 'second \\033[31mline\\n'; sleep 0.4; echo third");
    let store = Arc::new(InMemoryStore::new());
    let seen = RefCell::new(Vec::new());
    let read = RefCell::new(Vec::new());
    let observer = |event: &Event| {
        if let Event::Progress { path, progress, .. } = event {
            seen.borrow_mut().push((path.clone(), progress.clone()));
            let run = store.runs().unwrap()[0].id.clone();
            read.borrow_mut().extend(store.activity(&run, &mut Cursor::default()).unwrap());
        }
    };
    let options = RunOptions {
        store: Some(Arc::clone(&store) as Arc<dyn Store>),
        observer: Some(Box::new(observer)),
        ..RunOptions::default()
    };
    run(&program, entry(&program), vec![], options).await.result.unwrap();
    let line = Progress::Line("second  [31mline".to_owned());
    assert!(seen.borrow().contains(&("main/a".to_owned(), line)), "{seen:?}");
    let progress = |activity: &Activity| matches!(activity, Activity::Progress { path, .. } if path == "main/a");
    assert!(read.borrow().iter().any(progress), "{read:?}");
}
