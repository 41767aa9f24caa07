//! Questions to people: `approve`, `ask`, `choose`, and `on error escalate`.

use std::sync::Arc;

use cascade_ir::{ErrorKind, Person, Rendering, Type};

use super::{
    Machine, Waiter,
    fiber::Fiber,
    frame::{Frame, Mode},
    guard::Guard,
};
use crate::{
    check::{Strictness, coerce_value},
    eval::Result,
    failure::{Failure, Raise, defect},
    render::render_value,
    request::{Answer, AnswerForm, EffectInfo, KeyParts, Output, PersonRequest, RequestId, RequestKind},
    value::{Value, from_json},
};

/// A question on its way.
pub(super) struct Asking {
    question: PersonRequest,
    pub(super) request: Option<RequestId>,
    pub(super) answer: Option<Box<Answer>>,
}

impl Asking {
    fn new(question: PersonRequest) -> Self {
        Self { question, request: None, answer: None }
    }
}

/// A failure that a person decides about.
pub(super) struct Escalated<'p> {
    pub(super) failure: Raise,
    pub(super) ty: &'p Type,
    pub(super) skip: bool,
}

/// What a person decided about a failure.
pub(super) enum Decision {
    Retry,
    Skip,
    Value(Value),
    Abort,
}

impl<'p> Machine<'p> {
    /// Begins a question.
    pub(super) fn begin_question(&mut self, fiber: &mut Fiber<'p>, person: &'p Person) -> Result<Mode> {
        let (kind, question, options) = match person {
            Person::Approve(question) => ("approve", question, None),
            Person::Ask(question) => ("ask", question, None),
            Person::Choose(question, options) => ("choose", question, Some(options)),
        };
        let question = self.evaluate_message(fiber, Some(question), "")?;
        let options: Vec<String> = match options {
            Some(expr) => {
                let value = self.eval.eval(expr, fiber.slots())?;
                let hides = self.hides_secrets();
                let shown = |v: &Value| match (render_value(v, Rendering::Text), hides) {
                    (text, true) => self.env.redactor.mask_stored(&text).0.into_owned(),
                    (text, false) => text,
                };
                value.as_list().unwrap_or_default().iter().map(shown).collect()
            }
            None => Vec::new(),
        };
        if kind == "choose" && options.is_empty() {
            return Err(Failure::raise(ErrorKind::Failed, "`choose` has nothing to choose from"));
        }
        let asking = Asking::new(PersonRequest { kind, question, options });
        fiber.frames.push(Frame::Person(Box::new(asking)));
        Ok(Mode::Run)
    }

    /// Asks a person what to do about a failure; the answer comes to the guard on top.
    pub(super) fn begin_escalation(
        &mut self,
        fiber: &mut Fiber<'p>,
        escalated: Escalated<'p>,
        message: String,
    ) -> Result<Mode> {
        let failure = &escalated.failure;
        let mut options: Vec<String> = vec!["retry".into()];
        if escalated.skip {
            options.push("skip".into());
        }
        options.extend(["value".to_owned(), "abort".to_owned()]);
        let question = format!("{message}\n{failure}");
        let Some(Frame::Guard(guard)) = fiber.frames.last_mut() else {
            return Err(defect!("an escalation without its guard"));
        };
        guard.escalated = Some(escalated);
        let asking = Asking::new(PersonRequest { kind: "escalate", question, options });
        fiber.frames.push(Frame::Person(Box::new(asking)));
        Ok(Mode::Run)
    }

    pub(super) fn continue_question(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode> {
        let mut path = fiber.path();
        let below = fiber.frames.len().checked_sub(2).and_then(|i| fiber.frames.get(i));
        let attempt = match below {
            Some(Frame::Guard(guard)) => guard.attempts,
            _ => 1,
        };
        let Some(Frame::Person(asking)) = fiber.frames.last_mut() else {
            return Err(defect!("an answer without its question"));
        };
        if let Some(answer) = asking.answer.take() {
            let Some(Frame::Person(asking)) = fiber.frames.pop() else {
                return Err(defect!("an answer without its question"));
            };
            return match answer.result? {
                Output::Person(json) => read_answer(&asking.question, &json).map(Mode::Give),
                _ => Err(defect!("a person answered with something else")),
            };
        }
        if asking.request.is_none() {
            let question = asking.question.clone();
            if question.kind == "escalate" {
                path.push_str("/escalate");
            }
            let key = super::keys::question_key(&self.keys, &question);
            let idempotency = super::keys::idempotency_key(self.keys.version(), &self.env.run, &path, &key);
            let info = EffectInfo {
                path,
                skill: question.kind.into(),
                attempt,
                key,
                old_keys: Vec::new(),
                parts: KeyParts::default(),
                idempotency,
                once: false,
                watch: false,
                cache_ms: None,
                answer: AnswerForm::default(),
            };
            let asked = self.send_request(RequestKind::Person(question), Some(Arc::new(info)), Waiter::Call(id));
            if let Some(Frame::Person(asking)) = fiber.frames.last_mut() {
                asking.request = Some(asked);
            }
        }
        Ok(Mode::Wait)
    }

    /// What a person said about the failure that the guard on top escalated.
    pub(super) fn read_decision(&mut self, escalated: &Escalated<'p>, value: &Value) -> Result<Decision> {
        let said = value.get("action").and_then(Value::as_text).unwrap_or_default();
        Ok(match said {
            "retry" => Decision::Retry,
            "skip" if escalated.skip => Decision::Skip,
            "abort" => Decision::Abort,
            "value" => {
                let given = value.get("value").cloned().unwrap_or(Value::Null);
                Decision::Value(coerce_value(&mut self.eval, given, escalated.ty, Strictness::Effect)?)
            }
            other => return Err(defect!("`{other}` is no decision")),
        })
    }
}

/// The value of an answer; the journal checked it when it was given.
fn read_answer(question: &PersonRequest, json: &serde_json::Value) -> Result {
    let value = from_json(json);
    let fits = match question.kind {
        "approve" => matches!(value, Value::Bool(_)),
        "ask" => matches!(value, Value::Str(_)),
        "choose" => value.as_text().is_some_and(|text| question.options.iter().any(|o| o == text)),
        _ => value.get("action").is_some(),
    };
    if fits {
        return Ok(value);
    }
    Err(Failure::raise(ErrorKind::InvalidOutput, format!("the answer {json} does not fit the question")))
}

impl<'p> Guard<'p> {
    /// Everything as at the first attempt, but for the count of attempts.
    pub(super) fn start_over(&mut self) {
        self.retries_left = self.retries;
        self.retries_done = 0;
        self.next_handler = 0;
        self.fixes_left = None;
        self.falling_back = false;
        self.candidates.clear();
        self.using.clone_from(&self.named);
    }
}
