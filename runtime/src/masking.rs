//! Answers without the secrets that nobody declared.

use std::{borrow::Cow, sync::Arc};

use cascade_ir::{Program, Type};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::{
    interpreter::to_hex,
    redact::{Cut, Redactor, mask_declared},
    request::{AgentAnswer, AnswerForm, Attachment, Output},
    value::REDACTED,
};

/// Puts `[secret]` in the place of the secrets that the answer to a skill declares, for a copy that
/// others may read: what is there then still has the type.
pub(crate) fn hide_declared(program: &Program, ty: &Type, form: AnswerForm, output: &mut Output) {
    let hide = |text: &str| -> String {
        if !form.json {
            return REDACTED.to_owned();
        }
        let masked = |text: &str| {
            let mut json: Json = serde_json::from_str(text).ok()?;
            mask_declared(program, ty, &mut json);
            Some(json.to_string())
        };
        masked(text).unwrap_or_else(|| REDACTED.to_owned())
    };
    match output {
        Output::Response(response) => {
            response.body = hide(&String::from_utf8_lossy(&response.body)).into_bytes().into();
        }
        Output::Model(text) => *text = hide(text),
        Output::Agent(answer) => answer.text = hide(&answer.text),
        // It is no answer yet: nothing of the declared type is in it.
        Output::Calls(_) => {}
        Output::Process(process) => {
            process.stdout = hide(&String::from_utf8_lossy(&process.stdout)).into_bytes().into();
        }
        Output::WithPatch(output, _) => hide_declared(program, ty, form, output),
        Output::Builtin(json) | Output::Tool(json) => mask_declared(program, ty, json),
        Output::Files(..)
        | Output::Person(_)
        | Output::Value(_)
        | Output::Opened(_)
        | Output::Closed(_)
        | Output::Fired => {}
    }
}

/// Masks an output; whose key was in it that nobody had named.
pub(crate) fn mask_output(redactor: &Redactor, form: AnswerForm, output: &mut Output) -> Option<&'static str> {
    match output {
        Output::Process(process) => {
            process.stderr = redactor.mask_stored(&process.stderr).0.into_owned();
            match form.secret {
                false => mask_content(redactor, form, &mut process.stdout),
                true => None,
            }
        }
        // A service that refuses has nothing to give, and repeats what it was asked.
        Output::Response(response) if form.secret && (200..300).contains(&response.status) => None,
        Output::Response(response) => mask_content(redactor, form, &mut response.body),
        Output::Model(_) if form.secret => None,
        Output::Model(text) => {
            let (masked, found) = redactor.mask_stored(text);
            if let Cow::Owned(masked) = masked {
                *text = masked;
            }
            found
        }
        Output::Agent(answer) => {
            let AgentAnswer { text, session: _, diff, notes } = &mut **answer;
            let mut found = None;
            for text in notes.iter_mut().chain([diff]).chain((!form.secret).then_some(text)) {
                let (masked, key) = redactor.mask_stored(text);
                found = found.or(key);
                if let Cow::Owned(masked) = masked {
                    *text = masked;
                }
            }
            found
        }
        Output::Calls(calls) => {
            let (masked, mut found) = redactor.mask_stored(&calls.text);
            if let Cow::Owned(masked) = masked {
                calls.text = masked;
            }
            for call in &mut calls.calls {
                found = found.or(redactor.mask_json(&mut call.args));
            }
            found
        }
        Output::Builtin(_) | Output::Tool(_) if form.secret => None,
        Output::Builtin(json) | Output::Tool(json) | Output::Person(json) => redactor.mask_json(json),
        Output::Files(files, notes) => {
            notes.iter_mut().for_each(|note| *note = redactor.mask(note).into_owned());
            files.iter_mut().map(|file| mask_file(redactor, file)).fold(None, Option::or)
        }
        Output::WithPatch(output, _) => mask_output(redactor, form, output),
        Output::Closed(closed) => {
            let mut found = None;
            for text in closed.notes.iter_mut().chain([&mut closed.patch]) {
                let (masked, key) = redactor.mask_stored(text);
                found = found.or(key);
                if let Cow::Owned(masked) = masked {
                    *text = masked;
                }
            }
            found
        }
        Output::Value(_) | Output::Opened(_) | Output::Fired => None,
    }
}

fn mask_content(redactor: &Redactor, form: AnswerForm, content: &mut Arc<[u8]>) -> Option<&'static str> {
    let (masked, found) = redactor.mask_answer(content, form.json);
    if let Cow::Owned(masked) = masked {
        *content = masked.into();
    }
    found
}

/// A file that goes with a prompt: its text, and what was made of it.
fn mask_file(redactor: &Redactor, file: &mut Attachment) -> Option<&'static str> {
    let (masked, found) = match std::str::from_utf8(&file.content) {
        Ok(_) => redactor.mask_answer(&file.content, false),
        Err(_) => (redactor.mask_bytes(&file.content, Cut::default()), None),
    };
    if let Cow::Owned(masked) = masked {
        file.hash = to_hex(&Sha256::digest(&masked));
        file.content = masked.into();
    }
    found
}
