//! A figure of the worst case: an upper bound, and the construct that dominates it.

use std::sync::Arc;

use cascade_ir::Place;
use smol_str::SmolStr;

use super::poly::Poly;

/// The value of every variable when two figures are compared.
const TYPICAL: f64 = 8.0;

/// An upper bound.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// No more than this.
    AtMost(Poly),
    /// Nothing in the program limits it.
    Unlimited(NoBound),
}

/// NoBound a figure has no upper bound.
#[derive(Debug, Clone, PartialEq)]
pub struct NoBound {
    /// The reason, in a few words.
    pub text: SmolStr,
    /// The construct without a limit.
    pub place: Place,
}

/// The loop, retry or fan-out that contributes most to a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Peak {
    /// The construct as messages name it: "`repeat`", "retry of `verdict`".
    pub what: SmolStr,
    /// Where it is.
    pub place: Place,
    /// How much smaller the figure would be without it.
    saving: f64,
}

/// A construct that repeats its work.
#[derive(Debug, Clone)]
pub(super) struct Repetition {
    pub what: SmolStr,
    pub place: Place,
    pub times: Poly,
}

/// A clause that limits a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Cap {
    /// `budget` or `timeout`.
    pub clause: &'static str,
    /// The stage or cascade that has the clause.
    pub place: Place,
    /// The figure without the clause; `None`: without limit.
    pub otherwise: Option<Poly>,
}

/// A worst-case figure with its explanation.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The upper bound.
    pub bound: Bound,
    /// The construct that dominates it.
    pub peak: Option<Arc<Peak>>,
    /// The clause that limits it, if the figure is exactly that limit.
    pub cap: Option<Arc<Cap>>,
}

impl Default for Figure {
    fn default() -> Self {
        Self::number(0)
    }
}

impl Figure {
    pub(super) fn number(n: u128) -> Self {
        Self { bound: Bound::AtMost(Poly::number(n)), peak: None, cap: None }
    }

    pub(super) fn unlimited(text: impl Into<SmolStr>, place: Place) -> Self {
        Self { bound: Bound::Unlimited(NoBound { text: text.into(), place }), peak: None, cap: None }
    }

    /// The bound, unless it is unlimited.
    pub fn poly(&self) -> Option<&Poly> {
        match &self.bound {
            Bound::AtMost(poly) => Some(poly),
            Bound::Unlimited(_) => None,
        }
    }

    /// The bound, if it contains no variables.
    pub fn as_number(&self) -> Option<u128> {
        self.poly().and_then(Poly::as_number)
    }

    fn is_zero(&self) -> bool {
        self.poly().is_some_and(Poly::is_zero)
    }

    fn weight(&self) -> f64 {
        self.poly().map_or(f64::INFINITY, |p| p.weight(TYPICAL))
    }

    /// Adds a figure that follows in sequence.
    pub(super) fn add(&mut self, other: &Self) {
        if other.is_zero() {
            return;
        }
        if self.is_zero() {
            *self = other.clone();
            return;
        }
        self.cap = None;
        match (&mut self.bound, &other.bound) {
            (Bound::AtMost(a), Bound::AtMost(b)) => a.add(b),
            (Bound::AtMost(_), Bound::Unlimited(_)) => self.bound = other.bound.clone(),
            (Bound::Unlimited(_), _) => {}
        }
        if saving_of(other.peak.as_ref()) > saving_of(self.peak.as_ref()) {
            self.peak.clone_from(&other.peak);
        }
    }

    /// The maximum of two alternatives.
    pub(super) fn join(&mut self, other: &Self) {
        if other.is_zero() || self == other {
            return;
        }
        let larger = other.weight() > self.weight();
        if larger {
            self.peak.clone_from(&other.peak);
        }
        self.cap = if larger { other.cap.clone() } else { self.cap.take() };
        match (&mut self.bound, &other.bound) {
            (Bound::AtMost(a), Bound::AtMost(b)) => a.join(b),
            (Bound::AtMost(_), Bound::Unlimited(_)) => self.bound = other.bound.clone(),
            (Bound::Unlimited(_), _) => {}
        }
    }

    /// The figure of a repetition.
    pub(super) fn times(&self, many: &Repetition) -> Self {
        if many.times.is_zero() {
            return Self::default();
        }
        let bound = match &self.bound {
            Bound::AtMost(poly) => Bound::AtMost(poly.times(&many.times)),
            unlimited => unlimited.clone(),
        };
        let times = many.times.weight(TYPICAL);
        let inner = saving_of(self.peak.as_ref()) * times;
        let own = if self.is_zero() { 0.0 } else { self.weight() * (times - 1.0) };
        let peak = if own > 0.0 && own >= inner {
            Some(Arc::new(Peak { what: many.what.clone(), place: many.place, saving: own }))
        } else {
            self.peak.as_ref().map(|p| Arc::new(Peak { saving: inner, ..(**p).clone() }))
        };
        let cap = if times > 1.0 { None } else { self.cap.clone() };
        Self { bound, peak, cap }
    }

    /// Limits the figure to what a clause allows.
    pub(super) fn limit_to(&mut self, most: u128, clause: &'static str, place: Place) {
        if self.as_number().is_none_or(|n| n > most) {
            let otherwise = self.poly().cloned();
            self.bound = Bound::AtMost(Poly::number(most));
            self.cap = Some(Arc::new(Cap { clause, place, otherwise }));
        }
    }
}

fn saving_of(peak: Option<&Arc<Peak>>) -> f64 {
    peak.map_or(0.0, |p| p.saving)
}
