//! What can be done with a declaration by a click above it.

use cascade_grammar::{
    Parse,
    ast::{ItemKind, Span, StrPart},
};

/// What a lens does. What carries it out is the editor: it knows how the user runs programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LensAction {
    /// Runs a cascade.
    Run,
    /// Shows the graph of a cascade.
    Graph,
    /// Runs a test.
    Test,
}

/// An action above a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lens {
    /// The name of the declaration.
    pub span: Span,
    /// What it does.
    pub action: LensAction,
    /// The name of the cascade or the test.
    pub name: String,
}

/// The lenses of a file, in the order of the text. A test whose name is not plain text cannot be named and has none.
pub fn lenses(parse: &Parse) -> Vec<Lens> {
    let mut found = Vec::new();
    for item in &parse.file.items {
        match &item.kind {
            ItemKind::Cascade(decl) if !decl.name.text.is_empty() => {
                for action in [LensAction::Run, LensAction::Graph] {
                    found.push(Lens { span: decl.name.span, action, name: decl.name.text.to_string() });
                }
            }
            ItemKind::Test(decl) => {
                if let [StrPart::Text { text, .. }] = decl.name.parts.as_slice() {
                    found.push(Lens { span: decl.name.span, action: LensAction::Test, name: text.clone() });
                }
            }
            _ => {}
        }
    }
    found
}
