//! Programs made by hand, and a small HTTP server.
#![allow(dead_code)]

#[path = "../../machine/tests/support/mod.rs"]
mod programs;
#[path = "../../../tests/src/server.rs"]
pub mod server;

pub use programs::*;
