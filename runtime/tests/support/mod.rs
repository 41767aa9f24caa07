//! Programs made by hand, and a small HTTP server.
#![allow(dead_code)]

#[path = "../../machine/tests/support/mod.rs"]
mod programs;
pub mod server;

pub use programs::*;
