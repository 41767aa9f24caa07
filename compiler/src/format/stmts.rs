//! Statements.

use cascade_grammar::ast::*;

use super::Formatter;
use super::blocks::pattern_fields;
use super::doc::Doc;

impl<'t> Formatter<'t> {
    /// `{ statements }`, one per line.
    pub(super) fn block(&mut self, block: &'t Block) -> Doc<'t> {
        self.comments.skip_until(block.span.start + 1);
        let mut entries = Vec::new();
        for stmt in &block.stmts {
            entries.push(self.entry(&stmt.docs, stmt.span, |this| this.stmt(stmt)));
        }
        self.body(entries, block.span)
    }

    pub(super) fn stmt(&mut self, stmt: &'t Stmt) -> Doc<'t> {
        let mut docs = Vec::new();
        self.attributes(&stmt.attributes, &mut docs);
        docs.push(match &stmt.kind {
            StmtKind::Stage { name, ty, value, clauses } => {
                let head = self.binding("stage ", name, ty.as_ref());
                let end = value.span.end;
                let value = self.expr(value);
                self.with_clauses(Doc::seq([head, value]), end, clauses)
            }
            StmtKind::Let { name, ty, value } => {
                let head = self.binding("let ", name, ty.as_ref());
                Doc::seq([head, self.expr(value)])
            }
            StmtKind::LetFields { fields, value } => {
                let mut docs = vec![Doc::Text("let {")];
                docs.extend(pattern_fields(fields));
                docs.push(Doc::Text(" = "));
                docs.push(self.expr(value));
                Doc::seq(docs)
            }
            StmtKind::Var { name, ty, value } => {
                let head = self.binding("var ", name, ty.as_ref());
                Doc::seq([head, self.expr(value)])
            }
            StmtKind::Assign { target, op, value } => {
                let op = match op {
                    AssignOp::Set => " = ",
                    AssignOp::Add => " += ",
                };
                let target = self.expr(target);
                Doc::seq([target, self.word_and_value(op, value)])
            }
            StmtKind::Gate { condition, message } => self.check("gate ", condition, message),
            StmtKind::Warn { condition, message } => self.check("warn ", condition, message),
            StmtKind::Fail(value) => self.word_and_value("fail ", value),
            StmtKind::Log(value) => self.word_and_value("log ", value),
            StmtKind::Return(Some(value)) => self.word_and_value("return ", value),
            StmtKind::Return(None) => Doc::Text("return"),
            StmtKind::Expr(value, clauses) => {
                let end = value.span.end;
                let value = self.expr(value);
                self.with_clauses(value, end, clauses)
            }
            StmtKind::On { event, param, body } => {
                let mut docs = vec![Doc::Text("on "), Doc::Text(&event.text)];
                if let Some(param) = param {
                    docs.extend([Doc::Text("("), Doc::Text(&param.text), Doc::Text(")")]);
                }
                docs.push(Doc::Text(" "));
                docs.push(self.block(body));
                Doc::seq(docs)
            }
            StmtKind::Error => Doc::Text(self.str(stmt.span)),
        });
        Doc::seq(docs)
    }

    /// `word name: T = `.
    pub(super) fn binding(&mut self, word: &'static str, name: &'t Name, ty: Option<&'t TypeExpr>) -> Doc<'t> {
        let mut docs = vec![Doc::Text(word), Doc::Text(&name.text)];
        if let Some(ty) = ty {
            docs.push(Doc::Text(": "));
            docs.push(self.ty(ty));
        }
        docs.push(Doc::Text(" = "));
        Doc::seq(docs)
    }

    /// `word condition, message`; a message that does not fit is moved to a line of its own.
    fn check(&mut self, word: &'static str, condition: &'t Expr, message: &'t Option<Expr>) -> Doc<'t> {
        let condition = self.word_and_value(word, condition);
        let Some(message) = message else { return condition };
        let message = self.expr(message);
        if message.is_hard() {
            return Doc::seq([condition, Doc::Text(", "), message]);
        }
        // A separate group: a break in the condition does not break before the message.
        let message = Doc::nest_doc(Doc::seq([Doc::Soft, message]));
        Doc::seq([condition, Doc::group(Doc::seq([Doc::Text(","), message]))])
    }
}
