//! From the flat list of operands and operators to a tree, by precedence.
//!
//! From the loosest to the tightest: `??`; `or`; `and`; `not`; comparisons, which do not chain;
//! `+ -`; `* / %`; `-` before an operand; `as`, which the grammar has read already.

use super::Cx;
use crate::SyntaxErrorKind;
use crate::ast::{BinaryOp, Expr, ExprKind, Span, UnaryOp};

/// An operand with what stands before it.
pub(crate) struct Operand {
    pub(crate) prefixes: Vec<(UnaryOp, Span)>,
    pub(crate) value: Expr,
}

/// Operands with operators between them, folded as far as the precedences tell.
pub(crate) struct Chain {
    values: Vec<Expr>,
    pending: Vec<Pending>,
}

/// An operator that waits for its right side.
#[derive(Clone, Copy)]
enum Pending {
    Not(Span),
    Binary(BinaryOp),
}

const NOT: u8 = 4;

fn level(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Coalesce => 1,
        BinaryOp::Or => 2,
        BinaryOp::And => 3,
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => 5,
        BinaryOp::Add | BinaryOp::Sub => 6,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => 7,
    }
}

impl Pending {
    fn level(self) -> u8 {
        match self {
            Pending::Not(_) => NOT,
            Pending::Binary(op) => level(op),
        }
    }
}

fn operator(word: &str) -> BinaryOp {
    match word {
        "??" => BinaryOp::Coalesce,
        "or" | "||" => BinaryOp::Or,
        "and" | "&&" => BinaryOp::And,
        "==" => BinaryOp::Eq,
        "!=" => BinaryOp::Ne,
        "<" => BinaryOp::Lt,
        "<=" => BinaryOp::Le,
        ">" => BinaryOp::Gt,
        ">=" => BinaryOp::Ge,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "%" => BinaryOp::Rem,
        _ => BinaryOp::Add,
    }
}

impl Cx<'_> {
    /// An operand that no operator follows.
    pub(crate) fn prefixed(&mut self, operand: Operand) -> Expr {
        if operand.prefixes.is_empty() {
            return operand.value;
        }
        let mut chain = Chain { values: Vec::new(), pending: Vec::new() };
        self.operand(&mut chain, operand);
        self.fold(chain)
    }

    /// The first two operands.
    pub(crate) fn chain(&mut self, first: Operand, op: Span, next: Operand) -> Chain {
        let mut chain = Chain { values: Vec::new(), pending: Vec::new() };
        self.operand(&mut chain, first);
        self.link(&mut chain, op, next);
        chain
    }

    /// One more operator and operand.
    pub(crate) fn link(&mut self, chain: &mut Chain, span: Span, next: Operand) {
        let op = operator(self.slice(span));
        let level = level(op);
        while let Some(pending) = chain.pending.last().copied() {
            if pending.level() < level {
                break;
            }
            if level == 5 && pending.level() == 5 {
                let sql = self.slice(span) == ">" && self.text[..span.start as usize].ends_with('<');
                let (message, help) = if sql {
                    ("there is no `<>`", "write `!=`")
                } else {
                    ("comparisons do not chain", "join two comparisons by `and`")
                };
                let kind =
                    SyntaxErrorKind::Other { message: message.to_owned(), help: Some(help.to_owned()), instead: None };
                self.error(kind, span);
            }
            self.reduce(chain);
        }
        chain.pending.push(Pending::Binary(op));
        self.operand(chain, next);
    }

    /// All that is left.
    pub(crate) fn fold(&mut self, mut chain: Chain) -> Expr {
        while !chain.pending.is_empty() {
            self.reduce(&mut chain);
        }
        match chain.values.pop() {
            Some(value) => value,
            None => self.expr(ExprKind::Error, Span::default()),
        }
    }

    fn operand(&mut self, chain: &mut Chain, operand: Operand) {
        let mut value = operand.value;
        let nots = operand.prefixes.iter().rposition(|(op, _)| *op == UnaryOp::Not);
        let tight = nots.map_or(0, |last| last + 1);
        for (op, start) in operand.prefixes[tight..].iter().rev() {
            let span = start.to(value.span);
            value = self.expr(ExprKind::Unary(*op, Box::new(value)), span);
        }
        let loose = &operand.prefixes[..tight];
        if loose.iter().any(|(op, _)| *op == UnaryOp::Neg) {
            // `- not x`: no number; applied as written, the checks say the rest.
            for (op, start) in loose.iter().rev() {
                let span = start.to(value.span);
                value = self.expr(ExprKind::Unary(*op, Box::new(value)), span);
            }
        } else {
            chain.pending.extend(loose.iter().map(|(_, span)| Pending::Not(*span)));
        }
        chain.values.push(value);
    }

    /// Applies the last pending operator.
    fn reduce(&mut self, chain: &mut Chain) {
        let Some(pending) = chain.pending.pop() else {
            return;
        };
        let Some(right) = chain.values.pop() else {
            return;
        };
        let value = match pending {
            Pending::Not(start) => {
                let span = start.to(right.span);
                self.expr(ExprKind::Unary(UnaryOp::Not, Box::new(right)), span)
            }
            Pending::Binary(op) => {
                let Some(left) = chain.values.pop() else {
                    return chain.values.push(right);
                };
                let span = left.span.to(right.span);
                self.expr(ExprKind::Binary(Box::new(left), op, Box::new(right)), span)
            }
        };
        chain.values.push(value);
    }
}
