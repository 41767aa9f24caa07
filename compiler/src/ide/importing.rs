//! What other files give to a file, and the change that imports it.

use cascade_grammar::ast::{File, ImportSource, Item, ItemKind, Name, Span};

use super::CompletionKind;
use crate::world::Def;

/// Modules of the standard library that a program does not import itself.
pub(super) const HIDDEN: &[&str] = &["std.prelude", "std.repair"];

/// Whether an import names a module of the standard library.
pub(super) fn names_module(source: &ImportSource, module: &str) -> bool {
    match source {
        ImportSource::Module(parts) => parts.iter().map(|part| part.text.as_str()).eq(module.split('.')),
        ImportSource::Path(_) => false,
    }
}

/// The change that imports a name: into the braces of the import that `is_same` finds, or a line of its own, where
/// `source` is written for where it comes from.
pub(super) fn import_change(
    file: &File,
    is_same: &dyn Fn(&ImportSource) -> bool,
    source: &str,
    name: &str,
) -> (Span, String) {
    let imports = || {
        file.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Import(import) => Some((item, import)),
            _ => None,
        })
    };
    let braces = imports().find_map(|(_, import)| {
        let last = import.names.as_ref()?.last()?;
        is_same(&import.source).then(|| last.alias.as_ref().unwrap_or(&last.name).span.end)
    });
    let before = |at: u32| Span { start: at, end: at };
    if let Some(end) = braces {
        return (before(end), format!(", {name}"));
    }
    let line = format!("import {source} {{ {name} }}");
    match (imports().next_back(), file.items.first()) {
        (Some((last, _)), _) => (before(last.span.end), format!("\n{line}")),
        // The edition stands on the first line.
        (None, Some(first)) if matches!(first.kind, ItemKind::Edition(_)) => {
            (before(first.span.end), format!("\n\n{line}"))
        }
        (None, Some(first)) => {
            let start = first.docs.first().map_or(first.span.start, |doc| doc.span.start);
            (before(start), format!("{line}\n\n"))
        }
        (None, None) => (Span::default(), format!("{line}\n\n")),
    }
}

/// The name of a declaration that can be imported, with a stand-in for what it is.
pub(super) fn importable_name(item: &Item) -> Option<(&Name, CompletionKind, Def)> {
    use cascade_ir as ir;
    Some(match &item.kind {
        ItemKind::Type(decl) => (&decl.name, CompletionKind::Type, Def::Type(ir::TypeId(0))),
        ItemKind::Alias(decl) => (&decl.name, CompletionKind::Type, Def::Type(ir::TypeId(0))),
        ItemKind::Enum(decl) => (&decl.name, CompletionKind::Enum, Def::Type(ir::TypeId(0))),
        ItemKind::Model(decl) => (&decl.name, CompletionKind::Model, Def::Model(ir::ModelId(0))),
        ItemKind::Route(decl) => (&decl.name, CompletionKind::Model, Def::Route(ir::RouteId(0))),
        ItemKind::Mcp(decl) => (&decl.name, CompletionKind::Store, Def::Mcp(0)),
        ItemKind::Skill(decl) => (&decl.name, CompletionKind::Function, Def::Skill(ir::SkillId(0))),
        ItemKind::Fn(decl) => (&decl.name, CompletionKind::Function, Def::Fn(ir::FnId(0))),
        ItemKind::Cascade(decl) => (&decl.name, CompletionKind::Function, Def::Cascade(ir::CascadeId(0))),
        _ => return None,
    })
}
