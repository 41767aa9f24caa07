//! Sets of values of a script.

use crate::syntax::HoleId;

/// A set of values, in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HoleSet(Vec<HoleId>);

impl HoleSet {
    /// What stands for the standard input of the whole script.
    pub const STDIN: HoleId = HoleId::MAX;
    /// What stands for any placeholder.
    pub const PLACEHOLDER: HoleId = HoleId::MAX - 1;

    /// The set with one value.
    pub fn single(id: HoleId) -> Self {
        Self(vec![id])
    }

    /// Whether no value is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its values in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = HoleId> + '_ {
        self.0.iter().copied()
    }

    /// Adds the values of another set; says whether one was new.
    pub fn include(&mut self, other: &Self) -> bool {
        let before = self.0.len();
        for id in &other.0 {
            if let Err(at) = self.0.binary_search(id) {
                self.0.insert(at, *id);
            }
        }
        self.0.len() > before
    }

    /// The values of both sets.
    pub fn joined(mut self, other: &Self) -> Self {
        self.include(other);
        self
    }
}

impl FromIterator<HoleId> for HoleSet {
    fn from_iter<I: IntoIterator<Item = HoleId>>(ids: I) -> Self {
        let mut ids: Vec<HoleId> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }
}
