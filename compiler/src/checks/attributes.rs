//! Attributes: which there are, where they stand, what they are given.

use cascade_grammar::ast::{Attribute, ExprKind, Item, ItemKind, Stmt, StmtKind};
use cascade_ir as ir;
use smol_str::SmolStr;

use crate::{
    codes,
    elab::{Cx, body::Body, literal::names, with_suggestion},
    types::Ty,
};

/// What an attribute stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
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

impl<'a> Cx<'a> {
    /// The attributes of a declaration, with their constant arguments; reports wrong ones.
    pub fn item_attributes(&mut self, module: usize, item: &'a Item) -> Vec<(SmolStr, Vec<ir::Const>)> {
        let target = match &item.kind {
            ItemKind::Cascade(_) => Cascade,
            ItemKind::Skill(_) => Skill,
            ItemKind::Import(_) | ItemKind::Test(_) => Unnamed,
            _ => Target::Item,
        };
        self.attributes(module, &item.attributes, target)
    }

    /// Reports wrong attributes of a statement.
    pub fn stmt_attributes(&mut self, module: usize, stmt: &'a Stmt) {
        let target = if matches!(stmt.kind, StmtKind::Stage { .. }) { Stage } else { Statement };
        self.attributes(module, &stmt.attributes, target);
    }

    fn attributes(
        &mut self,
        module: usize,
        attributes: &'a [Attribute],
        target: Target,
    ) -> Vec<(SmolStr, Vec<ir::Const>)> {
        let mut out = Vec::new();
        for attribute in attributes {
            let name = &attribute.name;
            self.record_words(module, [name]);
            let Some((_, targets, place)) = ATTRIBUTES.iter().find(|(n, ..)| *n == name.text) else {
                if name.text.is_empty() {
                    continue;
                }
                let d = self
                    .diag(module, codes::UNKNOWN_SETTING, name.span, format!("there is no attribute `@{}`", name.text))
                    .label("not known");
                let mut d = with_suggestion(d, &name.text, name.span, ATTRIBUTES.iter().map(|(n, ..)| *n));
                if d.help.is_none() {
                    d = d.help(format!("the attributes are {}", names(ATTRIBUTES.iter().map(|(n, ..)| *n))));
                }
                self.report(d);
                continue;
            };
            if !targets.contains(&target) {
                let message = format!("`@{}` belongs to {place}", name.text);
                let d = self.diag(module, codes::WRONG_PLACE, attribute.span, message).label("means nothing here");
                self.report(d);
                continue;
            }
            if name.text == "allow" {
                // Its codes are judged when it is known what they silence.
                for arg in &attribute.args {
                    if let ExprKind::Name(code) = &arg.kind {
                        self.record_words(module, [code]);
                    }
                }
                out.push((name.text.clone(), Vec::new()));
                continue;
            }
            let (least, most) = match name.text.as_str() {
                "deprecated" => (0, 1),
                "once" => (0, 0),
                _ => (1, 1),
            };
            if !(least..=most).contains(&attribute.args.len()) {
                let (takes, label) = match (least, most) {
                    (_, 0) => ("nothing", format!("write `@{}`", name.text)),
                    _ => ("one text", format!("write `@{}(\"…\")`", name.text)),
                };
                let message = format!("`@{}` takes {takes}", name.text);
                let d = self.diag(module, codes::ARGUMENTS, attribute.span, message).label(label);
                self.report(d);
            }
            let mut args = Vec::new();
            for arg in &attribute.args {
                if let ir::Expr::Const(c) = Body::closed(self, module, arg, Ty::STRING) {
                    args.push(c);
                }
            }
            out.push((name.text.clone(), args));
        }
        out
    }
}
