//! Levels of warnings: allow, warn, deny.

use crate::{
    codes::{self, Code},
    diagnostic::{Diagnostic, Severity},
};

/// The level of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It is not reported.
    Allow,
    /// It is reported.
    Warn,
    /// It is reported as an error.
    Deny,
}

/// A code, a family of codes (`W01`), or all warnings (`warnings`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(String);

impl Rule {
    /// Parses a rule.
    ///
    /// # Errors
    /// Why the text does not name codes that can have a level.
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
            _ => Err(format!("unknown code `{text}`")),
        }
    }
}

/// Levels by code; the most specific rule applies, among equally specific ones the last.
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

    /// The level of a code; `None` if no rule matches.
    pub fn level_of(&self, code: Code) -> Option<Level> {
        let fitting = self.0.iter().filter(|(rule, _)| code.as_str().starts_with(&rule.0));
        fitting.max_by_key(|(rule, _)| rule.0.len()).map(|(_, level)| *level)
    }

    /// Drops what is allowed and turns what is denied into errors. Errors are not affected.
    pub fn apply(&self, diagnostics: &mut Vec<Diagnostic>) {
        if self.is_empty() {
            return;
        }
        diagnostics.retain_mut(|d| {
            if d.code.severity() == Severity::Error {
                return true;
            }
            match self.level_of(d.code) {
                Some(Level::Allow) => return false,
                Some(Level::Warn) => d.severity = Severity::Warning,
                Some(Level::Deny) => d.severity = Severity::Error,
                None => {}
            }
            true
        });
    }
}
