//! The runtime of Cascade: the interpreter and what carries it.
//!
//! [`machine`] is the heart: a deterministic state machine over the instruction tree of
//! `cascade-ir`. It asks the world through requests ([`request`]) and never touches it.

pub mod events;
pub mod failure;
pub mod machine;
pub mod render;
pub mod request;
pub mod schema;
pub mod value;

mod check;
mod eval;
mod lenient;
mod output;
