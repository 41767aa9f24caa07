//! What is known of the world at the start of a run.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde_json::Value as Json;

use super::{best_of::KnownOutcomes, mocked_call::Rehearsal};
use crate::{
    eval::{DEFAULT_FUEL, Facts},
    key_parts::KeyVersion,
    project_key::ProjectKey,
    redact::Redactor,
};

/// Whether a model can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Available,
    /// It cannot: none of these environment variables is set, any of which would hold its key.
    NoKey(Vec<String>),
    /// It cannot for another reason, in words, for a place beside the model's name.
    Missing(String),
}

impl Availability {
    /// Why it cannot be asked, for a place beside the model's name.
    pub fn obstacle(&self) -> Option<String> {
        match self {
            Self::Available => None,
            Self::NoKey(variables) => Some(format!("{} is not set", list_quoted(variables, " or "))),
            Self::Missing(reason) => Some(reason.clone()),
        }
    }
}

/// Names in backticks with something between them.
pub(super) fn list_quoted(names: &[String], between: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
}

/// Everything impure that is known at the start.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Id of the run; idempotency keys depend on it.
    pub run: String,
    /// The directory of the run as keys name it; programs run there unless they say otherwise.
    pub folder: String,
    /// By model; those beyond the end are available.
    pub models: Vec<Availability>,
    /// By model: whether its coding agent can work; those beyond the end can.
    pub agents: Vec<Availability>,
    /// Whether anyone listens to events.
    pub listening: bool,
    /// Whether anyone watches the stages come and go.
    pub watched: bool,
    /// Pure steps that the run may take.
    pub fuel: u64,
    /// Answers of models that are on record, from an earlier part of this run.
    pub recalled: Arc<Recalled>,
    /// What earlier answers of models tell of them, for `best_of`.
    pub outcomes: Arc<KnownOutcomes>,
    /// The key of the project, where the run is recorded in one.
    pub project_key: Option<ProjectKey>,
    /// The secrets of the run.
    pub redactor: Redactor,
    /// Contents of the memories that outlive runs, by name and key.
    pub memory: HashMap<(String, String), Json>,
    /// What expressions can know of the run.
    pub facts: Facts,
    /// Whether nothing is done and every call is answered as a whole: a test.
    pub rehearsal: Option<Arc<Rehearsal>>,
}

/// What an earlier part of the run is known to have settled.
#[derive(Debug, Clone, Default)]
pub struct Recalled {
    /// Prompts that were answered: path, attempt and key. The model that gave an answer is taken
    /// again, even when it is not available any more: nothing is asked of it.
    pub answered: HashSet<(String, u32, String)>,
    /// How the run's keys are made: as they were when it began.
    pub key_version: KeyVersion,
    /// Failures that ended an earlier part of the run: the stage's path and how often it had been
    /// tried. A stage that meets one of them again gets a new set of attempts.
    pub failed: HashSet<(String, u32)>,
    /// How often the run has been cancelled and taken up again. Its `on cancel` hooks act once for
    /// each time.
    pub cancelled: u32,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            run: String::new(),
            folder: String::new(),
            models: Vec::new(),
            agents: Vec::new(),
            listening: true,
            watched: true,
            fuel: DEFAULT_FUEL,
            recalled: Arc::default(),
            outcomes: Arc::default(),
            project_key: None,
            redactor: Redactor::default(),
            memory: HashMap::new(),
            facts: Facts::default(),
            rehearsal: None,
        }
    }
}
