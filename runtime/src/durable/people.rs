//! Waits that outlive the process: questions to people, and spent quotas.

use cascade_ir::read::read_json;
use std::{
    collections::BTreeMap,
    sync::mpsc::{Sender, channel},
    thread,
};

use serde_json::Value as Json;

use super::{Durable, Note};
use crate::{
    events::Event,
    host::Host,
    journal::{Question, Record, now_ms},
    request::{Answer, Output, Request, RequestId, RequestKind},
};

/// Time between attempts while a quota without a known end is spent, in milliseconds.
const UNKNOWN_QUOTA: u64 = 15 * 60 * 1000;

/// A question that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The run.
    pub run: String,
    /// The stage's path.
    pub path: String,
    /// `approve`, `ask`, `choose`, `escalate`, `unknown`.
    pub kind: String,
    /// The question.
    pub question: String,
    /// What can be chosen.
    pub options: Vec<String>,
}

/// What came of a question on the terminal.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The answer.
    Answer(Json),
    /// The question was withdrawn meanwhile ([`Event::QuestionClosed`]); the next one can be asked.
    Withdrawn,
    /// Nobody is there any more: the terminal is closed.
    NobodyThere,
}

/// Asks a person on the terminal. It is called on a thread of its own.
pub type Asker = Box<dyn FnMut(&Asked) -> Reply + Send>;

/// Why a run is paused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pause {
    /// Questions without an answer.
    pub questions: Vec<Asked>,
    /// What services said whose quota is spent.
    pub quota: Vec<String>,
    /// When the quota is there again, in milliseconds since 1970, if that is known.
    pub until: Option<i64>,
}

impl Pause {
    /// In one sentence.
    pub fn reason(&self) -> String {
        match (self.questions.as_slice(), self.quota.first()) {
            (_, Some(quota)) => format!("a quota is spent: {quota}"),
            ([one], None) => format!("`{}` waits for a person", one.path),
            (many, None) => format!("{} stages wait for a person", many.len()),
        }
    }
}

struct Waiting {
    request: Request,
    asked: Asked,
    key: String,
}

struct Spent {
    until: Option<i64>,
    message: String,
}

pub(super) struct People {
    questions: BTreeMap<RequestId, Waiting>,
    quota: BTreeMap<RequestId, Spent>,
    /// Asks on the terminal, one question at a time.
    terminal: Option<Sender<(RequestId, Asked)>>,
    asker: Option<Asker>,
    wait: bool,
}

impl People {
    pub(super) fn new(asker: Option<Asker>, wait: bool) -> Self {
        Self { questions: BTreeMap::new(), quota: BTreeMap::new(), terminal: None, asker, wait }
    }

    pub(super) fn is_out_of_quota(&self) -> bool {
        !self.quota.is_empty()
    }

    /// Whether the run can only wait, and this process does not wait with it.
    pub(super) fn must_pause(&self) -> bool {
        if self.wait {
            return false;
        }
        !self.quota.is_empty() || (!self.questions.is_empty() && self.terminal.is_none())
    }

    /// The terminal gives no answers any more.
    pub(super) fn leave_terminal(&mut self) {
        self.terminal = None;
    }

    pub(super) fn is_polling(&self) -> bool {
        !self.questions.is_empty() && (self.wait || self.terminal.is_some())
    }

    /// Withdraws a question; returns where it was asked.
    pub(super) fn forget(&mut self, id: RequestId) -> Option<(String, String)> {
        self.questions.remove(&id).map(|w| (w.asked.path, w.key))
    }

    /// Ends the wait for a quota: it is available again, or its stage was cancelled.
    pub(super) fn forget_quota(&mut self, id: RequestId) {
        self.quota.remove(&id);
    }

    pub(super) fn pause(&self) -> Pause {
        Pause {
            questions: self.questions.values().map(|w| w.asked.clone()).collect(),
            quota: self.quota.values().map(|s| s.message.clone()).collect(),
            until: self.quota.values().filter_map(|s| s.until).max(),
        }
    }
}

impl<H: Host> Durable<'_, H> {
    /// Handles a spent quota: no new effect begins until it is available again.
    pub(super) fn wait_for_quota(&mut self, request: Request) {
        let RequestKind::Quota { path, attempt, retry_after_ms, message } = &request.kind else { return };
        // A resumed run tries again at once, and pauses again if the quota is still spent.
        if self.replay.has_answer(path, *attempt) || self.cancelled {
            self.instant.push_back((request.id, Answer::ok(Output::Fired)));
            return;
        }
        let until = retry_after_ms.and_then(|ms| i64::try_from(ms).ok()).map(|ms| now_ms().saturating_add(ms));
        let spent = Spent { until, message: message.clone() };
        let (id, ms) = (request.id, retry_after_ms.unwrap_or(UNKNOWN_QUOTA));
        let reason = format!("a quota is spent: {message}");
        self.people.quota.insert(id, spent);
        if self.people.wait {
            self.watch.tell_observer(Event::Paused { reason, until });
            let timer = crate::request::TimerId {
                path: path.clone(),
                attempt: *attempt,
                kind: crate::request::TimerKind::Wall,
            };
            self.inner.start(Request { id, kind: RequestKind::Timer { ms, timer }, effect: None, after: Vec::new() });
        }
    }

    /// Answers a question from the record, or asks it.
    pub(super) fn ask(&mut self, request: Request) {
        let (Some(info), RequestKind::Person(question)) = (request.effect.as_deref(), &request.kind) else { return };
        let question = Question {
            path: info.path.clone(),
            key: info.key.clone(),
            kind: question.kind.to_owned(),
            question: question.question.clone(),
            options: question.options.clone(),
            at: now_ms(),
        };
        self.ask_person(request, question);
    }

    /// Asks what became of an effect that must not be repeated blindly.
    pub(super) fn ask_about_unknown(&mut self, request: Request, started: i64) {
        let Some(info) = request.effect.as_deref() else { return };
        let question = Question {
            path: info.path.clone(),
            key: format!("unknown:{started}"),
            kind: "unknown".to_owned(),
            question: format!(
                "`{}` was started and the run was interrupted before its end was known. It must not be repeated \
                 blindly. What became of it?",
                info.skill
            ),
            options: vec!["again".to_owned(), "done".to_owned(), "failed".to_owned()],
            at: now_ms(),
        };
        self.ask_person(request, question);
    }

    fn ask_person(&mut self, request: Request, question: Question) {
        let id = request.id;
        let asked = Asked {
            run: self.run.clone(),
            path: question.path.clone(),
            kind: question.kind.clone(),
            question: question.question.clone(),
            options: question.options.clone(),
        };
        let key = question.key.clone();
        let known = match &self.store {
            Some(store) => store.answer_of(&self.run, &question.path, &key).ok().flatten(),
            None => None,
        };
        self.people.questions.insert(id, Waiting { request, asked: asked.clone(), key });
        if let Some(json) = known.and_then(|text| read_json(text.as_bytes()).ok()) {
            self.person_answered(id, json);
            return;
        }
        if self.journal.is_none() && self.people.asker.is_none() && self.people.terminal.is_none() {
            self.people.questions.remove(&id);
            let message = "nobody can be asked: the run has no journal and no terminal";
            self.instant.push_back((id, Answer::failed(cascade_ir::ErrorKind::Unavailable, message)));
            return;
        }
        self.write(Record::Asked(Box::new(question)));
        let Asked { path, kind, question, options, .. } = asked.clone();
        self.watch.tell_observer(Event::Asked { path, kind, question, options });
        self.on_terminal(id, asked);
    }

    /// Puts a question on the terminal, if there is one.
    fn on_terminal(&mut self, id: RequestId, asked: Asked) {
        if let Some(mut asker) = self.people.asker.take() {
            let (sender, receiver) = channel::<(RequestId, Asked)>();
            let outbox = self.outbox.clone();
            // It may wait for a key for ever; it ends with the process.
            let spawned = thread::Builder::new().name("cascade-ask".to_owned()).spawn(move || {
                for (id, asked) in receiver {
                    let note = match asker(&asked) {
                        Reply::Answer(json) => Note::Answered(id, json),
                        Reply::NobodyThere => Note::NobodyThere,
                        Reply::Withdrawn => continue,
                    };
                    let gone = matches!(note, Note::NobodyThere);
                    if outbox.send(note).is_err() || gone {
                        return;
                    }
                }
            });
            if spawned.is_ok() {
                self.people.terminal = Some(sender);
            }
        }
        if let Some(terminal) = &self.people.terminal
            && terminal.send((id, asked)).is_err()
        {
            self.people.terminal = None;
        }
    }

    /// Handles an answer of a person.
    pub(super) fn person_answered(&mut self, id: RequestId, json: Json) {
        let Some(Waiting { request, asked, .. }) = self.people.questions.remove(&id) else { return };
        self.watch.tell_observer(Event::QuestionClosed { path: asked.path.clone() });
        let answer = if asked.kind == "unknown" {
            match super::outcome::answer_from_report(&request.kind, &json) {
                Some(answer) => answer,
                None => {
                    // The effect is repeated with its idempotency key.
                    self.begin(request);
                    return;
                }
            }
        } else {
            Answer::ok(Output::Person(json))
        };
        self.begin_answered(request, answer);
    }

    /// Reads answers that people gave through another process.
    pub(super) fn look_for_answers(&mut self) {
        let Some(store) = &self.store else { return };
        let mut found = Vec::new();
        for (id, waiting) in &self.people.questions {
            if let Ok(Some(text)) = store.answer_of(&self.run, &waiting.asked.path, &waiting.key)
                && let Ok(json) = read_json(text.as_bytes())
            {
                found.push((*id, json));
            }
        }
        for (id, json) in found {
            self.person_answered(id, json);
        }
    }
}
