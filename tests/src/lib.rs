//! What the whole-program tests and benchmarks share.

pub mod annotations;
pub mod binary;
pub mod generate;
pub mod grammar_page;
pub mod headers;
pub mod language_sheet;
pub mod mutate;
pub mod programs;
pub mod pure;
pub mod recovery;
pub mod server;
pub mod tokens;
pub mod types;
pub mod workflow;
