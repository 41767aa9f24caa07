//! What a program can know of its run and of the environment it runs in.

use std::{collections::HashMap, sync::Arc};

use cascade_ir::{ErrorKind, RunFact};
use smol_str::SmolStr;

use super::Result;
use crate::{
    failure::Failure,
    value::{Secret, Value},
};

/// The facts of a run: `run.id` and its like, and the secrets of the environment that the program names.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The id of the run.
    pub id: String,
    /// When it began, in milliseconds since 1970.
    pub started: i64,
    /// The cascade that was started.
    pub cascade: String,
    /// 1, and one more for each failure or cancellation after which it was resumed.
    pub attempt: u32,
    /// Variables of the environment that the program names by `env("NAME")`, and that are set.
    pub variables: Arc<HashMap<SmolStr, Secret>>,
}

impl Facts {
    pub(super) fn value(&self, fact: RunFact) -> Value {
        match fact {
            RunFact::Id => Value::str(self.id.as_str()),
            RunFact::Started => Value::Time(self.started),
            RunFact::Cascade => Value::str(self.cascade.as_str()),
            RunFact::Attempt => Value::Int(i64::from(self.attempt)),
        }
    }

    pub(super) fn variable(&self, name: &str) -> Result {
        match self.variables.get(name) {
            Some(secret) => Ok(Value::Secret(secret.clone())),
            None => Err(Failure::raise(ErrorKind::Denied, format!("the environment variable `{name}` is not set"))),
        }
    }
}
