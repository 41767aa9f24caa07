//! Declarations of data: types, enums, models, routes, servers, memory.

use cascade_grammar::ast::*;

use super::Formatter;
use super::doc::{Doc, Entry};

impl<'t> Formatter<'t> {
    /// The braces of a declaration; entries on lines of their own need no commas.
    fn declared_entries(&mut self, entries: Vec<Entry<'t>>, first: Option<u32>, end: u32) -> Doc<'t> {
        let mut items = self.braces(entries, first, end);
        items.commas = false;
        items.doc()
    }

    pub(super) fn type_decl(&mut self, decl: &'t TypeDecl, end: u32) -> Doc<'t> {
        let fields = self.fields(&decl.fields, end);
        Doc::seq([Doc::Text("type "), Doc::Text(&decl.name.text), Doc::Text(" "), fields])
    }

    fn fields(&mut self, fields: &'t [FieldDecl], end: u32) -> Doc<'t> {
        let entries = self.field_entries(fields);
        self.declared_entries(entries, fields.first().map(|field| field.span.start), end)
    }

    pub(super) fn field_entries(&mut self, fields: &'t [FieldDecl]) -> Vec<Entry<'t>> {
        let mut entries = Vec::new();
        for field in fields {
            entries.push(self.entry(&field.docs, field.span, |this| {
                this.typed_name(&field.name, &field.ty, field.default.as_ref())
            }));
        }
        entries
    }

    /// `name: T = default`.
    pub(super) fn typed_name(&mut self, name: &'t Name, ty: &'t TypeExpr, default: Option<&'t Expr>) -> Doc<'t> {
        let mut docs = vec![Doc::Text(&name.text), Doc::Text(": "), self.ty(ty)];
        if let Some(default) = default {
            docs.push(Doc::Text(" = "));
            docs.push(self.expr(default));
        }
        Doc::seq(docs)
    }

    pub(super) fn enum_decl(&mut self, decl: &'t EnumDecl, end: u32) -> Doc<'t> {
        let mut entries = Vec::new();
        for variant in &decl.variants {
            entries.push(self.entry(&variant.docs, variant.span, |this| {
                let mut docs = vec![Doc::Text(&variant.name.text)];
                if let Some(fields) = &variant.fields {
                    docs.push(Doc::Text(" "));
                    docs.push(this.fields(fields, variant.span.end - 1));
                }
                Doc::seq(docs)
            }));
        }
        let first = decl.variants.first().map(|variant| variant.span.start);
        let variants = self.declared_entries(entries, first, end);
        Doc::seq([Doc::Text("enum "), Doc::Text(&decl.name.text), Doc::Text(" "), variants])
    }

    pub(super) fn settings_decl(
        &mut self,
        word: &'static str,
        name: &'t Name,
        settings: &'t [Setting],
        end: u32,
    ) -> Doc<'t> {
        let entries = self.setting_entries(settings);
        let first = settings.first().map(|setting| setting.span.start);
        let settings = self.declared_entries(entries, first, end);
        Doc::seq([Doc::Text(word), Doc::Text(&name.text), Doc::Text(" "), settings])
    }

    fn setting_entries(&mut self, settings: &'t [Setting]) -> Vec<Entry<'t>> {
        let mut entries = Vec::new();
        for setting in settings {
            entries.push(self.entry(&setting.docs, setting.span, |this| {
                let value = this.expr(&setting.value);
                Doc::seq([Doc::Text(&setting.name.text), Doc::Text(": "), value])
            }));
        }
        entries
    }

    /// Settings in a line of a skill, printed like a record.
    pub(super) fn settings(&mut self, settings: &'t [Setting], end: u32) -> Doc<'t> {
        let entries = self.setting_entries(settings);
        let first = settings.first().map(|setting| setting.span.start);
        self.braces(entries, first, end).doc()
    }

    pub(super) fn route(&mut self, decl: &'t RouteDecl, end: u32) -> Doc<'t> {
        let mut entries = Vec::new();
        for arm in &decl.arms {
            entries.push(self.entry(&[], arm.span, |this| {
                let capability = arm.capability.as_ref().map_or("_", |name| &name.text);
                let target = this.route_target(&arm.target, arm.span);
                Doc::seq([Doc::Text(capability), Doc::Text(" -> "), target])
            }));
        }
        let arms = self.declared_entries(entries, decl.arms.first().map(|arm| arm.span.start), end);
        Doc::seq([Doc::Text("route "), Doc::Text(&decl.name.text), Doc::Text(" "), arms])
    }

    fn route_target(&mut self, target: &'t RouteTarget, span: Span) -> Doc<'t> {
        match target {
            RouteTarget::One(path) => self.path(path),
            RouteTarget::BestOf { models, by } => {
                let last = models.last().and_then(|path| path.last());
                let end = last.map_or(by.span.start, |last| self.closer(last.span.end));
                let models = self.names(models, |path| path, end);
                let by = Doc::Text(&by.text);
                Doc::seq([Doc::Text("best_of "), models, Doc::Text(" by "), by])
            }
            RouteTarget::Error => Doc::Text(self.str(span)),
        }
    }

    pub(super) fn memory(&mut self, decl: &'t MemoryDecl, end: u32) -> Doc<'t> {
        let mut docs = vec![Doc::Text("memory "), Doc::Text(&decl.name.text)];
        docs.extend([Doc::Text(": "), Doc::Text(&decl.scope.text)]);
        if let Some(via) = &decl.via {
            docs.extend([Doc::Text(" via mcp "), Doc::Text(&via.text)]);
        }
        docs.push(Doc::Text(" "));
        docs.push(self.fields(&decl.entries, end));
        Doc::seq(docs)
    }
}
