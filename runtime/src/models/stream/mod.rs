//! Reads a model's answer while it arrives.
//!
//! The events of a stream are folded into the body that the same API gives without a stream, so that there is one
//! reader of answers for each dialect. A server that does not stream sends that body itself.

mod anthropic;
mod chat;
mod events;
mod gemini;
mod responses;

use cascade_ir::ErrorKind;
use serde_json::{Value as Json, json};

use super::{Dialect, Expected, ModelAnswer, failures::failure_of_error};
use crate::{
    failure::{Failure, Raise},
    request::Usage,
};
use events::EventReader;

/// The longest answer that is kept, in bytes of its transfer.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// About so many bytes of text are one token.
const BYTES_PER_TOKEN: u64 = 4;

/// A dialect's stream as far as it was read.
trait Fold: Send {
    /// Takes an event. Returns whether the answer is complete.
    ///
    /// # Errors
    /// The error that the event reports.
    fn take(&mut self, event: Json) -> Result<bool, Raise>;
    /// How many bytes the model has written, reasoning included.
    fn written(&self) -> u64;
    /// Whether the answer is complete if the stream ends here: never, where an event says that it is.
    fn is_complete(&self) -> bool {
        false
    }
    /// What the API would have answered without a stream.
    fn body(&mut self) -> Json;
}

/// The body of an answer as far as it was read.
enum Body {
    /// Nothing that tells which of the two it is.
    Unknown,
    /// JSON, of a server that does not stream.
    Whole(Vec<u8>),
    /// Events.
    Events(EventReader),
}

/// Reads the body of a model's answer piece by piece.
pub(crate) struct AnswerReader {
    dialect: Dialect,
    expected: Expected,
    fold: Box<dyn Fold>,
    body: Body,
    bytes: usize,
    events: usize,
    complete: bool,
}

impl AnswerReader {
    pub(super) fn new(dialect: Dialect, expected: Expected) -> Self {
        let fold: Box<dyn Fold> = match dialect {
            Dialect::Anthropic => Box::<anthropic::Stream>::default(),
            Dialect::Responses => Box::<responses::Stream>::default(),
            Dialect::Chat => Box::<chat::Stream>::default(),
            Dialect::Gemini => Box::<gemini::Stream>::default(),
        };
        Self { dialect, expected, fold, body: Body::Unknown, bytes: 0, events: 0, complete: false }
    }

    /// Takes the next piece. Returns whether the answer is complete: then no more needs to be read.
    ///
    /// # Errors
    /// An error that the server reports, and what it has used so far.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<bool, (Raise, Usage)> {
        self.bytes += piece.len();
        if self.bytes > MAX_ANSWER {
            let message = format!("the model's answer is longer than {} MiB", MAX_ANSWER / 1024 / 1024);
            return Err(self.stop(Failure::raise(ErrorKind::InvalidOutput, message)));
        }
        if matches!(self.body, Body::Unknown) {
            match piece.iter().find(|byte| !byte.is_ascii_whitespace()) {
                None => return Ok(false),
                Some(b'{' | b'[') => self.body = Body::Whole(Vec::new()),
                Some(_) => self.body = Body::Events(EventReader::default()),
            }
        }
        match &mut self.body {
            Body::Whole(bytes) => {
                bytes.extend_from_slice(piece);
                Ok(false)
            }
            Body::Events(reader) => {
                let mut data = Vec::new();
                reader.push(piece, |event| data.push(event.to_vec()));
                self.take_events(&data)
            }
            Body::Unknown => Ok(false),
        }
    }

    fn take_events(&mut self, all: &[Vec<u8>]) -> Result<bool, (Raise, Usage)> {
        for data in all {
            if self.complete {
                break;
            }
            self.events += 1;
            if data == b"[DONE]" {
                self.complete = true;
                break;
            }
            let Ok(event) = serde_json::from_slice::<Json>(data) else {
                let message = "an event in the stream of the model's answer is not JSON";
                return Err(self.stop(Failure::raise(ErrorKind::Unavailable, message)));
            };
            self.complete = self.fold.take(event).map_err(|failure| self.stop(failure))?;
        }
        Ok(self.complete)
    }

    /// About how many tokens the model has written, reasoning included.
    pub(crate) fn tokens(&self) -> u64 {
        self.fold.written().div_ceil(BYTES_PER_TOKEN)
    }

    /// A failure in the middle of the answer, with what was used until then.
    pub(crate) fn stop(&mut self, failure: Raise) -> (Raise, Usage) {
        let usage = match self.dialect.read(&self.fold.body(), self.expected) {
            Ok((_, usage)) | Err((_, usage)) => usage,
        };
        (failure, usage)
    }

    /// The answer, after the last piece.
    pub(crate) fn finish(mut self) -> ModelAnswer {
        if let Body::Events(reader) = &mut self.body
            && !self.complete
        {
            // The last line may have no end. What is cut in it is no JSON.
            let mut data = Vec::new();
            reader.finish(|event| data.push(event.to_vec()));
            data.retain(|event| event == b"[DONE]" || serde_json::from_slice::<Json>(event).is_ok());
            self.take_events(&data)?;
        }
        let body = match std::mem::replace(&mut self.body, Body::Unknown) {
            Body::Whole(bytes) => {
                let Ok(body) = serde_json::from_slice::<Json>(&bytes) else {
                    let message = "the model's answer is not JSON, or was cut off on its way";
                    return Err(self.stop(Failure::raise(ErrorKind::Unavailable, message)));
                };
                body
            }
            Body::Events(_) if self.complete || self.fold.is_complete() => self.fold.body(),
            Body::Events(_) if self.events > 0 => {
                let message = "the stream of the model's answer ended before the answer was complete";
                return Err(self.stop(Failure::raise(ErrorKind::Unavailable, message)));
            }
            Body::Events(_) | Body::Unknown => {
                let message = match self.bytes {
                    0 => "the model's answer has no content",
                    _ => "the model's answer is neither JSON nor a stream of events",
                };
                return Err(self.stop(Failure::raise(ErrorKind::Unavailable, message)));
            }
        };
        // A success by its status may report an error all the same.
        let error = if body.is_array() { &body[0]["error"] } else { &body["error"] };
        match self.dialect.read(&body, self.expected) {
            Ok((_, usage)) | Err((_, usage)) if reports_error(error) => Err((failure_of_error(error), usage)),
            answer => answer,
        }
    }
}

/// Whether a field `error` holds one.
fn reports_error(error: &Json) -> bool {
    match error {
        Json::Object(fields) => !fields.is_empty(),
        Json::String(text) => !text.is_empty(),
        _ => false,
    }
}

/// Adds the fields that have a value: later counts of tokens replace earlier ones.
fn merge_json(into: &mut Json, from: Json) {
    if !into.is_object() {
        *into = json!({});
    }
    if let (Json::Object(into), Json::Object(from)) = (into, from) {
        into.extend(from.into_iter().filter(|(_, value)| !value.is_null()));
    }
}

/// Takes a part out of an event by its JSON pointer; null if there is none.
fn take_at(event: &mut Json, pointer: &str) -> Json {
    event.pointer_mut(pointer).map(Json::take).unwrap_or_default()
}

/// Takes a text out of an event by its JSON pointer; empty if there is none.
fn take_text(event: &mut Json, pointer: &str) -> String {
    match take_at(event, pointer) {
        Json::String(text) => text,
        _ => String::new(),
    }
}
