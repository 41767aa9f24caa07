//! The wire form of requests and answers, which the journal and the recordings store and which can be
//! sent to another process.
//!
//! A form is a JSON object with its `kind` and, as `v`, the [`VERSION`] it was written in. An absent
//! field has its default, so that a field can be added without a new version; the version changes if
//! older readers would misread the form.
//!
//! No secret is written. Where a request contains one, the form contains a reference
//! ([`WireText::Secret`]) that a [`Resolver`] replaces by the text just before it is used. Attached
//! files are referred to by a hash of their content in the same way; in a run with a project key it is a keyed one
//! ([`Vault::set_project_key`]), so that a short file cannot be guessed from it.

mod agent;
mod answer;
mod request;

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use smol_str::SmolStr;

use crate::{
    interpreter::to_hex,
    project_key::ProjectKey,
    redact::Redactor,
    value::{Arg, REDACTED, Secret, Value},
};

pub use agent::{WireAgent, WireOfferedServer, WireServer};
pub use answer::{WireAnswer, read_answer, write_answer, write_answer_text};
pub use request::{WireAttachment, WireEnv, WireHeader, WirePrompt, WireRequest, read_request, write_request};

/// The version of the forms that are written.
pub const VERSION: u32 = 1;

/// An unreadable form, or a reference that cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError(pub String);

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WireError {}

/// A text of a request, which can be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WireText {
    /// A text that is not secret.
    Plain(SmolStr),
    /// A secret.
    Secret {
        /// The input that contains it; `None`: the text is composed of a secret and more, or the secret is
        /// not an input, so that no reference can restore it.
        secret: Option<SmolStr>,
    },
}

/// The secrets of a run, by the names of the inputs that contain them.
#[derive(Debug, Clone, Default)]
pub struct Vault {
    secrets: Vec<(SmolStr, SmolStr)>,
    /// Finds secrets in texts that are not marked as secret.
    redactor: Redactor,
    /// The key that hides hashes of contents.
    project_key: Option<ProjectKey>,
}

impl Vault {
    /// The secrets among the inputs of a run; a secret within an input is named by its path
    /// (`login.token`, `keys[0]`).
    pub fn from_inputs<'a>(inputs: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Self {
        let mut vault = Self::default();
        for (name, value) in inputs {
            vault.add_secrets_of(&mut name.to_owned(), value);
        }
        vault.redactor = Redactor::new(vault.secrets.iter().map(|(_, secret)| secret.as_str()));
        vault
    }

    /// From now on, hashes of contents are written as keyed digests.
    pub fn set_project_key(&mut self, key: Option<ProjectKey>) {
        self.project_key = key;
    }

    /// The form of the hash of a content.
    pub fn hide_hash(&self, hash: &str) -> String {
        match &self.project_key {
            Some(key) => key.name_content("attachment", hash.as_bytes()),
            None => hash.to_owned(),
        }
    }

    /// Adds a secret without a name.
    pub fn learn(&mut self, secret: &Secret) {
        self.redactor.learn(secret.reveal());
    }

    /// The redactor of all its secrets.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The redactor, to add more secrets.
    pub fn redactor_mut(&mut self) -> &mut Redactor {
        &mut self.redactor
    }

    /// `path` names the value, and is restored afterwards: one buffer is reused for a large input.
    fn add_secrets_of(&mut self, path: &mut String, value: &Value) {
        if let Value::Secret(secret) = value {
            self.secrets.push((path.as_str().into(), secret.reveal().into()));
        }
        let length = path.len();
        for (index, item) in value.as_list().into_iter().flatten().enumerate() {
            // Writing to a string does not fail.
            let _ = write!(path, "[{index}]");
            self.add_secrets_of(path, item);
            path.truncate(length);
        }
        for (field, item) in value.entries().into_iter().flatten() {
            path.push('.');
            path.push_str(field);
            self.add_secrets_of(path, item);
            path.truncate(length);
        }
    }

    /// JSON without the secrets that are known.
    pub fn mask_json(&self, json: &Json) -> Json {
        let mut masked = json.clone();
        self.redactor.mask_json(&mut masked);
        masked
    }

    /// The form of an argument. A secret is only named if it is the whole argument: the rest of a longer
    /// argument may be derived from another secret.
    pub fn hide(&self, arg: &Arg) -> WireText {
        if !arg.secret {
            return WireText::Plain(match self.redactor.mask_stored(&arg.text).0 {
                Cow::Borrowed(_) => arg.text.clone(),
                Cow::Owned(masked) => masked.into(),
            });
        }
        let known = self.secrets.iter().find(|(_, secret)| *secret == arg.text);
        WireText::Secret { secret: known.map(|(name, _)| name.clone()) }
    }
}

/// Resolves the references of forms.
pub trait Resolver {
    /// The secret with this name.
    fn secret(&self, name: &str) -> Option<SmolStr>;
    /// The content with this hash, as [`Vault::hide_hash`] wrote it: of the SHA-256 in hex, or, without a project key and
    /// in older records, the SHA-256 itself.
    fn content(&self, hash: &str) -> Option<Arc<[u8]>>;
}

/// A vault resolves secrets, but no contents.
impl Resolver for Vault {
    fn secret(&self, name: &str) -> Option<SmolStr> {
        self.secrets.iter().find(|(known, _)| known == name).map(|(_, secret)| secret.clone())
    }

    fn content(&self, _hash: &str) -> Option<Arc<[u8]>> {
        None
    }
}

impl WireText {
    /// The argument that it refers to.
    ///
    /// # Errors
    /// If it is a secret that the resolver does not have.
    pub fn resolve(&self, resolver: &dyn Resolver) -> Result<Arg, WireError> {
        match self {
            Self::Plain(text) => Ok(Arg::plain(text.clone())),
            Self::Secret { secret: Some(name) } => match resolver.secret(name) {
                Some(text) => Ok(Arg { text, secret: true }),
                None => Err(WireError(format!("the secret `{name}` is not known here"))),
            },
            Self::Secret { secret: None } => {
                Err(WireError("a text that is made of a secret cannot be had from the record".to_owned()))
            }
        }
    }
}

/// The text of a request for a reader of the record; empty if it is not a text.
pub fn shown_text(json: &Json) -> &str {
    match json {
        Json::String(text) => text,
        Json::Object(fields) if fields.contains_key("secret") => REDACTED,
        _ => "",
    }
}

/// Bytes: as text if they are UTF-8, else in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WireBytes {
    /// UTF-8.
    Text(String),
    /// Other bytes.
    Hex {
        /// Two digits per byte.
        hex: String,
    },
}

impl WireBytes {
    /// The form of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex { hex: to_hex(bytes) },
        }
    }

    /// The bytes.
    ///
    /// # Errors
    /// If a digit is not hexadecimal, or one is missing.
    pub fn to_bytes(&self) -> Result<Arc<[u8]>, WireError> {
        match self {
            Self::Text(text) => Ok(Arc::from(text.as_bytes())),
            Self::Hex { hex } => {
                let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
                let byte = |c: &[u8]| Some(digit(*c.first()?)? << 4 | digit(*c.get(1)?)?);
                let bytes: Option<Arc<[u8]>> = hex.as_bytes().chunks(2).map(byte).collect();
                bytes.ok_or_else(|| WireError("bytes in hex that cannot be read".to_owned()))
            }
        }
    }
}

/// Checks that the version of a form can be read; forms without a version are older than versions.
fn check_version(version: u32) -> Result<(), WireError> {
    match version <= VERSION {
        true => Ok(()),
        false => Err(WireError(format!("it was written in version {version} of its form, this one knows {VERSION}"))),
    }
}
