//! Declarations with bodies: imports, skills, functions, cascades, tests.

use cascade_grammar::ast::*;

use super::Formatter;
use super::doc::{Doc, Entry};

impl<'t> Formatter<'t> {
    pub(super) fn item(&mut self, item: &'t Item) -> Doc<'t> {
        let mut docs = Vec::new();
        self.attributes(&item.attributes, &mut docs);
        let end = item.span.end.saturating_sub(1);
        docs.push(match &item.kind {
            ItemKind::Import(decl) => self.import(decl, end),
            ItemKind::Type(decl) => self.type_decl(decl, end),
            ItemKind::Alias(decl) => {
                let ty = self.ty(&decl.ty);
                Doc::seq([Doc::Text("type "), Doc::Text(&decl.name.text), Doc::Text(" = "), ty])
            }
            ItemKind::Enum(decl) => self.enum_decl(decl, end),
            ItemKind::Model(decl) => self.settings_decl("model ", &decl.name, &decl.settings, end),
            ItemKind::Mcp(decl) => self.settings_decl("mcp ", &decl.name, &decl.settings, end),
            ItemKind::Route(decl) => self.route(decl, end),
            ItemKind::Skill(decl) => self.skill(decl),
            ItemKind::Fn(decl) => self.fn_decl(decl),
            ItemKind::Const(decl) => {
                let head = self.binding("let ", &decl.name, decl.ty.as_ref());
                Doc::seq([head, self.expr(&decl.value)])
            }
            ItemKind::Edition(decl) => Doc::seq([Doc::Text("cascade "), Doc::Text(&decl.number.text)]),
            ItemKind::Memory(decl) => self.memory(decl, end),
            ItemKind::Cascade(decl) => self.cascade(decl),
            ItemKind::Test(decl) => self.test(decl),
            ItemKind::Error => Doc::Text(self.str(item.span)),
        });
        Doc::seq(docs)
    }

    fn import(&mut self, import: &'t Import, end: u32) -> Doc<'t> {
        let mut docs = vec![Doc::Text("import ")];
        docs.push(match &import.source {
            ImportSource::Module(path) => self.path(path),
            ImportSource::Path(path) => self.str_lit(path),
        });
        if let Some(names) = &import.names {
            let mut entries = Vec::new();
            for name in names {
                let alias = name.alias.as_ref();
                let span = alias.map_or(name.name.span, |alias| name.name.span.to(alias.span));
                entries.push(self.entry(&[], span, |_| {
                    let mut docs = vec![Doc::Text(&name.name.text)];
                    docs.extend(alias.into_iter().flat_map(alias_docs));
                    Doc::seq(docs)
                }));
            }
            docs.push(Doc::Text(" "));
            let last = names.last().map(|name| name.alias.as_ref().unwrap_or(&name.name));
            let end = last.map_or(end, |last| self.closer(last.span.end));
            docs.push(self.brackets("{", entries, "}", end, false).doc());
        }
        docs.extend(import.alias.iter().flat_map(alias_docs));
        Doc::seq(docs)
    }

    fn params(&mut self, name: &'t Name, params: &'t [Param]) -> Doc<'t> {
        let mut entries = Vec::new();
        for param in params {
            let entry = self
                .entry(&param.docs, param.span, |this| this.typed_name(&param.name, &param.ty, param.default.as_ref()));
            entries.push(entry);
        }
        let end = match params.last() {
            Some(last) => self.closer(last.span.end),
            None => self.next_token(self.next_token(name.span.end) + 1),
        };
        self.brackets("(", entries, ")", end, false).doc()
    }

    /// `word name(params) -> T`.
    fn head(
        &mut self,
        word: &'static str,
        name: &'t Name,
        params: &'t [Param],
        result: Option<&'t TypeExpr>,
    ) -> Vec<Doc<'t>> {
        let mut docs = vec![Doc::Text(word), Doc::Text(&name.text), self.params(name, params)];
        if let Some(result) = result {
            docs.push(Doc::Text(" -> "));
            docs.push(self.ty(result));
        }
        docs
    }

    fn skill(&mut self, decl: &'t SkillDecl) -> Doc<'t> {
        let mut docs = self.head("skill ", &decl.name, &decl.params, decl.result.as_ref());
        docs.push(Doc::Text(" "));
        let entries = self.skill_lines(&decl.body, decl.body_span);
        docs.push(self.body(entries, decl.body_span));
        Doc::seq(docs)
    }

    fn fn_decl(&mut self, decl: &'t FnDecl) -> Doc<'t> {
        let mut docs = self.head("fn ", &decl.name, &decl.params, decl.result.as_ref());
        let body = match &decl.body {
            FnBody::Expr(body) => body,
            FnBody::Block(block) => {
                docs.push(Doc::Text(" "));
                docs.push(self.block(block));
                return Doc::seq(docs);
            }
        };
        let own_line = !brings_its_brackets(body);
        let body = self.expr(body);
        if own_line && !body.is_hard() {
            docs.push(Doc::Text(" ="));
            docs.push(Doc::group(Doc::nest_doc(Doc::seq([Doc::Soft, body]))));
        } else {
            docs.push(Doc::Text(" = "));
            docs.push(body);
        }
        Doc::seq(docs)
    }

    fn cascade(&mut self, decl: &'t CascadeDecl) -> Doc<'t> {
        let mut docs = self.head("cascade ", &decl.name, &decl.params, decl.result.as_ref());
        if decl.clauses.is_empty() {
            docs.push(Doc::Text(" "));
        } else {
            docs.push(self.own_clauses(&decl.clauses, Some(decl.body.span.start)));
            docs.push(Doc::Hard);
        }
        docs.push(self.block(&decl.body));
        Doc::seq(docs)
    }

    fn test(&mut self, decl: &'t TestDecl) -> Doc<'t> {
        let name = self.str_lit(&decl.name);
        self.comments.skip_until(decl.body_span.start + 1);
        let mut entries = Vec::new();
        for line in &decl.body {
            entries.push(self.entry(&[], line.span, |this| this.test_line(line)));
        }
        let body = self.body(entries, decl.body_span);
        Doc::seq([Doc::Text("test "), name, Doc::Text(" "), body])
    }

    /// Braces whose entries are always on lines of their own.
    pub(super) fn body(&mut self, entries: Vec<Entry<'t>>, span: Span) -> Doc<'t> {
        let broken = !entries.is_empty();
        let mut items = self.brackets("{", entries, "}", span.end.saturating_sub(1), broken);
        items.commas = false;
        items.doc()
    }
}

fn alias_docs(alias: &Name) -> [Doc<'_>; 2] {
    [Doc::Text(" as "), Doc::Text(&alias.text)]
}

/// Whether an expression starts with a bracket or a block, which opens on the line of the `=`.
fn brings_its_brackets(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Field { receiver, .. } | ExprKind::Index { receiver, .. } => brings_its_brackets(receiver),
        ExprKind::Call { callee, .. } => brings_its_brackets(callee),
        ExprKind::Binary(left, ..) => brings_its_brackets(left),
        ExprKind::List(_) | ExprKind::Record(_) | ExprKind::Paren(_) | ExprKind::If(_) | ExprKind::Match(_) => true,
        _ => false,
    }
}
