//! The families of checks. Each file owns the rules of one family and how they are told; the
//! walk of `elab` calls into it where it stands before what the rule is about.

pub(crate) mod capabilities;
pub(crate) mod concurrency;
pub(crate) mod flow;
pub(crate) mod names;
pub(crate) mod secrets;
pub(crate) mod style;
pub(crate) mod types;
