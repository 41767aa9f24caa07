//! The runtime of Cascade: the interpreter and what carries it.
//!
//! [`machine`] is the heart: a deterministic state machine over the instruction tree of
//! `cascade-ir`. It asks the world through requests ([`request`]) and never touches it. A
//! [`host`] does what it asks; [`run`] ties it to the host of this machine, with a journal.

pub mod driver;
mod durable;
pub mod events;
pub mod failure;
pub mod fixtures;
pub mod host;
pub mod journal;
pub mod machine;
pub mod render;
pub mod request;
pub mod schema;
pub mod value;

mod check;
mod eval;
mod inputs;
mod lenient;
mod local;
mod models;
mod output;
mod plan;
pub mod rehearsal;
mod run;
#[cfg(test)]
mod testing;

pub use durable::{Asked, Asker, Observer, Pause};
pub use events::Event;
pub use failure::Failure;
pub use inputs::{InputError, inputs_from_json, parse_input_text};
pub use local::Cancel;
pub use models::availability;
pub use plan::{Plan, Planned, plan};
pub use run::{Begin, RunOptions, RunOutcome, program_hash, run, run_on};
pub use value::{Value, from_json, to_json};
