//! Expressions with blocks, and patterns.

use cascade_grammar::ast::*;

use super::Formatter;
use super::doc::Doc;

impl<'t> Formatter<'t> {
    pub(super) fn block_expr(&mut self, expr: &'t Expr) -> Doc<'t> {
        match &expr.kind {
            ExprKind::If(node) => {
                if self.on_one_line(node, expr.span) {
                    let doc = self.if_expr(node, true);
                    Doc::group(doc)
                } else {
                    self.if_expr(node, false)
                }
            }
            ExprKind::Match(node) => self.match_expr(node, expr.span),
            ExprKind::For(node) => {
                let mut docs = vec![Doc::Text("for "), Doc::Text(&node.item.text)];
                docs.push(self.word_and_value(" in ", &node.iterable));
                if node.parallel {
                    docs.push(Doc::Text(" parallel"));
                }
                self.bounded(docs, node.max.as_ref(), &node.body)
            }
            ExprKind::Repeat(node) => {
                let docs = vec![Doc::Text("repeat")];
                let mut docs = vec![self.bounded(docs, node.max.as_ref(), &node.body)];
                docs.extend(node.until.as_ref().map(|until| self.word_and_value(" until ", until)));
                Doc::seq(docs)
            }
            ExprKind::Parallel(node) => {
                let head = if node.first.is_some() { "parallel first" } else { "parallel" };
                self.bounded(vec![Doc::Text(head)], node.max.as_ref(), &node.body)
            }
            ExprKind::Swarm(node) => self.swarm(node),
            ExprKind::Sandbox(node) => {
                let mut docs = vec![self.word_and_value("sandbox ", &node.dir)];
                match &node.network {
                    Some(NetworkSetting::Word(word)) => docs.extend([Doc::Text(" network "), Doc::Text(&word.text)]),
                    Some(NetworkSetting::Hosts(hosts)) => docs.push(self.word_and_value(" network ", hosts)),
                    None => {}
                }
                if let Some(name) = &node.name {
                    docs.extend([Doc::Text(" as "), Doc::Text(&name.text)]);
                }
                self.bounded(docs, None, &node.body)
            }
            _ => Doc::Text(self.str(expr.span)),
        }
    }

    /// ` max n { … }` after a head.
    fn bounded(&mut self, head: Vec<Doc<'t>>, max: Option<&'t Expr>, body: &'t Block) -> Doc<'t> {
        let mut docs = head;
        docs.extend(max.map(|max| self.word_and_value(" max ", max)));
        docs.push(Doc::Text(" "));
        docs.push(self.block(body));
        Doc::seq(docs)
    }

    fn swarm(&mut self, node: &'t SwarmExpr) -> Doc<'t> {
        let mut docs = vec![Doc::Text("swarm")];
        if let Some(topology) = &node.topology {
            docs.extend([Doc::Text(" topology "), Doc::Text(&topology.text)]);
        }
        docs.extend(node.max.as_ref().map(|max| self.word_and_value(" max ", max)));
        if let Some(strategy) = &node.strategy {
            docs.extend([Doc::Text(" strategy "), Doc::Text(&strategy.text)]);
        }
        if let Some(via) = &node.via {
            docs.extend([Doc::Text(" via mcp "), Doc::Text(&via.text)]);
        }
        self.bounded(docs, None, &node.body)
    }

    /// Whether an `if` is used as a value and was written on one line.
    fn on_one_line(&self, node: &IfExpr, span: Span) -> bool {
        let value = |block: &Block| match block.stmts.as_slice() {
            [Stmt { kind: StmtKind::Expr(value, clauses), attributes, .. }] => {
                clauses.is_empty() && attributes.is_empty() && !self.first_of_line(value.span.start)
            }
            _ => false,
        };
        if self.comments.in_span(span) {
            return false;
        }
        let mut node = node;
        loop {
            if !value(&node.then) {
                return false;
            }
            match &node.otherwise {
                None => return true,
                Some(Else::Block(block)) => return value(block),
                Some(Else::If(next)) => match &next.kind {
                    ExprKind::If(next) => node = next,
                    _ => return false,
                },
            }
        }
    }

    fn if_expr(&mut self, node: &'t IfExpr, values: bool) -> Doc<'t> {
        let mut docs = Vec::new();
        let mut node = node;
        loop {
            docs.extend([self.word_and_value("if ", &node.condition), Doc::Text(" ")]);
            docs.push(self.branch(&node.then, values));
            match &node.otherwise {
                None => break,
                Some(Else::Block(block)) => {
                    docs.push(Doc::Text(" else "));
                    docs.push(self.branch(block, values));
                    break;
                }
                Some(Else::If(next)) => {
                    docs.push(Doc::Text(" else "));
                    match &next.kind {
                        ExprKind::If(next) => node = next,
                        _ => {
                            docs.push(Doc::Text(self.str(next.span)));
                            break;
                        }
                    }
                }
            }
        }
        Doc::seq(docs)
    }

    /// A block of an `if`; a single value may stay on the line of the braces.
    fn branch(&mut self, block: &'t Block, values: bool) -> Doc<'t> {
        match block.stmts.as_slice() {
            [Stmt { kind: StmtKind::Expr(value, _), .. }] if values => {
                let value = self.expr(value);
                let value = Doc::nest_doc(Doc::seq([Doc::Soft, value]));
                Doc::seq([Doc::Text("{"), value, Doc::Soft, Doc::Text("}")])
            }
            _ => self.block(block),
        }
    }

    fn match_expr(&mut self, node: &'t MatchExpr, span: Span) -> Doc<'t> {
        let subject = self.word_and_value("match ", &node.subject);
        let mut entries = Vec::new();
        for arm in &node.arms {
            entries.push(self.entry(&[], arm.span, |this| {
                let mut docs = vec![this.pattern(&arm.pattern)];
                docs.extend(arm.guard.as_ref().map(|guard| this.word_and_value(" if ", guard)));
                docs.push(Doc::Text(" -> "));
                docs.push(match &arm.body {
                    ArmBody::Block(block) => this.block(block),
                    ArmBody::Statement(block) => {
                        Doc::seq(block.stmts.iter().map(|stmt| this.stmt(stmt)).collect::<Vec<_>>())
                    }
                    ArmBody::Expr(value) => this.expr(value),
                });
                Doc::seq(docs)
            }));
        }
        let arms = self.body(entries, span);
        Doc::seq([subject, Doc::Text(" "), arms])
    }

    fn pattern(&mut self, pattern: &'t Pattern) -> Doc<'t> {
        match &pattern.kind {
            PatternKind::Wildcard => Doc::Text("_"),
            PatternKind::Literal(value) => self.expr(value),
            PatternKind::Range(low, high) => {
                let mut docs = Vec::new();
                docs.extend(low.as_ref().map(|low| self.expr(low)));
                docs.push(Doc::Text(".."));
                docs.extend(high.as_ref().map(|high| self.expr(high)));
                Doc::seq(docs)
            }
            PatternKind::Variant { name, fields: None } => Doc::Text(&name.text),
            PatternKind::Variant { name, fields: Some(fields) } => {
                let mut docs = vec![Doc::Text(&name.text), Doc::Text(" {")];
                docs.extend(pattern_fields(fields));
                Doc::seq(docs)
            }
            PatternKind::OneOf(patterns) => {
                let mut docs = Vec::new();
                for (index, pattern) in patterns.iter().enumerate() {
                    docs.push(Doc::Text(if index > 0 { " | " } else { "" }));
                    docs.push(self.pattern(pattern));
                }
                Doc::seq(docs)
            }
            PatternKind::Error => Doc::Text(self.str(pattern.span)),
        }
    }
}

/// ` a, b: c }` after a brace.
pub(super) fn pattern_fields(fields: &[PatternField]) -> Vec<Doc<'_>> {
    let mut docs = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        docs.push(Doc::Text(if index > 0 { ", " } else { " " }));
        docs.push(Doc::Text(&field.field.text));
        if let Some(binding) = &field.binding {
            docs.extend([Doc::Text(": "), Doc::Text(&binding.text)]);
        }
    }
    docs.push(Doc::Text(if fields.is_empty() { "}" } else { " }" }));
    docs
}
