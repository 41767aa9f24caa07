//! Expressions without blocks.

use cascade_grammar::ast::*;

use super::Formatter;
use super::doc::{Doc, Entry};

/// A postfix of a chain: `.name`, `[index]`, `(args)`.
enum Link<'t> {
    Field(&'t Name, bool),
    Index(&'t Expr),
    Call(&'t [Arg], Span),
}

fn operator_text(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Coalesce => "?? ",
        BinaryOp::Or => "or ",
        BinaryOp::And => "and ",
        BinaryOp::Eq => "== ",
        BinaryOp::Ne => "!= ",
        BinaryOp::Lt => "< ",
        BinaryOp::Le => "<= ",
        BinaryOp::Gt => "> ",
        BinaryOp::Ge => ">= ",
        BinaryOp::Add => "+ ",
        BinaryOp::Sub => "- ",
        BinaryOp::Mul => "* ",
        BinaryOp::Div => "/ ",
        BinaryOp::Rem => "% ",
        BinaryOp::In => "in ",
        BinaryOp::NotIn => "not in ",
    }
}

/// Operators of equal precedence, which break together.
fn same_level(a: BinaryOp, b: BinaryOp) -> bool {
    use BinaryOp::{Add, Div, Mul, Rem, Sub};
    let additive = |op| matches!(op, Add | Sub);
    let multiplicative = |op| matches!(op, Mul | Div | Rem);
    a == b || (additive(a) && additive(b)) || (multiplicative(a) && multiplicative(b))
}

/// Whether the last argument of a call may break while the others stay on the line of the call.
fn can_break_as_last_argument(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Record(entries) => !entries.is_empty(),
        ExprKind::List(items) => !items.is_empty(),
        ExprKind::Str(literal) | ExprKind::Command(literal) => literal.block,
        ExprKind::Lambda { body, .. } => matches!(body.kind, ExprKind::Match(_)) || can_break_as_last_argument(body),
        ExprKind::Call { args, .. } => args.last().is_some_and(|last| can_break_as_last_argument(&last.value)),
        _ => false,
    }
}

impl<'t> Formatter<'t> {
    pub(super) fn expr(&mut self, expr: &'t Expr) -> Doc<'t> {
        let end = expr.span.end.saturating_sub(1);
        match &expr.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Duration(_)
            | ExprKind::Money(_)
            | ExprKind::Name(_)
            | ExprKind::Error => Doc::Text(self.str(expr.span)),
            ExprKind::Str(literal) | ExprKind::Command(literal) => self.str_lit(literal),
            ExprKind::List(items) => self.exprs("[", items, "]", end, true),
            ExprKind::Record(entries) => self.record(entries, end),
            ExprKind::Field { .. } | ExprKind::Index { .. } | ExprKind::Call { .. } => self.chain(expr),
            ExprKind::Unary(UnaryOp::Not, value) => self.word_and_value("not ", value),
            ExprKind::Unary(UnaryOp::Neg, value) => self.word_and_value("-", value),
            ExprKind::Binary(..) => self.binary(expr),
            ExprKind::Cast { value, ty, optional } => {
                let value = self.expr(value);
                let word = if *optional { " as? " } else { " as " };
                Doc::seq([value, Doc::Text(word), self.ty(ty)])
            }
            ExprKind::Lambda { params, body } => {
                let mut docs = vec![Doc::Text("|")];
                for (index, param) in params.iter().enumerate() {
                    docs.push(Doc::Text(if index > 0 { ", " } else { "" }));
                    docs.push(Doc::Text(&param.text));
                }
                docs.push(Doc::Text("| "));
                docs.push(self.expr(body));
                Doc::seq(docs)
            }
            ExprKind::Paren(inner) => {
                let inner = self.expr(inner);
                Doc::seq([Doc::Text("("), inner, Doc::Text(")")])
            }
            ExprKind::Range(low, high) => {
                let low = self.expr(low);
                Doc::seq([low, self.word_and_value("..", high)])
            }
            ExprKind::If(_)
            | ExprKind::Match(_)
            | ExprKind::For(_)
            | ExprKind::Repeat(_)
            | ExprKind::Parallel(_)
            | ExprKind::Swarm(_)
            | ExprKind::Sandbox(_) => self.block_expr(expr),
        }
    }

    /// Expressions in brackets; with `keep`, broken if the author broke them.
    pub(super) fn exprs(
        &mut self,
        open: &'static str,
        exprs: &'t [Expr],
        close: &'static str,
        end: u32,
        keep: bool,
    ) -> Doc<'t> {
        let mut entries = Vec::new();
        for expr in exprs {
            entries.push(self.entry(&[], expr.span, |this| this.expr(expr)));
        }
        let first = exprs.first().filter(|_| keep);
        let broken = first.is_some_and(|first| self.first_of_line(first.span.start));
        self.brackets(open, entries, close, end, broken).doc()
    }

    fn record(&mut self, fields: &'t [RecordEntry], end: u32) -> Doc<'t> {
        let mut entries: Vec<Entry<'t>> = Vec::new();
        let mut first = None;
        for field in fields {
            entries.push(match field {
                RecordEntry::Field { key, value, .. } => {
                    first.get_or_insert(key.span.start);
                    self.entry(&[], key.span.to(value.span), |this| {
                        let key = Doc::Text(this.str(key.span));
                        Doc::seq([key, this.word_and_value(": ", value)])
                    })
                }
                RecordEntry::Spread(base) => {
                    // The three dots precede the base, perhaps with space between.
                    let before = self.text[..base.span.start as usize].rfind("...");
                    let start = before.map_or(base.span.start, |at| at as u32);
                    first.get_or_insert(start);
                    let span = Span { start, end: base.span.end };
                    self.entry(&[], span, |this| this.word_and_value("...", base))
                }
            });
        }
        self.braces(entries, first, end).doc()
    }

    /// `a + b + c`: breaks before the operators.
    fn binary(&mut self, expr: &'t Expr) -> Doc<'t> {
        let mut operands = Vec::new();
        let mut left = expr;
        let mut level = None;
        while let ExprKind::Binary(next, op, right) = &left.kind
            && level.is_none_or(|level| same_level(level, *op))
        {
            level = Some(*op);
            operands.push((*op, &**right));
            left = next;
        }
        let first = self.expr(left);
        let mut rest = Vec::new();
        for (op, operand) in operands.into_iter().rev() {
            rest.extend([Doc::Soft, Doc::Text(operator_text(op)), self.expr(operand)]);
        }
        Doc::group(Doc::seq([first, Doc::nest_doc(Doc::seq(rest))]))
    }

    /// `base.a.b(c).d(e)`: with several method calls, breaks before each of them.
    fn chain(&mut self, expr: &'t Expr) -> Doc<'t> {
        let mut links = Vec::new();
        let mut base = expr;
        loop {
            base = match &base.kind {
                ExprKind::Field { receiver, name, safe } => {
                    links.push(Link::Field(name, *safe));
                    receiver
                }
                ExprKind::Index { receiver, index } => {
                    links.push(Link::Index(index));
                    receiver
                }
                ExprKind::Call { callee, args, args_span } => {
                    links.push(Link::Call(args, *args_span));
                    callee
                }
                _ => break,
            };
        }
        links.reverse();
        let is_method = |at: usize| {
            matches!(links.get(at), Some(Link::Field(..))) && matches!(links.get(at + 1), Some(Link::Call(..)))
        };
        let methods = (0..links.len()).filter(|at| is_method(*at)).count();
        let mut head = vec![self.expr(base)];
        let mut calls = Vec::new();
        for (at, link) in links.iter().enumerate() {
            let out = if methods > 1 && (is_method(at) || !calls.is_empty()) { &mut calls } else { &mut head };
            if methods > 1 && is_method(at) {
                out.push(Doc::SoftEmpty);
            }
            match link {
                Link::Field(name, safe) => {
                    out.push(Doc::Text(if *safe { "?." } else { "." }));
                    out.push(Doc::Text(&name.text));
                }
                Link::Index(index) => {
                    out.push(Doc::Text("["));
                    out.push(self.expr(index));
                    out.push(Doc::Text("]"));
                }
                Link::Call(args, span) => out.push(self.args(args, *span)),
            }
        }
        if calls.is_empty() {
            return Doc::seq(head);
        }
        head.push(Doc::nest_doc(Doc::seq(calls)));
        Doc::group(Doc::seq(head))
    }

    fn args(&mut self, args: &'t [Arg], span: Span) -> Doc<'t> {
        let mut entries = Vec::new();
        for arg in args {
            let start = arg.name.as_ref().map_or(arg.value.span, |name| name.span);
            entries.push(self.entry(&[], start.to(arg.value.span), |this| {
                let value = this.expr(&arg.value);
                match &arg.name {
                    Some(name) => Doc::seq([Doc::Text(&name.text), Doc::Text(": "), value]),
                    None => value,
                }
            }));
        }
        let mut items = self.brackets("(", entries, ")", span.end.saturating_sub(1), false);
        items.hug = args.last().is_some_and(|last| can_break_as_last_argument(&last.value));
        items.doc()
    }
}
