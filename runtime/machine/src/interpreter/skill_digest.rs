//! Digests of what a skill is: of its compiled form with all that it reaches, wherever it stands in the program.

use cascade_ir::{Skill, SkillId};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{Machine, keys::PartDigest};
use crate::key_parts::KeyVersion;

impl Machine<'_> {
    /// A hash of everything compiled that a skill's answer depends on: the skill itself, and the
    /// types and functions that it reaches. Places and positions in tables do not count, so an
    /// edit elsewhere leaves it as it is.
    pub(super) fn skill_digest(&mut self, id: SkillId, skill: &Skill) -> PartDigest {
        if let Some(found) = self.digests.get(&id.0) {
            return *found;
        }
        let content = skill_digest(self.keys.version(), self.program, skill);
        let digest = self.keys.part_digest("skill", content);
        self.digests.insert(id.0, digest);
        digest
    }
}

/// See [`Machine::skill_digest`].
pub(super) fn skill_digest(version: KeyVersion, program: &cascade_ir::Program, skill: &Skill) -> [u8; 32] {
    let mut json = serde_json::to_value(skill).unwrap_or_default();
    // Documentation of types reaches the model with their schema; that of the skill and its
    // parameters is for readers alone.
    if let (true, Json::Object(fields)) = (version != KeyVersion::V0, &mut json) {
        fields.shift_remove("doc");
        for param in fields.get_mut("params").and_then(Json::as_array_mut).into_iter().flatten() {
            if let Json::Object(param) = param {
                param.shift_remove("doc");
            }
        }
    }
    versioned_part_digest(version, program, &json)
}

/// The hash of a part of a program, with the types and functions that it reaches.
pub fn part_digest(program: &cascade_ir::Program, part: &Json) -> [u8; 32] {
    versioned_part_digest(KeyVersion::V2, program, part)
}

fn versioned_part_digest(version: KeyVersion, program: &cascade_ir::Program, part: &Json) -> [u8; 32] {
    let mut walker = Walker { version, program, hash: Sha256::new(), open: Vec::new() };
    walker.walk(part);
    walker.hash.finalize().into()
}

struct Walker<'p> {
    version: KeyVersion,
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
                let mut fields: Vec<(&String, &Json)> = fields.iter().collect();
                if self.version >= KeyVersion::V2 {
                    // Neither the order of fields counts nor a field with its default value: the
                    // next version of Cascade may add one. Names of variants begin with a capital
                    // letter; what they hold is no field.
                    fields.retain(|(name, value)| name.starts_with(char::is_uppercase) || !is_default(value));
                    fields.sort_by_key(|(name, _)| *name);
                }
                for (name, value) in fields {
                    if name == "doc" && value.as_str() == Some("") {
                        continue;
                    }
                    if name == "stop_on_error" && self.version == KeyVersion::V2 && !has_several_lines(json) {
                        continue;
                    }
                    self.text(name);
                    if name == "stop_on_error" {
                        self.text(if has_several_lines(json) { "true" } else { "false" });
                        continue;
                    }
                    match (name.as_str(), value) {
                        ("Named", Json::Number(id)) | ("ty", Json::Number(id)) => self.definition(0, id.as_u64()),
                        ("server", Json::Number(id)) => self.definition(2, id.as_u64()),
                        ("server_tool", Json::Array(tool)) => {
                            self.definition(2, tool.first().and_then(Json::as_u64));
                            tool.iter().skip(1).for_each(|name| self.walk(name));
                        }
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
            1 => match self.program.functions.get(index) {
                Some(def) => (def.name.clone(), serde_json::to_value(def)),
                None => return,
            },
            _ => match self.program.servers.get(index) {
                Some(def) => (def.name.clone(), serde_json::to_value(&def.transport)),
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

/// Whether the script of a command has several lines. Only such a script stopped at the first
/// command that fails when the versions of keys were made; today each does, and the keys stay.
fn has_several_lines(script: &Json) -> bool {
    let parts = script.get("parts").and_then(Json::as_array).into_iter().flatten();
    let text: String = parts.map(|part| part.get("Text").and_then(Json::as_str).unwrap_or("$")).collect();
    text.trim_start().contains('\n')
}

/// Whether a field of the instruction tree has the value of one that is absent.
fn is_default(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Bool(true) | Json::Number(_) | Json::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(part: &Json) -> [u8; 32] {
        part_digest(&cascade_ir::Program::empty("test.cascade"), part)
    }

    #[test]
    fn a_field_that_a_later_version_adds_changes_no_digest() {
        let prompt = json!({ "prompt": { "parts": [{ "Text": "hi" }] }, "temperature": null });
        let more = json!({
            "tools": [], "strict": false, "note": "", "agent": null,
            "temperature": null, "prompt": { "parts": [{ "Text": "hi" }] },
        });
        assert_eq!(digest(&prompt), digest(&more));
        assert_ne!(digest(&prompt), digest(&json!({ "prompt": { "parts": [{ "Text": "hi" }] }, "tools": ["a"] })));
    }

    #[test]
    fn values_in_expressions_are_no_absent_fields() {
        let all = [
            json!({ "Const": { "Bool": false } }),
            json!({ "Const": { "Bool": true } }),
            json!({ "Const": { "Str": "" } }),
            json!({ "Const": "Null" }),
            json!({ "List": [] }),
            json!({ "Map": [] }),
            json!({ "List": [{ "Const": "Null" }] }),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(digest(a), digest(b), "{a} and {b}");
            }
        }
    }
}
