//! Attributes: which there are, where they stand, how many arguments they take.

use cascade_grammar::ast::{Attribute, Item, ItemKind, Stmt, StmtKind};

use super::names::unknown_word;
use crate::{codes, diagnostic::Diagnostic, suggest::quoted_list, world::View};

/// What an attribute stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Cascade,
    Skill,
    /// Other declarations.
    Item,
    /// Imports and tests, which nothing names.
    Unnamed,
    Stage,
    /// Other statements.
    Statement,
}

use Target::{Cascade, Skill, Stage, Statement, Unnamed};

impl Target {
    /// The target that a declaration is.
    pub fn of_item(item: &Item) -> Self {
        match &item.kind {
            ItemKind::Cascade(_) => Cascade,
            ItemKind::Skill(_) => Skill,
            ItemKind::Import(_) | ItemKind::Test(_) => Unnamed,
            _ => Target::Item,
        }
    }

    /// The target that a statement is.
    pub fn of_stmt(stmt: &Stmt) -> Self {
        if matches!(stmt.kind, StmtKind::Stage { .. }) { Stage } else { Statement }
    }
}

/// The names of the attributes that may stand before a target.
pub(crate) fn attribute_names(target: Target) -> impl Iterator<Item = &'static str> {
    ATTRIBUTES.iter().filter(move |(_, targets, _)| targets.contains(&target)).map(|(name, ..)| *name)
}

/// The attributes, with where they mean something; the last is how that is called.
const ATTRIBUTES: &[(&str, &[Target], &str)] = &[
    ("version", &[Cascade], "a cascade"),
    ("command", &[Cascade], "a cascade"),
    ("schedule", &[Cascade], "a cascade"),
    ("webhook", &[Cascade], "a cascade"),
    ("once", &[Cascade, Skill, Stage], "a skill, a cascade or a stage"),
    ("deprecated", &[Cascade, Skill, Target::Item], "a declaration"),
    ("allow", &[Cascade, Skill, Target::Item, Unnamed, Stage, Statement], ""),
];

/// Reports an attribute that does not exist, or that means nothing before its target.
pub(crate) fn unknown_or_misplaced(view: View<'_>, attribute: &Attribute, target: Target) -> Option<Diagnostic> {
    let name = &attribute.name;
    let Some((_, targets, place)) = ATTRIBUTES.iter().find(|(n, ..)| *n == name.text) else {
        let known = ATTRIBUTES.iter().map(|(n, ..)| *n);
        let message = format!("there is no attribute `@{}`", name.text);
        let otherwise = format!("the attributes are {}", quoted_list(known.clone()));
        return Some(unknown_word(view, codes::UNKNOWN_SETTING, name, message, known, otherwise));
    };
    (!targets.contains(&target)).then(|| {
        let message = format!("`@{}` belongs to {place}", name.text);
        view.diagnostic(codes::WRONG_PLACE, attribute.span, message).label("has no effect here")
    })
}

/// Reports an attribute with too few or too many arguments.
pub(crate) fn argument_count(view: View<'_>, attribute: &Attribute) -> Option<Diagnostic> {
    let name = &attribute.name.text;
    let (least, most) = match name.as_str() {
        "deprecated" => (0, 1),
        "once" => (0, 0),
        _ => (1, 1),
    };
    if (least..=most).contains(&attribute.args.len()) {
        return None;
    }
    let (takes, label) = match most {
        0 => ("nothing", format!("write `@{name}`")),
        _ => ("one text", format!("write `@{name}(\"…\")`")),
    };
    Some(view.diagnostic(codes::ARGUMENTS, attribute.span, format!("`@{name}` takes {takes}")).label(label))
}
