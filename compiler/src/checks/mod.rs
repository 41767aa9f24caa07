//! The rules, a family a file. A rule is a function of the declared world, of types, flows and
//! spans, and of what a walk has recorded; it gives diagnostics. `declare` and `body` call the
//! rules where they stand before what a rule is about.

pub(crate) mod allow;
pub(crate) mod attributes;
pub(crate) mod blocks;
pub(crate) mod bounds;
pub(crate) mod calls;
pub(crate) mod capabilities;
pub(crate) mod clauses;
pub(crate) mod concurrency;
pub(crate) mod edition;
pub(crate) mod elsewhere;
pub(crate) mod leaks;
pub(crate) mod methods;
pub(crate) mod names;
pub(crate) mod operators;
pub(crate) mod prompts;
pub(crate) mod reachability;
pub(crate) mod skills;
pub(crate) mod style;
pub(crate) mod taint;
pub(crate) mod tests;
pub(crate) mod types;
