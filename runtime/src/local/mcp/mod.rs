//! MCP servers of a run: each is started when its first tool is called, and ended with the run.

mod arguments;
mod client;
mod probe;

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use cascade_ir::ErrorKind;
use smol_str::SmolStr;
use tokio::{
    sync::{Mutex, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{Message, Outbox};
use crate::{
    failure::{Failure, Raise},
    interpreter::LIST_TOOLS,
    request::{Answer, McpRequest, Output, RequestId, Usage},
};
use client::Connection;
pub use probe::probe_server;

/// The connection to one server; `None` before its first call, and after it has ended.
type Slot = Arc<Mutex<Option<Connection>>>;

/// The servers of a run.
pub(super) struct Servers {
    outbox: Outbox,
    cwd: Option<PathBuf>,
    /// By the names of the servers in the program.
    slots: HashMap<SmolStr, Slot>,
    calls: HashMap<RequestId, Call>,
}

/// A call that is under way.
struct Call {
    /// Dropped to withdraw it.
    _withdraw: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Servers {
    pub(super) fn new(outbox: Outbox, cwd: Option<PathBuf>) -> Self {
        Self { outbox, cwd, slots: HashMap::new(), calls: HashMap::new() }
    }

    /// Calls a tool. `mark` is the variable by which the server's process is found when the run is resumed.
    pub(super) fn call(&mut self, id: RequestId, request: McpRequest, mark: Option<(&'static str, String)>) {
        let slot = Arc::clone(self.slots.entry(request.server.name.clone()).or_default());
        let (withdraw, withdrawn) = oneshot::channel();
        let (outbox, cwd) = (self.outbox.clone(), self.cwd.clone());
        let task = tokio::spawn(async move {
            let call = call_tool(id, &request, &slot, cwd, mark, withdrawn, &outbox);
            let result = match request.limit_ms {
                Some(ms) => {
                    timeout(Duration::from_millis(ms), call).await.unwrap_or_else(|_| Err(too_slow(&request, ms)))
                }
                None => call.await,
            };
            let _ = outbox.send(Message::Done(id, Answer { result, usage: Usage::default() }));
        });
        self.calls.insert(id, Call { _withdraw: withdraw, task });
    }

    /// Withdraws a call: the server is told, and its answer is not waited for.
    pub(super) fn stop(&mut self, id: RequestId) {
        self.calls.remove(&id);
    }

    /// A call is over.
    pub(super) fn forget(&mut self, id: RequestId) {
        self.calls.remove(&id);
    }

    /// Ends all servers, and waits until their processes have ended.
    pub(super) async fn close(&mut self) {
        for (_, call) in self.calls.drain() {
            call.task.abort();
        }
        for (_, slot) in self.slots.drain() {
            if let Some(connection) = slot.lock().await.take() {
                connection.close().await;
            }
        }
    }
}

/// The failure of a server that has not answered within the limit of a request.
fn too_slow(request: &McpRequest, ms: u64) -> Raise {
    let McpRequest { server, tool, .. } = request;
    let message = format!("`{}.{tool}` was not answered within {} s", server.name, ms.div_ceil(1000));
    Failure::raise(ErrorKind::TimedOut, message)
}

/// Calls a tool of a server, which is started if it is not running.
async fn call_tool(
    id: RequestId,
    request: &McpRequest,
    slot: &Slot,
    cwd: Option<PathBuf>,
    mark: Option<(&'static str, String)>,
    withdrawn: oneshot::Receiver<()>,
    outbox: &Outbox,
) -> Result<Output, Raise> {
    let server = &request.server;
    let connected = {
        let mut connection = slot.lock().await;
        if connection.as_ref().is_none_or(Connection::has_ended) {
            if let Some(ended) = connection.take() {
                ended.close().await;
            }
            *connection = Some(Connection::open(server, cwd, mark, outbox.clone()).await?);
        }
        connection.as_ref().map(Connection::caller)
    };
    let Some(caller) = connected else {
        return Err(Failure::raise(ErrorKind::Internal, "a server that is not connected"));
    };
    if request.tool == LIST_TOOLS {
        return Ok(Output::Tool(caller.describe_tools()));
    }
    let names: Vec<&str> = caller.tools.iter().map(|tool| tool.name.as_ref()).collect();
    let Some(tool) = find_tool(&names, &request.tool).and_then(|position| caller.tools.get(position)) else {
        return Err(unknown_tool(&server.name, &request.tool, names.into_iter()));
    };
    let schema = serde_json::Value::Object(tool.input_schema.as_ref().clone());
    if let Some(why) = arguments::find_mismatch(&schema, &request.args) {
        let message = format!("the arguments do not fit the tool `{}.{}`: {why}", server.name, request.tool);
        return Err(Failure::raise(ErrorKind::Failed, message));
    }
    let result = caller.call(id, &tool.name, &request.args, withdrawn).await;
    if let Err(failure) = &result
        && failure.kind == ErrorKind::Unavailable
    {
        // The next call starts it again.
        let mut connection = slot.lock().await;
        if connection.as_ref().is_some_and(Connection::has_ended)
            && let Some(ended) = connection.take()
        {
            ended.close().await;
        }
    }
    result.map(Output::Tool)
}

/// The position of a tool by its name. A name of the language has no `-`, `.` or `/`: `_` stands for them where only one
/// tool can be meant.
fn find_tool(names: &[&str], wanted: &str) -> Option<usize> {
    if let Some(position) = names.iter().position(|name| *name == wanted) {
        return Some(position);
    }
    let mut alike = names.iter().enumerate().filter(|(_, name)| name.replace(['-', '.', '/'], "_") == wanted);
    match (alike.next(), alike.next()) {
        (Some((position, _)), None) => Some(position),
        _ => None,
    }
}

/// The failure of a tool that a server does not have.
fn unknown_tool<'t>(server: &str, tool: &str, known: impl Iterator<Item = &'t str>) -> Raise {
    const MOST: usize = 20;
    let known: Vec<&str> = known.collect();
    let mut shown: Vec<String> = known.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    if known.len() > MOST {
        shown.push(format!("and {} more", known.len() - MOST));
    }
    let message = match known.is_empty() {
        true => format!("the server `{server}` has no tools"),
        false => format!("the server `{server}` has no tool `{tool}`; it has {}", shown.join(", ")),
    };
    Failure::raise(ErrorKind::Failed, message)
}

#[cfg(test)]
mod tests {
    use super::find_tool;

    #[test]
    fn an_underscore_stands_for_what_a_name_cannot_have() {
        let names = ["get_sum", "get-sum", "list-all", "a.b", "a-b"];
        assert_eq!(find_tool(&names, "get_sum"), Some(0));
        assert_eq!(find_tool(&names, "list_all"), Some(2));
        assert_eq!(find_tool(&names, "a_b"), None, "two tools could be meant");
        assert_eq!(find_tool(&names, "missing"), None);
    }
}
