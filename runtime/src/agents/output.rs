//! What is known of an agent's work while it goes on.

use serde_json::Value as Json;

use super::acp::Conversation;
use crate::{failure::Raise, request::Usage};

/// What an agent has told so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The session, by which it can be continued.
    pub(crate) session: Option<String>,
    /// Its last text.
    pub(crate) text: Option<String>,
    /// Its answer in the form that was asked for.
    pub(crate) structured: Option<Json>,
    pub(crate) usage: Usage,
    /// Why it failed.
    pub(crate) failure: Option<Raise>,
    /// What it is doing, until that is reported.
    pub(crate) step: Option<String>,
    /// What it was refused.
    pub(crate) denied: Vec<String>,
    /// Whether it has said its last word. A program that lives on is ended.
    pub(crate) is_over: bool,
    /// What is said to it while it works.
    pub(crate) conversation: Option<Box<Conversation>>,
    /// Whether it says that it has changed files.
    pub(crate) claims_change: bool,
}

impl Heard {
    /// The answer as text: what is structured goes before what is said.
    pub(crate) fn take_answer(&mut self) -> Option<String> {
        match self.structured.take() {
            Some(json) => Some(json.to_string()),
            None => self.text.take(),
        }
    }
}

/// A step as it is shown: the tool, and what it is used for.
pub(super) fn describe_step(tool: &str, input: &Json) -> String {
    let names = ["file_path", "path", "command", "pattern", "url", "query", "description"];
    let detail = names.iter().find_map(|name| input.get(name).and_then(Json::as_str));
    match detail.and_then(|detail| detail.lines().next()) {
        Some(detail) => format!("{tool} {detail}"),
        None => tool.to_owned(),
    }
}
