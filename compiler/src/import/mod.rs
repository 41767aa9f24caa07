//! Converts JSON Schema to `.cascade` types.
//!
//! [`import_types`] accepts any JSON Schema and gives a formatted file that always passes the check. What
//! the language cannot express is written as a comment and reported to the caller.

mod convert;
mod decls;
mod inspect;
mod keywords;
mod merge;
mod shapes;
mod write;

use serde_json::Value as Json;

use crate::{codes::Severity, compile::compile, format::format, source::MemorySources};

/// The result of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The declarations, formatted.
    pub text: String,
    /// What could not be expressed.
    pub lost: Vec<Loss>,
}

/// A part of a schema that the language cannot express.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Its JSON pointer: `#/properties/name`.
    pub place: String,
    /// What is lost, in words.
    pub what: String,
}

/// The types of a schema. `name` is used if the schema has no title.
pub fn import_types(schema: &Json, name: &str) -> Imported {
    let schema = merge::join_all_of(schema);
    let (mut decls, mut lost) = convert::convert_schema(&schema, name);
    // What only the checks find, such as a type that contains itself, is replaced by `json`.
    loop {
        let (text, lines) = write::write_declarations(&decls);
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
            changed |= decls.replace_with_json(at, &message, &mut lost);
        }
        if !changed {
            // The empty file always passes.
            decls.clear();
        }
    }
}
