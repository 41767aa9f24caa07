//! Smart casts: what a condition tells of the values that it looks at.

use cascade_grammar::ast::{BinaryOp, Expr, ExprKind, UnaryOp};
use smol_str::SmolStr;

use super::body::{Body, LocalKind};
use crate::types::Ty;

/// A variable, or fields of one: the only things whose type can be narrowed, since nothing
/// between the test and the use can change them unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub local: u32,
    pub fields: Vec<SmolStr>,
}

/// A path whose type is known better than declared.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub path: Path,
    pub ty: Ty,
    /// Whether an assignment has ended it.
    pub dead: bool,
}

/// Paths that are not null when the condition holds, and when it does not.
#[derive(Debug, Default)]
pub(crate) struct Facts<'e> {
    pub when_true: Vec<&'e Expr>,
    pub when_false: Vec<&'e Expr>,
}

/// What a condition tells.
pub(crate) fn facts(condition: &Expr) -> Facts<'_> {
    match &condition.kind {
        ExprKind::Paren(inner) => facts(inner),
        ExprKind::Unary(UnaryOp::Not, inner) => {
            let inner = facts(inner);
            Facts { when_true: inner.when_false, when_false: inner.when_true }
        }
        ExprKind::Binary(a, BinaryOp::And, b) => {
            let (mut a, b) = (facts(a), facts(b));
            a.when_true.extend(b.when_true);
            Facts { when_true: a.when_true, when_false: Vec::new() }
        }
        ExprKind::Binary(a, BinaryOp::Or, b) => {
            let (mut a, b) = (facts(a), facts(b));
            a.when_false.extend(b.when_false);
            Facts { when_true: Vec::new(), when_false: a.when_false }
        }
        ExprKind::Binary(a, op @ (BinaryOp::Ne | BinaryOp::Eq), b) => {
            let tested = match (&a.kind, &b.kind) {
                (_, ExprKind::Null) => a,
                (ExprKind::Null, _) => b,
                // `x == 3` tells that x is not null; `x != 3` tells so when it is false.
                (_, ExprKind::Int(_) | ExprKind::Str(_) | ExprKind::Bool(_) | ExprKind::Float(_)) => {
                    return if *op == BinaryOp::Eq {
                        Facts { when_true: vec![a], when_false: Vec::new() }
                    } else {
                        Facts { when_true: Vec::new(), when_false: vec![a] }
                    };
                }
                _ => return Facts::default(),
            };
            if *op == BinaryOp::Ne {
                Facts { when_true: vec![tested], when_false: Vec::new() }
            } else {
                Facts { when_true: Vec::new(), when_false: vec![tested] }
            }
        }
        _ => Facts::default(),
    }
}

impl Body<'_, '_> {
    /// The path that an expression reads, if it is one.
    pub fn path(&self, e: &Expr) -> Option<Path> {
        match &e.kind {
            ExprKind::Name(name) => self.find(&name.text).map(|local| Path { local, fields: Vec::new() }),
            ExprKind::Field { receiver, name, .. } => {
                let mut path = self.path(receiver)?;
                path.fields.push(name.text.clone());
                Some(path)
            }
            ExprKind::Paren(inner) => self.path(inner),
            _ => None,
        }
    }

    /// What is known of a path beyond its declared type.
    pub fn narrowed(&self, path: &Path) -> Option<Ty> {
        self.facts.iter().rev().find(|f| !f.dead && f.path == *path).map(|f| f.ty)
    }

    /// Holds for the rest of the scope that these are not null. A safe access that is not null
    /// tells that its receiver is not null either.
    pub fn assume(&mut self, paths: &[&Expr]) {
        for e in paths {
            let mut e: &Expr = e;
            loop {
                self.assume_one(e);
                match &e.kind {
                    ExprKind::Field { receiver, safe: true, .. } => e = receiver,
                    ExprKind::Paren(inner) => e = inner,
                    _ => break,
                }
            }
        }
    }

    fn assume_one(&mut self, e: &Expr) {
        let Some(path) = self.path(e) else { return };
        let Some(ty) = self.path_type(&path) else { return };
        if self.cx.types.nullable(ty) && ty != Ty::JSON && ty != Ty::ERROR {
            let ty = self.cx.types.non_null(ty);
            self.facts.push(Fact { path, ty, dead: false });
        }
    }

    /// The type of a path as known here.
    pub fn path_type(&self, path: &Path) -> Option<Ty> {
        if let Some(ty) = self.narrowed(path) {
            return Some(ty);
        }
        match path.fields.split_last() {
            None => Some(self.locals[path.local as usize].ty),
            Some((last, before)) => {
                let outer = self.path_type(&Path { local: path.local, fields: before.to_vec() })?;
                let field = self.cx.types.field(self.cx.types.non_null(outer), last)?;
                Some(field)
            }
        }
    }

    /// Forgets what is known of a variable that is assigned.
    pub fn forget(&mut self, local: u32) {
        for fact in self.facts.iter_mut().filter(|f| f.path.local == local) {
            fact.dead = true;
        }
    }

    /// Forgets what is known of every `var`: the body of a loop may assign it further down.
    pub fn forget_vars(&mut self) {
        for fact in &mut self.facts {
            if self.locals[fact.path.local as usize].kind == LocalKind::Var {
                fact.dead = true;
            }
        }
    }
}
