//! Declarations and their parts.

use super::exprs::path_span;
use super::{Mistake, TreeBuilder};
use crate::SyntaxErrorKind;
use crate::ast::*;

/// What a declaration says and where it stands, before its documentation and attributes.
pub(crate) type Declared = (Span, ItemKind);

impl TreeBuilder<'_> {
    pub(crate) fn item(&mut self, attributes: Vec<Attribute>, declared: Declared) -> Item {
        let (span, kind) = declared;
        let mut docs = Vec::new();
        for attribute in &attributes {
            docs.extend(self.take_docs(attribute.span.start));
        }
        docs.extend(self.take_docs(span.start));
        let span = attributes.first().map_or(span, |first| first.span.to(span));
        Item { docs, attributes, span, kind }
    }

    pub(crate) fn error_item(&mut self, mistake: Mistake) -> Item {
        let span = self.record_mistake(mistake);
        Item { docs: Vec::new(), attributes: Vec::new(), span, kind: ItemKind::Error }
    }

    /// `let name: T = expr` between declarations.
    pub(crate) fn const_decl(&mut self, word: Span, name: Name, ty: Option<TypeExpr>, value: Expr) -> Declared {
        if self.slice(word) == "var" {
            let kind = SyntaxErrorKind::Other {
                message: "a file has no variables".to_owned(),
                help: Some("a constant is `let`; what changes is a `var` of a cascade, or a `memory`".to_owned()),
                instead: Some("let".to_owned()),
            };
            self.error(kind, word);
        }
        (word.to(value.span), ItemKind::Const(ConstDecl { name, ty, value }))
    }

    /// `cascade 1`.
    pub(crate) fn edition_decl(&mut self, word: Span, number: Span) -> Declared {
        let number = self.name(number);
        (word.to(number.span), ItemKind::Edition(EditionDecl { number }))
    }

    pub(crate) fn attribute(&mut self, at: Span, name: Name, args: Option<(Vec<Expr>, Span)>) -> Attribute {
        let (args, end) = args.unwrap_or((Vec::new(), name.span));
        Attribute { name, args, span: at.to(end) }
    }

    pub(crate) fn field_decl(&mut self, name: Name, ty: TypeExpr, default: Option<Expr>) -> FieldDecl {
        let end = default.as_ref().map_or(ty.span, |value| value.span);
        let docs = self.take_docs(name.span.start);
        let span = name.span.to(end);
        FieldDecl { docs, name, ty, default, span }
    }

    pub(crate) fn param_decl(&mut self, field: FieldDecl) -> Param {
        self.reject_reserved_name(&field.name);
        let FieldDecl { docs, name, ty, default, span } = field;
        Param { docs, name, ty, default, span }
    }

    pub(crate) fn variant_decl(&mut self, name: Name, fields: Option<(Vec<FieldDecl>, Span)>) -> VariantDecl {
        let docs = self.take_docs(name.span.start);
        let (fields, end) = match fields {
            Some((fields, end)) => (Some(fields), end),
            None => (None, name.span),
        };
        let span = name.span.to(end);
        VariantDecl { docs, name, fields, span }
    }

    pub(crate) fn setting_entry(&mut self, name: Name, value: Expr) -> Setting {
        let docs = self.take_docs(name.span.start);
        let span = name.span.to(value.span);
        Setting { docs, name, value, span }
    }
}

pub(crate) fn import_decl(
    start: Span,
    source: (ImportSource, Span),
    names: Option<(Vec<ImportName>, Span)>,
    alias: Option<Name>,
) -> Declared {
    let (source, mut end) = source;
    let names = names.map(|(names, span)| {
        end = span;
        names
    });
    if let Some(alias) = &alias {
        end = alias.span;
    }
    (start.to(end), ItemKind::Import(Import { source, names, alias }))
}

pub(crate) fn module_source(path: Vec<Name>) -> (ImportSource, Span) {
    let span = path_span(&path);
    (ImportSource::Module(path), span)
}

pub(crate) fn skill_decl(
    start: Span,
    name: Name,
    params: Vec<Param>,
    result: Option<TypeExpr>,
    body: Vec<SkillLine>,
    body_span: Span,
) -> Declared {
    let decl = SkillDecl { name, params, result, body, body_span };
    (start.to(body_span), ItemKind::Skill(decl))
}

pub(crate) fn cascade_decl(
    start: Span,
    name: Name,
    params: Vec<Param>,
    result: Option<TypeExpr>,
    clauses: Vec<Clause>,
    body: Block,
) -> Declared {
    let span = start.to(body.span);
    (span, ItemKind::Cascade(CascadeDecl { name, params, result, clauses, body }))
}

pub(crate) fn route_arm(capability: Name, target: (RouteTarget, Span)) -> RouteArm {
    let (target, end) = target;
    let span = capability.span.to(end);
    let capability = Some(capability).filter(|name| name.text != "_");
    RouteArm { capability, target, span }
}
