//! The lexer: text to tokens, in two passes.
//!
//! [`scan`] splits the text into raw tokens by modes, collects the comments and closes what was left
//! open, so that brackets, strings and holes always balance. [`layout`] then decides what depends on
//! the neighbours of a token: where a statement ends, whether a brace opens a record or a block,
//! whether a word is a name.

pub(crate) mod layout;
mod modes;
mod recover;
pub(crate) mod scan;
pub(crate) mod words;

#[cfg(test)]
mod tests;
