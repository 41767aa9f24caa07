//! Names of effects that outlive a run, and edits of the program: hashes.

use cascade_ir::{Model, Skill, SkillId};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::Machine;
use crate::{
    request::{Attachment, KeyParts, PersonRequest},
    value::{Value, to_json},
};

impl Machine<'_> {
    /// A hash of everything compiled that a skill's answer depends on: the skill itself, and the
    /// types and functions that it reaches. Places and positions in tables do not count, so an
    /// edit elsewhere leaves it as it is.
    pub(super) fn skill_digest(&mut self, id: SkillId, skill: &Skill) -> [u8; 32] {
        if let Some(found) = self.digests.get(&id.0) {
            return *found;
        }
        let mut json = serde_json::to_value(skill).unwrap_or_default();
        // Documentation of types reaches the model with their schema; that of the skill and its
        // parameters is for readers alone.
        if let Json::Object(fields) = &mut json {
            fields.shift_remove("doc");
            for param in fields.get_mut("params").and_then(Json::as_array_mut).into_iter().flatten() {
                if let Json::Object(param) = param {
                    param.shift_remove("doc");
                }
            }
        }
        let digest = part_digest(self.program, &json);
        self.digests.insert(id.0, digest);
        digest
    }
}

/// The hash of a part of a program, with the types and functions that it reaches.
pub fn part_digest(program: &cascade_ir::Program, part: &Json) -> [u8; 32] {
    let mut walker = Walker { program, hash: Sha256::new(), open: Vec::new() };
    walker.walk(part);
    walker.hash.finalize().into()
}

struct Walker<'p> {
    program: &'p cascade_ir::Program,
    hash: Sha256,
    /// Definitions on the way: recursive types end here.
    open: Vec<(u8, u64)>,
}

impl Walker<'_> {
    fn walk(&mut self, json: &Json) {
        match json {
            Json::Object(fields) => {
                if fields.len() == 3 && fields.contains_key("file") && fields.contains_key("line") {
                    return;
                }
                self.hash.update(b"{");
                for (name, value) in fields {
                    if name == "doc" && value.as_str() == Some("") {
                        continue;
                    }
                    self.text(name);
                    match (name.as_str(), value) {
                        ("Named", Json::Number(id)) | ("ty", Json::Number(id)) => self.definition(0, id.as_u64()),
                        ("Call", Json::Array(call)) => {
                            if let [Json::Number(id), Json::Array(args)] = &call[..] {
                                self.definition(1, id.as_u64());
                                for arg in args {
                                    self.walk(arg);
                                }
                            } else {
                                self.walk(value);
                            }
                        }
                        _ => self.walk(value),
                    }
                }
                self.hash.update(b"}");
            }
            Json::Array(items) => {
                self.hash.update(b"[");
                for item in items {
                    self.walk(item);
                }
                self.hash.update(b"]");
            }
            Json::String(s) => self.text(s),
            other => self.text(&other.to_string()),
        }
    }

    fn text(&mut self, text: &str) {
        self.hash.update((text.len() as u64).to_le_bytes());
        self.hash.update(text.as_bytes());
    }

    fn definition(&mut self, table: u8, id: Option<u64>) {
        let Some(id) = id else { return };
        let index = usize::try_from(id).unwrap_or(usize::MAX);
        let (name, json) = match table {
            0 => match self.program.types.get(index) {
                Some(def) => (def.name.clone(), serde_json::to_value(def)),
                None => return,
            },
            _ => match self.program.functions.get(index) {
                Some(def) => (def.name.clone(), serde_json::to_value(def)),
                None => return,
            },
        };
        self.text(&name);
        if self.open.contains(&(table, id)) {
            return;
        }
        // Each definition once: what it says is the same wherever it is named.
        self.open.push((table, id));
        if let Ok(json) = json {
            self.walk(&json);
        }
    }
}

/// A hash of what makes a model another one.
pub(super) fn model_digest(model: &Model) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [model.provider.as_str(), &model.id, model.base_url.as_deref().unwrap_or_default()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// The key of an effect's answer, and what it is made of.
pub(super) fn effect_key(
    digest: &[u8; 32],
    args: &[Value],
    model: Option<&[u8; 32]>,
    attached: &[Attachment],
) -> (String, KeyParts) {
    let mut hash = Sha256::new();
    let mut parts = KeyParts { skill: short(digest), args: Vec::with_capacity(args.len()), ..KeyParts::default() };
    hash.update(digest);
    for arg in args {
        let mut one = Sha256::new();
        hash_value(arg, &mut one);
        let one: [u8; 32] = one.finalize().into();
        parts.args.push(short(&one));
        hash.update(one);
    }
    if let Some(model) = model {
        parts.model = short(model);
        hash.update(model);
    }
    if !attached.is_empty() {
        let mut one = Sha256::new();
        for file in attached {
            one.update((file.path.len() as u64).to_le_bytes());
            one.update(file.path.as_bytes());
            one.update(file.hash.as_bytes());
        }
        let one: [u8; 32] = one.finalize().into();
        parts.attached = short(&one);
        hash.update(one);
    }
    (hex(&hash.finalize()), parts)
}

fn short(hash: &[u8; 32]) -> [u8; 8] {
    let mut out = [0; 8];
    out.copy_from_slice(&hash[..8]);
    out
}

/// The key of a question.
pub(super) fn question_key(question: &PersonRequest) -> String {
    let mut hash = Sha256::new();
    hash.update(question.kind.as_bytes());
    hash.update(question.question.as_bytes());
    for option in &question.options {
        hash.update([0]);
        hash.update(option.as_bytes());
    }
    hex(&hash.finalize())
}

/// The same for all attempts to get one answer in a run, different between runs, and when an
/// edit makes it another question.
pub(super) fn idempotency(run: &str, path: &str, key: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(run.as_bytes());
    hash.update([0]);
    hash.update(path.as_bytes());
    hash.update([0]);
    hash.update(key.as_bytes());
    let mut text = hex(&hash.finalize());
    text.truncate(32);
    text
}

/// Values by kind and content. A secret counts with its text, which the hash does not show.
fn hash_value(value: &Value, hash: &mut Sha256) {
    hash.update(value.kind().as_bytes());
    match value {
        Value::List(items) => {
            hash.update((items.len() as u64).to_le_bytes());
            for item in items.iter() {
                hash_value(item, hash);
            }
        }
        Value::Map(_) | Value::Record(_) | Value::Variant(_) => {
            if let Value::Variant(v) = value {
                hash.update(v.name.as_bytes());
            }
            for (name, item) in value.entries().into_iter().flatten() {
                hash.update((name.len() as u64).to_le_bytes());
                hash.update(name.as_bytes());
                hash_value(item, hash);
            }
            hash.update(b"}");
        }
        Value::Secret(secret) => hash.update(Sha256::digest(secret.reveal().as_bytes())),
        Value::Command(command) => {
            for arg in command.argv() {
                hash.update((arg.text.len() as u64).to_le_bytes());
                hash.update(arg.text.as_bytes());
            }
        }
        Value::Str(text) => {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        other => hash.update(to_json(other).to_string().as_bytes()),
    }
}

/// Lower case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| DIGITS[usize::from(n & 15)] as char;
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}
