//! Meaning: from syntax trees to checked programs.
//!
//! The crate does no input or output but reading sources through [`Sources`]; whoever calls it
//! (the command line, the language server, tests) says where text comes from and what is done
//! with the [`Diagnostic`]s.

pub mod codes;
pub mod diagnostic;
mod edition;
pub mod format;
pub mod import;

mod analyze;
mod body;
mod builtins;
mod callees;
mod checks;
mod compile;
pub mod cost;
mod declare;
mod depth_first;
pub mod docgen;
mod findings;
pub mod fixes;
mod flow;
mod followups;
pub mod graph;
pub mod ide;
mod index;

mod module;
mod program;
pub mod project;
pub mod render;
mod report;
mod scope;
mod skill_file;

pub mod source;
mod suggest;
mod syntax;
mod types;
mod walk;
mod world;

pub use cascade_ir::Program;
pub use codes::{Code, Explanation};
pub use compile::{Analysis, Compilation, Options, compile, compile_with};
pub use diagnostic::{Diagnostic, Fix, Label, Severity};
pub use project::{Level, Levels, Project};
pub use report::Report;
pub use source::{FileSources, MemorySources, SourceId, SourceMap, Sources};
