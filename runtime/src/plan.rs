//! Plans the resumption of a run without carrying it out.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use cascade_ir::{CascadeId, ErrorKind, Program};
use serde::Serialize;

use crate::{
    agents::agent_availability,
    durable::{explain_key_change, explain_skill_change, find_cached_output},
    events::Event,
    failure::{Failure, kind_name},
    folder::{folder_key, run_folder},
    interpreter::{Environment, Machine},
    journal::{JournalError, Ledger, Recorded, Status, Store, failure_from},
    local::{RestoredFiles, load_after},
    models::Providers,
    request::{Answer, EffectInfo, Output, Request, RequestId, RequestKind},
    run::{known_outcomes, run_facts, run_redactor, snapshot_from},
    value::Value,
};

/// The plan of a resumption.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The answers taken from the record, or from the cache.
    pub reused: Vec<PlannedEffect>,
    /// Effects that would start, each with the reason.
    pub runs: Vec<PlannedEffect>,
    /// The number of recorded answers that are not requested before an effect of `runs` is answered:
    /// whether they are used depends on its answer.
    pub depends: Vec<PlannedEffect>,
    /// The end of the run if no effect needs to start: `done`, or the failure's message.
    pub end: Option<String>,
}

/// An effect that would start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedEffect {
    /// The stage's path.
    pub path: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The skill.
    pub skill: String,
    /// The reason.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The options of a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanOptions<'a> {
    /// The store of the run.
    pub store: &'a dyn Store,
    /// Its id.
    pub run: &'a str,
    /// The folder of attached files, whose content is part of the request; the working directory if
    /// absent.
    pub folder: Option<&'a Path>,
    /// Whether the run would take answers of other runs for stages with `cache`.
    pub use_cache: bool,
    /// How the providers of its models are reached.
    pub providers: &'a Providers,
}

/// Plans the resumption of a run with this program and these inputs. Nothing is started or written.
///
/// # Errors
/// If the journal cannot be read.
pub fn plan(
    program: &Program,
    cascade: CascadeId,
    inputs: Vec<Value>,
    options: &PlanOptions<'_>,
) -> Result<Plan, JournalError> {
    let PlanOptions { store, run, folder, use_cache, providers } = *options;
    let ledger = store.ledger(run)?;
    let row = store.run(run)?;
    let old = row.as_ref().and_then(|row| store.program(&row.program).ok());
    let questions = store.questions(run)?;
    let memory = snapshot_from(&store.memory_of(run)?);
    let recalled = ledger.recalled();
    let started = row.as_ref().map_or(0, |row| row.started);
    let facts = run_facts(program, cascade, run, started, &recalled);
    let environment = Environment {
        outcomes: known_outcomes(program, Some(store))?,
        facts,
        run: run.to_owned(),
        folder: folder_key(&run_folder(folder)),
        models: providers.availability(program),
        agents: agent_availability(program),
        listening: true,
        watched: false,
        recalled: Arc::new(recalled),
        project_key: Some(store.project_key()?),
        redactor: run_redactor(program, &inputs, providers),
        memory,
        ..Environment::default()
    };
    let failed = |failure: Failure| Plan { end: Some(failure.to_string()), ..Plan::default() };
    let mut machine = match Machine::new(program, cascade, inputs, environment) {
        Ok(machine) => machine,
        Err(failure) => return Ok(failed(*failure)),
    };
    let mut planner = Planner {
        program,
        old,
        ledger,
        store,
        questions,
        folder,
        use_cache,
        restored: RestoredFiles::default(),
        plan: Plan::default(),
        seen: HashSet::new(),
        failed: HashMap::new(),
    };
    // The answers in the order in which they were recorded.
    let mut due: std::collections::BTreeMap<(i64, u64), (RequestId, Answer)> = std::collections::BTreeMap::new();
    loop {
        machine.step();
        for id in machine.take_withdrawn() {
            due.retain(|_, (other, _)| *other != id);
        }
        machine.take_memory_ops();
        for event in machine.take_events() {
            if let Event::StageRetrying { path, attempt, kind, .. } = event {
                planner.failed.insert((path, attempt), kind);
            }
        }
        if let Some(outcome) = machine.outcome() {
            planner.plan.end = Some(match outcome {
                Ok(_) => "done".to_owned(),
                Err(failure) => failure.to_string(),
            });
            break;
        }
        while let Some(request) = machine.take_request() {
            let id = request.id;
            if let Some((seq, answer)) = planner.recorded_answer(request) {
                due.insert((seq, id.0), (id, answer));
            }
        }
        let Some((_, (id, answer))) = due.pop_first() else { break };
        machine.answer(id, answer);
    }
    Ok(planner.finish())
}

struct Planner<'p> {
    program: &'p Program,
    folder: Option<&'p Path>,
    use_cache: bool,
    /// The files that the answers of `plan.reused` put back.
    restored: RestoredFiles,
    /// The program as it was when the run was recorded.
    old: Option<Program>,
    ledger: Ledger,
    store: &'p dyn Store,
    questions: Vec<crate::journal::QuestionRow>,
    plan: Plan,
    /// The records that were requested.
    seen: HashSet<i64>,
    /// The failures of attempts that were followed by another one, by path and attempt: the
    /// interpreter interprets exit codes, so these failures are not in the record.
    failed: HashMap<(String, u32), ErrorKind>,
}

impl Planner<'_> {
    /// The recorded answer of a request; `None`: it would be executed, or waited for.
    fn recorded_answer(&mut self, request: Request) -> Option<(i64, Answer)> {
        let Request { kind, effect, .. } = request;
        match kind {
            RequestKind::Timer { timer, .. } => {
                let fired = self.ledger.timers.get(&timer)?.fired?;
                return Some((fired, Answer::ok(Output::Fired)));
            }
            RequestKind::Delay { .. } | RequestKind::Quota { .. } | RequestKind::Lock { .. } => {
                return Some((0, Answer::ok(Output::Fired)));
            }
            RequestKind::Load(loads) => return Some((0, load_after(&loads, self.folder, &self.restored))),
            RequestKind::Call(_) => return None,
            RequestKind::Run(_)
            | RequestKind::Http(_)
            | RequestKind::Prompt(_)
            | RequestKind::Agent(_)
            | RequestKind::Mcp(_)
            | RequestKind::Builtin(_)
            | RequestKind::OpenSandbox(_)
            | RequestKind::CloseSandbox(_)
            | RequestKind::Person(_) => {}
        }
        let is_of_a_person = matches!(kind, RequestKind::Person(_));
        let info = effect?;
        let found = self.ledger.find(&info.path, info.attempt, &info.key).cloned();
        match found {
            Some(record) if matches!(record.status, Status::Done | Status::Failed) => {
                self.seen.insert(record.seq);
                let answer = match record.status {
                    Status::Failed => Err(failure_from(record.error.as_deref().unwrap_or_default())),
                    _ => self
                        .store
                        .output(record.answer.as_deref(), record.artifact.as_deref())
                        .map_err(|e| Failure::raise(ErrorKind::Internal, e.to_string())),
                };
                Some((record.seq, self.reuse(&info, String::new(), Answer { result: answer, usage: record.usage })))
            }
            found => {
                if let Some(output) = self.cached_output(&info, is_of_a_person, found.as_ref()) {
                    return Some((0, self.reuse(&info, "from the cache".to_owned(), Answer::ok(output))));
                }
                let reason = self.reason(&info, found.as_ref());
                self.plan.runs.push(planned_effect(&info, reason));
                None
            }
        }
    }

    /// Notes that an answer is used again, with the files that it puts back.
    fn reuse(&mut self, info: &EffectInfo, reason: String, answer: Answer) -> Answer {
        if let Ok(Output::WithPatch(_, patch)) = &answer.result {
            self.restored.add(patch, self.folder);
        }
        self.plan.reused.push(planned_effect(info, reason));
        answer
    }

    /// The answer of another run that an effect without a recorded answer would take.
    fn cached_output(&self, info: &EffectInfo, is_of_a_person: bool, found: Option<&Recorded>) -> Option<Output> {
        let begins = match found.map(|record| record.status) {
            None => true,
            Some(Status::Open) => !info.once,
            Some(_) => false,
        };
        let max_age = info.cache_ms.filter(|_| self.use_cache && begins && !is_of_a_person)?;
        find_cached_output(self.store, self.program, info, max_age).ok()
    }

    /// The reason why an effect would start.
    fn reason(&self, info: &EffectInfo, found: Option<&Recorded>) -> String {
        if let Some(question) = self.questions.iter().find(|q| q.path == info.path && q.key == info.key) {
            return match &question.answer {
                Some(_) => "a person has answered".to_owned(),
                None => "a person has not answered yet".to_owned(),
            };
        }
        match found.map(|r| r.status) {
            Some(Status::Open) if info.once => {
                return "it was interrupted, must not be repeated, and its outcome is not known: a person is asked"
                    .to_owned();
            }
            Some(Status::Open) => return "it was interrupted".to_owned(),
            Some(Status::Withdrawn) => return "it was cancelled when the run was interrupted".to_owned(),
            _ => {}
        }
        let Some(newest) = self.ledger.newest(&info.path) else {
            return "it has not run before".to_owned();
        };
        if newest.key == info.key {
            let recorded = newest.error.as_deref().map(|error| failure_from(error).kind);
            return match recorded.or_else(|| self.failed.get(&(info.path.clone(), newest.attempt)).copied()) {
                Some(kind) => format!("its last attempt failed ({})", kind_name(kind)),
                None => "its last attempt failed".to_owned(),
            };
        }
        if newest.skill != info.skill.as_str() {
            return format!("it called `{}` before", newest.skill);
        }
        if let (Some(parts), Some(old)) = (&newest.parts, &self.old)
            && parts.get("skill") != info.parts.get("skill")
            && let Some(what) = explain_skill_change(old, self.program, &info.skill)
        {
            return what;
        }
        match &newest.parts {
            Some(parts) => explain_key_change(self.program, info, &parts.to_bytes()),
            None => "its inputs have changed".to_owned(),
        }
    }

    fn finish(self) -> Plan {
        let mut plan = self.plan;
        let mut depends: Vec<(i64, PlannedEffect)> = Vec::new();
        for (path, records) in &self.ledger.effects {
            // Of several attempts only the last one is listed.
            let settled = |r: &&Recorded| matches!(r.status, Status::Done | Status::Failed);
            let Some(record) = records.iter().rev().find(settled) else { continue };
            if records.iter().any(|r| self.seen.contains(&r.seq)) || plan.runs.iter().any(|p| p.path == *path) {
                continue;
            }
            let planned = PlannedEffect {
                path: path.clone(),
                attempt: record.attempt,
                skill: record.skill.to_string(),
                reason: String::new(),
            };
            depends.push((record.seq, planned));
        }
        depends.sort_by_key(|(seq, _)| *seq);
        plan.depends = depends.into_iter().map(|(_, planned)| planned).collect();
        plan
    }
}

fn planned_effect(info: &EffectInfo, reason: String) -> PlannedEffect {
    PlannedEffect { path: info.path.clone(), attempt: info.attempt, skill: info.skill.to_string(), reason }
}
