//! What identifies an effect: the version of its key, and the named parts that the key is made of.
//!
//! A key is a digest of parts, each a name and a hash. A part that an effect does not have is not
//! among them, so that a part that a later version of Cascade adds leaves the keys of all effects
//! without it as they are.

use std::fmt::Write;

use serde_json::Value as Json;

/// How keys are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyVersion {
    /// From positional bytes, without a record of the parts: journals of format 1.
    V0,
    /// From positional bytes, without a version in the key: journals of format 2. A run that was begun with such keys
    /// keeps them when it is resumed, so that it repeats nothing.
    V1,
    /// From named parts; the key begins with `2:`. Runs that are not recorded have such keys, and those that a
    /// version without keyed digests began.
    #[default]
    V2,
    /// The same, with digests that only the project's own key can make
    /// ([`ProjectKey`](crate::project_key::ProjectKey)); the key begins with `3:`.
    V3,
}

impl KeyVersion {
    /// What a key of version 2 begins with.
    pub const V2_PREFIX: &'static str = "2:";
    /// What a key of version 3 begins with.
    pub const V3_PREFIX: &'static str = "3:";

    /// The version of a recorded key; `has_parts` says whether its parts are on record.
    pub fn of_key(key: &str, has_parts: bool) -> Self {
        match has_parts {
            _ if key.starts_with(Self::V3_PREFIX) => Self::V3,
            _ if key.starts_with(Self::V2_PREFIX) => Self::V2,
            true => Self::V1,
            false => Self::V0,
        }
    }
}

/// The parts of a key by name, each with the first eight bytes of its hash, so that a difference
/// can be named. The names: `skill`, `input.NAME` (version 1: `input.POSITION`), `model`,
/// `candidates`, `attached`, `folder`, `environment`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyParts(Vec<(String, [u8; 8])>);

impl KeyParts {
    /// Adds a part.
    pub fn push(&mut self, name: impl Into<String>, hash: &[u8; 32]) {
        let mut short = [0; 8];
        short.copy_from_slice(&hash[..8]);
        self.0.push((name.into(), short));
    }

    /// The same parts, each with what a function makes of its hash.
    pub fn map(&self, hash: impl Fn(&str, [u8; 8]) -> [u8; 32]) -> Self {
        let mut out = Self::default();
        for (name, known) in self.iter() {
            out.push(name, &hash(name, known));
        }
        out
    }

    /// The hash of a part, if there is one of this name.
    pub fn get(&self, name: &str) -> Option<[u8; 8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, hash)| *hash)
    }

    /// Names and hashes in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, [u8; 8])> {
        self.0.iter().map(|(name, hash)| (name.as_str(), *hash))
    }

    /// As a record keeps them: a JSON object of hashes in hex.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Written by hand: every effect has one, and a tree of JSON would be built only to be printed.
        let mut out = String::with_capacity(2 + self.0.len() * 40);
        out.push('{');
        for (i, (name, hash)) in self.0.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let name = serde_json::to_string(name).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = write!(out, "{comma}{name}:\"{:016x}\"", u64::from_be_bytes(*hash));
        }
        out.push('}');
        out.into_bytes()
    }

    /// What [`KeyParts::to_bytes`] wrote, in this version or an earlier one; `None` for anything
    /// else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if let Ok(Json::Object(fields)) = serde_json::from_slice(bytes) {
            let part = |(name, hash): (String, Json)| {
                Some((name, u64::from_str_radix(hash.as_str()?, 16).ok()?.to_be_bytes()))
            };
            return fields.into_iter().map(part).collect::<Option<Vec<_>>>().map(Self);
        }
        // Version 1: skill, model, attached files, inputs by position, eight bytes each; zeros for
        // what there was not.
        let mut hashes = bytes.chunks_exact(8).filter_map(|c| <[u8; 8]>::try_from(c).ok());
        let mut parts = Vec::new();
        for name in ["skill", "model", "attached"] {
            let hash = hashes.next()?;
            if hash != [0; 8] {
                parts.push((name.to_owned(), hash));
            }
        }
        parts.extend(hashes.enumerate().map(|(i, hash)| (format!("input.{i}"), hash)));
        Some(Self(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_they_were_written() {
        let mut parts = KeyParts::default();
        parts.push("skill", &[0xab; 32]);
        parts.push("input.text", &[0; 32]);
        assert_eq!(parts.to_bytes(), br#"{"skill":"abababababababab","input.text":"0000000000000000"}"#);
        assert_eq!(KeyParts::from_bytes(&parts.to_bytes()), Some(parts));
    }

    #[test]
    fn parts_of_version_1_have_names_too() {
        let bytes = [[1; 8], [0; 8], [3; 8], [0; 8], [5; 8]].concat();
        let parts = KeyParts::from_bytes(&bytes).unwrap();
        let names: Vec<(&str, u8)> = parts.iter().map(|(name, hash)| (name, hash[0])).collect();
        assert_eq!(names, [("skill", 1), ("attached", 3), ("input.0", 0), ("input.1", 5)]);
        assert_eq!(KeyParts::from_bytes(b"short"), None);
    }
}
