//! Text to tokens, in two passes.
//!
//! [`scan`] cuts the text by modes, sorts the comments out and closes what was left open, so
//! that brackets, strings and holes always balance. [`layout`] then decides what only the
//! neighbours of a token tell: where a statement ends, whether a brace opens a record or a
//! block, whether a word is a name here.

pub(crate) mod layout;
mod modes;
mod recover;
pub(crate) mod scan;
pub(crate) mod words;

#[cfg(test)]
mod tests;
