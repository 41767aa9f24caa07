//! What is known of the world at the start of a run.

use crate::eval::DEFAULT_FUEL;

/// Whether a model can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Available,
    /// It cannot; what is missing, in words: "`OPENAI_API_KEY` is not set".
    Missing(String),
}

/// Everything impure that is known at the start.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Id of the run; idempotency keys depend on it.
    pub run: String,
    /// By model; those beyond the end are available.
    pub models: Vec<Availability>,
    /// Whether anyone listens to events.
    pub listening: bool,
    /// Pure steps that the run may take.
    pub fuel: u64,
}

impl Default for Environment {
    fn default() -> Self {
        Self { run: String::new(), models: Vec::new(), listening: true, fuel: DEFAULT_FUEL }
    }
}
