//! The order of types: which fits where another is expected, and what two have in common.

use super::{Ty, TyKind, Types};

impl Types {
    /// Whether every value of `from` is a value of `to`, represented in the same way.
    pub fn fits(&self, from: Ty, to: Ty) -> bool {
        if from == to || from == Ty::ERROR || to == Ty::ERROR || from == Ty::NEVER {
            return true;
        }
        match (self.kind(from), self.kind(to)) {
            (TyKind::Refined(base, _), _) => self.fits(*base, to),
            (TyKind::Optional(a), TyKind::Optional(b)) => self.fits(*a, *b),
            (_, TyKind::Optional(b)) => from == Ty::NULL || self.fits(from, *b),
            (TyKind::List(a), TyKind::List(b)) | (TyKind::Map(a), TyKind::Map(b)) => self.fits(*a, *b),
            (TyKind::Image | TyKind::Audio | TyKind::Video, TyKind::File) => true,
            (TyKind::Null, TyKind::Json) => true,
            // Variants are known by their names; an `ok` without a value has no field.
            (TyKind::Named(a), TyKind::Named(b)) => match (self.outcome_value(*a), self.outcome_value(*b)) {
                (Some(a), Some(b)) => a != Ty::NULL && b != Ty::NULL && self.fits(a, b),
                _ => false,
            },
            (TyKind::Record(have), _) => match self.fields(to) {
                Some(want) => {
                    have.len() == want.len()
                        && want.iter().all(|(name, ty)| {
                            have.iter().find(|(n, _)| n == name).is_some_and(|(_, t)| self.fits(*t, *ty))
                        })
                }
                None => false,
            },
            _ => false,
        }
    }

    /// A type that both fit into without conversion, or with int widened to float.
    pub fn join(&mut self, a: Ty, b: Ty) -> Option<Ty> {
        if self.fits(a, b) {
            return Some(b);
        }
        if self.fits(b, a) {
            return Some(a);
        }
        let (base_a, base_b) = (self.base(a), self.base(b));
        if base_a == base_b {
            return Some(base_a);
        }
        if (base_a, base_b) != (a, b) {
            return self.join(base_a, base_b);
        }
        if a == Ty::NULL {
            return Some(self.optional(b));
        }
        if b == Ty::NULL {
            return Some(self.optional(a));
        }
        match (self.kind(a).clone(), self.kind(b).clone()) {
            (TyKind::Optional(x), TyKind::Optional(y)) => self.join(x, y).map(|t| self.optional(t)),
            (TyKind::Optional(x), _) => self.join(x, b).map(|t| self.optional(t)),
            (_, TyKind::Optional(y)) => self.join(a, y).map(|t| self.optional(t)),
            (TyKind::List(x), TyKind::List(y)) => self.join(x, y).map(|t| self.list(t)),
            (TyKind::Map(x), TyKind::Map(y)) => self.join(x, y).map(|t| self.map(t)),
            _ if self.artifact(a) && self.artifact(b) => Some(Ty::FILE),
            _ => None,
        }
    }
}
