//! The files that the texts of a program name.

use cascade_grammar::{
    Parse,
    ast::{Attach, Expr, ExprKind, ImportSource, ItemKind, SkillLineKind, Span, StrLit, StrPart},
};

use super::completion::project_file;
use crate::source::Sources;

/// A text that names a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The text between the quotes.
    pub span: Span,
    /// The name of the file, which need not exist.
    pub file: String,
}

/// The files that a file imports, whose instructions its skills follow, and that they attach. Patterns of several
/// files (`*.md`) and texts with holes name no file.
pub fn links(file: &str, parse: &Parse, sources: &dyn Sources) -> Vec<Link> {
    let mut found = Vec::new();
    let mut add = |base: &str, literal: &StrLit, may_be_pattern: bool| {
        if let [StrPart::Text { text, span }] = literal.parts.as_slice()
            && !(may_be_pattern && text.contains(['*', '?', '[', '{']))
        {
            found.push(Link { span: *span, file: sources.resolve(base, text) });
        }
    };
    // What is attached is looked up where the program runs: in the folder of the project.
    let project = || project_file(file, sources);
    for item in &parse.file.items {
        match &item.kind {
            ItemKind::Import(import) => {
                if let ImportSource::Path(path) = &import.source {
                    add(file, path, false);
                }
            }
            ItemKind::Skill(decl) => {
                for line in &decl.body {
                    match &line.kind {
                        SkillLineKind::SkillFile(path) => add(file, path, false),
                        SkillLineKind::Attach(Attach::Files { pattern, dir: None }) => {
                            text_of(pattern).into_iter().for_each(|text| add(&project(), text, true));
                        }
                        SkillLineKind::Attach(Attach::Value(value)) => {
                            text_of(value).into_iter().for_each(|text| add(&project(), text, false));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn text_of(e: &Expr) -> Option<&StrLit> {
    match &e.kind {
        ExprKind::Str(text) => Some(text),
        _ => None,
    }
}
