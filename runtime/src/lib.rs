//! The runtime of Cascade: what carries the interpreter.
//!
//! The interpreter itself is the crate `cascade-machine`: it asks the world through requests and
//! never touches it. Here is what answers it: the host of this machine (commands, HTTP, models,
//! files, timers), the durable host around it that records every effect in a journal, recordings
//! of models and the web, and the rehearsal that tests run in. [`run`] ties them together.

mod agents;
pub mod brief_command;
mod durable;
mod folder;
pub mod journal;
pub mod recordings;

mod local;
mod masking;
mod models;
mod plan;
pub mod rehearsal;
mod run;
pub mod search_path;
#[cfg(test)]
mod testing;

pub use cascade_machine::{
    Event, Failure, InputError, Value, check, describe, driver, eval, events, failure, from_json, host, inputs,
    inputs_from_json, inputs_with_variables, interpreter, media, parse_input_text, project_key, recorded_inputs,
    redact, render, request, schema, to_json, value, wire, workspace,
};
pub use durable::{Asked, Asker, Observer, Pause, Reply};
pub use local::{Cancel, Probe, SandboxSettings, probe_model, probe_server};
pub use models::{ProviderSettings, Providers, ProxySetting, SettingText};
pub use plan::{Plan, PlanOptions, PlannedEffect, plan};
pub use run::{Begin, RunOptions, RunOutcome, block_on, environment_variables, run, run_blocking, run_on};
