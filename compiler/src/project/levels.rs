//! What is made of each warning: nothing, a warning, an error.

use crate::{
    codes::{self, Code},
    diagnostic::{Diagnostic, Severity},
};

/// What is made of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It is not told.
    Allow,
    /// It is told.
    Warn,
    /// It is told and counts as an error.
    Deny,
}

/// A code, a family of codes (`W01`), or all warnings (`warnings`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(String);

impl Rule {
    /// The codes that a text names.
    ///
    /// # Errors
    /// Why it names none that can have a level.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("warnings") {
            return Ok(Self("W".to_owned()));
        }
        let upper = text.to_ascii_uppercase();
        let known = codes::ALL.iter().any(|(code, _)| {
            let code = code.as_str();
            code == upper || (upper.len() == 3 && code.starts_with(&upper))
        });
        match upper.as_bytes().first() {
            Some(b'E') if known => Err(format!("`{text}` is an error, and errors have no level")),
            _ if known => Ok(Self(upper)),
            _ => Err(format!("there is no code `{text}`")),
        }
    }
}

/// Levels by code; the most exact rule holds, of equally exact ones the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels(Vec<(Rule, Level)>);

impl Levels {
    /// Adds a rule.
    pub fn set(&mut self, rule: Rule, level: Level) {
        self.0.push((rule, level));
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The level of a code; `None` when no rule speaks of it.
    pub fn of(&self, code: Code) -> Option<Level> {
        let fitting = self.0.iter().filter(|(rule, _)| code.as_str().starts_with(&rule.0));
        fitting.max_by_key(|(rule, _)| rule.0.len()).map(|(_, level)| *level)
    }

    /// Drops what is allowed and makes errors of what is denied. Errors stay what they are.
    pub fn apply(&self, diagnostics: &mut Vec<Diagnostic>) {
        if self.is_empty() {
            return;
        }
        diagnostics.retain_mut(|d| {
            if d.code.severity() == Severity::Error {
                return true;
            }
            match self.of(d.code) {
                Some(Level::Allow) => return false,
                Some(Level::Warn) => d.severity = Severity::Warning,
                Some(Level::Deny) => d.severity = Severity::Error,
                None => {}
            }
            true
        });
    }
}
