//! The written form of requests and answers: what the journal and the recordings keep, and what
//! another process can be told.
//!
//! A form is a JSON object that says by `kind` what it is and by `v` in which [`VERSION`] it was
//! written. A field that is absent has its default, so that a field can be added without a new
//! version; a new version is a form that older readers would misread.
//!
//! No secret is written. Where a request holds one, the form holds a reference to it
//! ([`WireText::Secret`]) that a [`Resolver`] replaces by its text on the way to a process or a
//! socket. Attached files are named by the hash of their content in the same way.

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
    interpreter::hex,
    redact::Redactor,
    value::{Arg, REDACTED, Secret, Value},
};

pub use answer::{WireAnswer, read_answer, write_answer};
pub use request::{WireAttachment, WireEnv, WireHeader, WireRequest, read_request, write_request};

/// Version of the forms that are written.
pub const VERSION: u32 = 1;

/// A form that cannot be read, or a reference that nothing stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError(pub String);

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WireError {}

/// A text of a request, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WireText {
    /// Text that may be shown.
    Plain(SmolStr),
    /// A secret.
    Secret {
        /// The input of the run that holds it; `None`: the text is made of a secret and more, or of
        /// one that is no input, and cannot be had from a reference.
        secret: Option<SmolStr>,
    },
}

/// The secrets of a run by the names of the inputs that hold them.
#[derive(Debug, Clone, Default)]
pub struct Vault {
    secrets: Vec<(SmolStr, SmolStr)>,
    /// Finds secrets in texts that nobody marked.
    redactor: Redactor,
}

impl Vault {
    /// The secrets among the inputs of a run; a secret inside an input is named by its path
    /// (`login.token`, `keys[0]`).
    pub fn from_inputs<'a>(inputs: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Self {
        let mut vault = Self::default();
        for (name, value) in inputs {
            vault.add_secrets_of(&mut name.to_owned(), value);
        }
        vault.redactor = Redactor::new(vault.secrets.iter().map(|(_, secret)| secret.as_str()));
        vault
    }

    /// Learns a secret that has no name.
    pub fn learn(&mut self, secret: &Secret) {
        self.redactor.learn(secret.reveal());
    }

    /// What knows all its secrets.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The same, to teach it more.
    pub fn redactor_mut(&mut self) -> &mut Redactor {
        &mut self.redactor
    }

    /// `path` names the value, and is the same afterwards: one buffer serves for all of a large
    /// input.
    fn add_secrets_of(&mut self, path: &mut String, value: &Value) {
        if let Value::Secret(secret) = value {
            self.secrets.push((path.as_str().into(), secret.reveal().into()));
        }
        let length = path.len();
        for (index, item) in value.as_list().into_iter().flatten().enumerate() {
            // Writing to a text cannot fail.
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

    /// The form of an argument. A secret is named only where it is the whole argument: what stands
    /// beside it in a longer one may be made of another secret.
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

/// Gives what forms refer to.
pub trait Resolver {
    /// The secret of this name.
    fn secret(&self, name: &str) -> Option<SmolStr>;
    /// The content whose SHA-256 in hex this is.
    fn content(&self, hash: &str) -> Option<Arc<[u8]>>;
}

/// A vault knows secrets, and no contents.
impl Resolver for Vault {
    fn secret(&self, name: &str) -> Option<SmolStr> {
        self.secrets.iter().find(|(known, _)| known == name).map(|(_, secret)| secret.clone())
    }

    fn content(&self, _hash: &str) -> Option<Arc<[u8]>> {
        None
    }
}

impl WireText {
    /// The argument that it stands for.
    ///
    /// # Errors
    /// When it is a secret that the resolver does not have.
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

/// A text of a request as it is shown to a reader of the record; empty for what is no text.
pub fn shown_text(json: &Json) -> &str {
    match json {
        Json::String(text) => text,
        Json::Object(fields) if fields.contains_key("secret") => REDACTED,
        _ => "",
    }
}

/// Bytes: as text where they are UTF-8, in hex otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WireBytes {
    /// UTF-8.
    Text(String),
    /// Other bytes.
    Hex {
        /// Two digits a byte.
        hex: String,
    },
}

impl WireBytes {
    /// The form of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex { hex: hex(bytes) },
        }
    }

    /// The bytes.
    ///
    /// # Errors
    /// When the digits are not hexadecimal, or one is missing.
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

/// Whether the version of a form can be read; forms without one were written before there was any.
fn check_version(version: u32) -> Result<(), WireError> {
    match version <= VERSION {
        true => Ok(()),
        false => Err(WireError(format!("it was written in version {version} of its form, this one knows {VERSION}"))),
    }
}
