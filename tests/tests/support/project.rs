//! A folder with a program, a journal and runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use cascade_compiler::{FileSources, compile, render};
use cascade_ir::{CascadeId, Program};
use cascade_runtime::{
    Begin, Event, Plan, PlanOptions, Providers, RunOptions, RunOutcome, Value, inputs_from_json,
    journal::{SqliteStore, Store},
    plan, run_blocking as run, to_json,
};
use cascade_tests::binary::cascadec;
use serde_json::{Map, Value as Json};

pub struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn journal(&self) -> PathBuf {
        self.path().join(".cascade/runs.db")
    }

    pub fn store(&self) -> Box<dyn Store> {
        Box::new(SqliteStore::open(&self.journal()).unwrap())
    }

    /// Lines of a file of the project.
    pub fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path().join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.path().join(file), text).unwrap();
    }

    pub fn compile(&self, text: &str) -> (Program, CascadeId) {
        let compiled = compile("flow.cascade", text.into(), &FileSources);
        let said = render::render(&compiled.diagnostics, &compiled.sources, render::Format::Human, false);
        let program = compiled.program.unwrap_or_else(|| panic!("{said}"));
        let main = program.entries.iter().copied().find(|e| program.cascades[e.index()].name == "main").unwrap();
        (program, main)
    }

    fn options(&self, begin: Begin) -> RunOptions<'static> {
        RunOptions {
            store: Some(std::sync::Arc::new(SqliteStore::at(&self.journal()))),
            begin,
            cwd: Some(self.path().to_owned()),
            ..RunOptions::default()
        }
    }

    /// Runs a program in this process.
    pub fn run(&self, text: &str, begin: Begin) -> RunOutcome {
        let (program, main) = self.compile(text);
        run(&program, main, Vec::new(), self.options(begin))
    }

    /// The same, with other options; the events as well.
    pub fn run_with(
        &self,
        text: &str,
        begin: Begin,
        inputs: &Json,
        change: impl FnOnce(&mut RunOptions<'_>),
    ) -> (RunOutcome, Vec<Event>) {
        let (program, main) = self.compile(text);
        let inputs: Map<String, Json> = inputs.as_object().cloned().unwrap_or_default();
        let inputs: Vec<Value> = inputs_from_json(&program, main, &inputs).unwrap();
        let events = std::cell::RefCell::new(Vec::new());
        let outcome = {
            let mut options = RunOptions { observer: None, ..self.options(begin) };
            change(&mut options);
            let options = RunOptions {
                observer: Some(Box::new(|event: &Event| events.borrow_mut().push(event.clone()))),
                ..options
            };
            run(&program, main, inputs, options)
        };
        (outcome, events.into_inner())
    }

    pub fn plan(&self, text: &str, of: &str) -> Plan {
        let (program, main) = self.compile(text);
        let (store, folder) = (self.store(), Some(self.path()));
        plan(
            &program,
            main,
            Vec::new(),
            &PlanOptions { store: &*store, run: of, folder, use_cache: true, providers: &Providers::default() },
        )
        .unwrap()
    }

    /// Answers the only open question of a run.
    pub fn answer(&self, run: &str, answer: &Json) {
        let store = self.store();
        let open: Vec<_> = store.questions(run).unwrap().into_iter().filter(|q| q.answer.is_none()).collect();
        assert_eq!(open.len(), 1, "{open:?}");
        assert!(store.answer_question(run, &open[0].path, &open[0].key, answer).unwrap());
    }

    /// Runs `cascadec`.
    pub fn call(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(cascadec().as_ref().unwrap());
        command.args(args).current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// The result of a run as JSON.
pub fn result_json(outcome: &RunOutcome) -> Json {
    match &outcome.result {
        Ok(value) => to_json(value),
        Err(failure) => panic!("{failure}"),
    }
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(files_below(&path)) } else { out.push(path) }
    }
    out
}
