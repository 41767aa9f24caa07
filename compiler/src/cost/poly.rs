//! Polynomials over lengths that only a run knows: `3 + 2·len(files)`.

use std::collections::BTreeMap;

use smol_str::SmolStr;

/// The variables of a term, sorted, with repetition.
type Names = Vec<SmolStr>;

/// A sum of products of variables and numbers. A variable stands for the maximum that a quantity
/// reaches in a run, and is never negative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Poly {
    /// No coefficient is 0.
    terms: BTreeMap<Names, u128>,
}

impl Poly {
    /// A number.
    pub fn number(n: u128) -> Self {
        Self { terms: (n > 0).then(|| (Names::new(), n)).into_iter().collect() }
    }

    /// A variable.
    pub fn name(name: impl Into<SmolStr>) -> Self {
        Self { terms: BTreeMap::from([(vec![name.into()], 1)]) }
    }

    /// The number, if there are no variables.
    pub fn as_number(&self) -> Option<u128> {
        match self.terms.len() {
            0 => Some(0),
            1 => self.terms.get(&Names::new()).copied(),
            _ => None,
        }
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms: variables and coefficient; the constant term has no variables.
    pub fn terms(&self) -> impl Iterator<Item = (&[SmolStr], u128)> {
        self.terms.iter().map(|(names, n)| (names.as_slice(), *n))
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        for (names, n) in &other.terms {
            match self.terms.get_mut(names) {
                Some(old) => *old = old.saturating_add(*n),
                None => {
                    self.terms.insert(names.clone(), *n);
                }
            }
        }
    }

    /// Raises each coefficient to at least that of the other, so that the result bounds both.
    pub fn join(&mut self, other: &Self) {
        for (names, n) in &other.terms {
            let old = self.terms.entry(names.clone()).or_insert(0);
            *old = (*old).max(*n);
        }
    }

    /// The product.
    pub fn times(&self, other: &Self) -> Self {
        let mut out = Self::default();
        for (a, n) in &self.terms {
            for (b, m) in &other.terms {
                let mut names = [a.as_slice(), b.as_slice()].concat();
                names.sort();
                let sum = out.terms.entry(names).or_insert(0);
                *sum = sum.saturating_add(n.saturating_mul(*m));
            }
        }
        out
    }

    /// An upper bound of an `n`th of it.
    pub fn divide_by(&self, n: u128) -> Self {
        let n = n.max(1);
        Self { terms: self.terms.iter().map(|(names, k)| (names.clone(), k.div_ceil(n))).collect() }
    }

    /// The smaller bound: a number is preferred to a polynomial with variables.
    pub fn smaller(&self, other: &Self) -> Self {
        match (self.as_number(), other.as_number()) {
            (Some(a), Some(b)) => Self::number(a.min(b)),
            (None, Some(_)) => other.clone(),
            _ => self.clone(),
        }
    }

    /// The value when every variable is `each`.
    pub fn value(&self, each: u128) -> u128 {
        let term = |(names, n): (&Names, &u128)| names.iter().fold(*n, |n, _| n.saturating_mul(each));
        self.terms.iter().map(term).fold(0, u128::saturating_add)
    }

    /// The value when every variable is `each`, as a float; only for comparisons.
    pub fn weight(&self, each: f64) -> f64 {
        self.terms.iter().map(|(names, n)| *n as f64 * names.iter().map(|_| each).product::<f64>()).sum()
    }

    /// As text; `format_number` writes the numbers.
    pub fn format(&self, format_number: impl Fn(u128) -> String) -> String {
        if self.terms.is_empty() {
            return format_number(0);
        }
        let counts = format_number(1) == "1";
        let parts = self.terms.iter().map(|(names, n)| {
            let names = names.join("·");
            match (names.is_empty(), *n == 1 && counts) {
                (true, _) => format_number(*n),
                (false, true) => names,
                (false, false) => format!("{}·{names}", format_number(*n)),
            }
        });
        parts.collect::<Vec<_>>().join(" + ")
    }
}
