//! Builds expressions from a flat list of operands and operators, by precedence.
//!
//! From the loosest to the tightest: `??`; `or`; `and`; `not`; comparisons, which do not chain;
//! `+ -`; `* / %`; `-` before an operand; `as`, which the grammar has parsed already.

use super::TreeBuilder;
use crate::SyntaxErrorKind;
use crate::ast::{BinaryOp, Expr, ExprKind, Span, UnaryOp};

/// An operand with what stands before it.
pub(crate) struct Operand {
    pub(crate) prefixes: Vec<(UnaryOp, Span)>,
    pub(crate) value: Expr,
}

/// Operands and the operators between them; applied as soon as their precedence allows it.
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

fn precedence_of(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Coalesce => 1,
        BinaryOp::Or => 2,
        BinaryOp::And => 3,
        BinaryOp::Eq
        | BinaryOp::Ne
        | BinaryOp::Lt
        | BinaryOp::Le
        | BinaryOp::Gt
        | BinaryOp::Ge
        | BinaryOp::In
        | BinaryOp::NotIn => 5,
        BinaryOp::Add | BinaryOp::Sub => 6,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => 7,
    }
}

impl Pending {
    fn precedence(self) -> u8 {
        match self {
            Pending::Not(_) => NOT,
            Pending::Binary(op) => precedence_of(op),
        }
    }
}

fn parse_operator(word: &str) -> BinaryOp {
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
        "in" => BinaryOp::In,
        // `not in`, with any white space between the words.
        _ if word.starts_with("not") => BinaryOp::NotIn,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "%" => BinaryOp::Rem,
        _ => BinaryOp::Add,
    }
}

impl TreeBuilder<'_> {
    /// A single operand with its prefix operators applied.
    pub(crate) fn apply_prefixes(&mut self, operand: Operand) -> Expr {
        if operand.prefixes.is_empty() {
            return operand.value;
        }
        let mut chain = Chain { values: Vec::new(), pending: Vec::new() };
        self.push_operand(&mut chain, operand);
        self.finish_chain(chain)
    }

    /// Starts a chain with its first two operands.
    pub(crate) fn start_chain(&mut self, first: Operand, op: Span, next: Operand) -> Chain {
        let mut chain = Chain { values: Vec::new(), pending: Vec::new() };
        self.push_operand(&mut chain, first);
        self.push_operation(&mut chain, op, next);
        chain
    }

    /// Adds an operator and its right operand, after applying the pending operators that bind tighter.
    pub(crate) fn push_operation(&mut self, chain: &mut Chain, span: Span, next: Operand) {
        let op = parse_operator(self.slice(span));
        let level = precedence_of(op);
        while let Some(pending) = chain.pending.last().copied() {
            if pending.precedence() < level {
                break;
            }
            if level == 5 && pending.precedence() == 5 {
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
            self.apply_last_operator(chain);
        }
        chain.pending.push(Pending::Binary(op));
        self.push_operand(chain, next);
    }

    /// Applies the operators that are left and returns the expression.
    pub(crate) fn finish_chain(&mut self, mut chain: Chain) -> Expr {
        while !chain.pending.is_empty() {
            self.apply_last_operator(&mut chain);
        }
        match chain.values.pop() {
            Some(value) => value,
            None => self.expr(ExprKind::Error, Span::default()),
        }
    }

    fn push_operand(&mut self, chain: &mut Chain, operand: Operand) {
        let mut value = operand.value;
        let nots = operand.prefixes.iter().rposition(|(op, _)| *op == UnaryOp::Not);
        let tight = nots.map_or(0, |last| last + 1);
        for (op, start) in operand.prefixes[tight..].iter().rev() {
            let span = start.to(value.span);
            value = self.expr(ExprKind::Unary(*op, Box::new(value)), span);
        }
        let loose = &operand.prefixes[..tight];
        if loose.iter().any(|(op, _)| *op == UnaryOp::Neg) {
            // `- not x` is never a number; it is applied as written, and the type check reports it.
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
    fn apply_last_operator(&mut self, chain: &mut Chain) {
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
