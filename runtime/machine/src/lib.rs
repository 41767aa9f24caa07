//! The interpreter of Cascade, independent of its environment.
//!
//! [`interpreter`] is a deterministic state machine over the instruction tree of `cascade-ir`: a
//! function of the program, the inputs and the answers to its requests. It makes requests
//! ([`request`]), an implementation of [`host::Host`] carries them out, and [`driver`] connects the two.
//! Nothing in this crate reads a clock, a file, the environment or a random number, opens a connection
//! or starts a process: the crate's `clippy.toml` forbids that.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

pub mod check;
pub mod describe;
pub mod driver;
pub mod eval;
pub mod events;
pub mod failure;
pub mod host;
pub mod inputs;
pub mod interpreter;
pub mod redact;
pub mod render;
pub mod request;
pub mod schema;
pub mod value;
pub mod wire;
pub mod workspace;

pub mod key_parts;
pub mod media;
pub mod project_key;

mod lenient;
mod output;
mod request_id;
mod tokens;

pub use events::Event;
pub use failure::Failure;
pub use inputs::{
    InputError, inputs_from_json, inputs_with_variables, parse_input_text, record_input, recorded_inputs,
};
pub use interpreter::Machine;
pub use value::{Value, from_json, to_json};
