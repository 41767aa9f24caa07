//! JSON Schema as `.cascade` types.
//!
//! [`types`] takes JSON Schema from anyone and gives a formatted text that always checks. What a
//! schema says and the language cannot is said in comments, and told to the caller.

mod convert;
mod decls;
mod keywords;
mod look;
mod merge;
mod write;

use serde_json::Value as Json;

use crate::{codes::Severity, compile::compile, format::format, source::MemorySources};

/// What a schema has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The declarations, formatted.
    pub text: String,
    /// What could not be said, each with its place in the schema as a JSON pointer.
    pub lost: Vec<Lost>,
}

/// Something that a schema says and the language cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// A JSON pointer: `#/properties/name`.
    pub place: String,
    /// What is lost.
    pub what: String,
}

/// Types for a schema. `name` is for a schema without a title.
pub fn types(schema: &Json, name: &str) -> Imported {
    let schema = merge::joined(schema);
    let (mut decls, mut lost) = convert::declarations(&schema, name);
    // What only the checks can find, such as a type that contains itself, becomes free JSON.
    loop {
        let (text, lines) = write::text(&decls);
        let parse = cascade_grammar::parse(&text);
        let checked = compile("schema.cascade", text.as_str().into(), &MemorySources::default());
        let errors: Vec<(u32, String)> = checked
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .map(|d| (checked.sources.get(d.primary.source).position(d.primary.span.start).0, d.message.clone()))
            .collect();
        if errors.is_empty() {
            return Imported { text: format(&text, &parse).unwrap_or(text), lost };
        }
        let mut changed = false;
        for (line, message) in errors {
            let Some(at) = lines.iter().rev().find(|at| at.line <= line) else { continue };
            changed |= decls.free(at, &message, &mut lost);
        }
        if !changed {
            // Nothing is left that could be wrong.
            decls.clear();
        }
    }
}
