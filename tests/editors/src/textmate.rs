//! Whether the TextMate grammar gives tokens the colours of their classes.
//!
//! It is made of regular expressions over single lines, so it cannot know every place in which a word is a name; its
//! errors are counted, and at most a few are allowed.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use cascade_grammar::TokenClass;

use crate::Program;
use crate::agreement::describe_place;
use crate::colours::CONTEXTUAL;
use crate::report::Report;

/// A range of bytes with its innermost scope.
struct Scoped {
    start: usize,
    end: usize,
    scope: String,
}

/// What `textmate.js` has printed.
#[derive(Default)]
pub struct Scopes(HashMap<PathBuf, Vec<Scoped>>);

impl Scopes {
    /// Reads what `textmate.js` has printed.
    pub fn read_file(path: &Path) -> Result<Self, Box<dyn Error>> {
        let mut scopes = Scopes::default();
        let mut current = PathBuf::new();
        for line in std::fs::read_to_string(path)?.lines() {
            if let Some(path) = line.strip_prefix("file ") {
                current = PathBuf::from(path);
                continue;
            }
            let mut parts = line.split(' ');
            let (Some(start), Some(end), Some(scope)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(format!("what is `{line}`?").into());
            };
            let scoped = Scoped { start: start.parse()?, end: end.parse()?, scope: scope.to_owned() };
            scopes.0.entry(current.clone()).or_default().push(scoped);
        }
        Ok(scopes)
    }
}

/// Whether a scope is right for a token of a class. Signs and brackets have many scopes, or none.
fn scope_is_right(scope: &str, class: TokenClass, text: &str) -> bool {
    let keyword = scope.starts_with("keyword.") && !scope.starts_with("keyword.operator.cascade");
    let string = scope.starts_with("string.") || scope.starts_with("punctuation.definition.string");
    match class {
        TokenClass::Keyword => keyword,
        TokenClass::Operator if text.starts_with(char::is_alphabetic) => keyword,
        TokenClass::Number => scope.starts_with("constant.numeric"),
        TokenClass::Constant => scope.starts_with("constant.language"),
        TokenClass::Quote => string || scope.starts_with("support.function.command"),
        TokenClass::StringText => string || scope.starts_with("constant.character.escape"),
        TokenClass::Hole => scope.starts_with("punctuation.section.interpolation"),
        TokenClass::Name if CONTEXTUAL.contains(&text) => true,
        TokenClass::Name | TokenClass::Bracket | TokenClass::Punctuation => {
            !keyword && !string && !scope.starts_with("comment.") && !scope.starts_with("constant.")
        }
        _ => !string && !scope.starts_with("comment."),
    }
}

/// Counts tokens with a wrong scope.
pub fn compare_scopes(program: &Program<'_>, scopes: &Scopes, report: &mut Report) {
    let Some(scoped) = scopes.0.get(program.path) else {
        report.disagree(&format!("{}: textmate.js has not read it", program.path.display()));
        return;
    };
    let show = std::env::var_os("CASCADE_SHOW_TEXTMATE").is_some();
    for token in &program.compiled.tokens {
        let range = token.span().range();
        let text = &program.text[range.clone()];
        if text.trim().is_empty() {
            continue;
        }
        let first = scoped.partition_point(|scoped| scoped.end <= range.start);
        let wrong = scoped[first..].iter().take_while(|scoped| scoped.start < range.end).find(|scoped| {
            let part = &program.text[scoped.start.max(range.start)..scoped.end.min(range.end)];
            !part.trim().is_empty() && !scope_is_right(&scoped.scope, token.class(), text)
        });
        report.textmate.count(wrong.is_some());
        if let Some(wrong) = wrong.filter(|_| show) {
            let (place, class) = (describe_place(program, range.start), token.class());
            println!("{place}: `{text}` is {class:?} for the compiler, {} for TextMate", wrong.scope);
        }
    }
}
