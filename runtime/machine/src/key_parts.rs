//! The key of an effect: its version, and the named parts it is computed from.
//!
//! A key is a digest of parts, each with a name and a hash. Absent parts are left out, so that a part
//! that a later version of Cascade adds does not change the keys of effects without it.

use serde_json::Value as Json;

use crate::interpreter::push_hex;

/// How keys are computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyVersion {
    /// From positional bytes, without recorded parts: journals of format 1.
    V0,
    /// From positional bytes, without a version in the key: journals of format 2. A run that started with
    /// such keys keeps them when it is resumed, so that no effect is repeated.
    V1,
    /// From named parts; the key starts with `2:`. Used by runs that are not recorded, and by runs that were
    /// started by a version without keyed digests.
    #[default]
    V2,
    /// Like version 2, with HMACs of the project's secret key
    /// ([`ProjectKey`](crate::project_key::ProjectKey)); the key starts with `3:`.
    V3,
    /// Like version 3, with the content of the files that are inputs; the key starts with `4:`.
    V4,
}

impl KeyVersion {
    /// The prefix of keys of version 2.
    pub const V2_PREFIX: &'static str = "2:";
    /// The prefix of keys of version 3.
    pub const V3_PREFIX: &'static str = "3:";
    /// The prefix of keys of version 4.
    pub const V4_PREFIX: &'static str = "4:";

    /// The version of a recorded key; `has_parts` tells whether its parts are recorded.
    pub fn of_key(key: &str, has_parts: bool) -> Self {
        match has_parts {
            _ if key.starts_with(Self::V4_PREFIX) => Self::V4,
            _ if key.starts_with(Self::V3_PREFIX) => Self::V3,
            _ if key.starts_with(Self::V2_PREFIX) => Self::V2,
            true => Self::V1,
            false => Self::V0,
        }
    }
}

/// The parts of a key by name, each with the first eight bytes of its hash, so that a difference can be
/// attributed to a part. The names: `skill`, `input.NAME` (version 1: `input.POSITION`), `model`,
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

    /// The hash of a part, if it is present.
    pub fn get(&self, name: &str) -> Option<[u8; 8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, hash)| *hash)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names and hashes, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, [u8; 8])> {
        self.0.iter().map(|(name, hash)| (name.as_str(), *hash))
    }

    /// The recorded form: a JSON object of hashes in hex.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Written directly: every effect has one, and building a JSON tree would cost more.
        let mut out = String::with_capacity(2 + self.0.len() * 40);
        let mut separator = '{';
        for (name, hash) in &self.0 {
            out.push(separator);
            separator = ',';
            match name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')) {
                true => {
                    out.push('"');
                    out.push_str(name);
                    out.push('"');
                }
                false => out.push_str(&serde_json::to_string(name).unwrap_or_default()),
            }
            out.push_str(":\"");
            push_hex(&mut out, hash);
            out.push('"');
        }
        out.push_str(if self.0.is_empty() { "{}" } else { "}" });
        out.into_bytes()
    }

    /// Parses what [`KeyParts::to_bytes`] wrote, in this or an earlier version; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if let Ok(Json::Object(fields)) = serde_json::from_slice(bytes) {
            let part = |(name, hash): (String, Json)| {
                Some((name, u64::from_str_radix(hash.as_str()?, 16).ok()?.to_be_bytes()))
            };
            return fields.into_iter().map(part).collect::<Option<Vec<_>>>().map(Self);
        }
        // Version 1: skill, model, attached files, inputs by position, eight bytes each; zeros for absent
        // parts.
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
