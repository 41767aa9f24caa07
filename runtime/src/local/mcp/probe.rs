//! Whether an MCP server answers, outside of any run.

use std::{path::PathBuf, time::Duration};

use cascade_ir::{ErrorKind, Program, ServerId};
use tokio::{sync::mpsc, time::timeout};

use super::client::Connection;
use crate::{
    eval::Facts,
    failure::{Failure, Raise},
    interpreter::server_address,
    run::environment_variables,
};

/// Starts a server of a program, or connects to it, asks for the names of its tools, and ends it again.
///
/// # Errors
/// When it cannot be reached, or is not ready within `limit`.
pub async fn probe_server(
    program: &Program,
    id: ServerId,
    cwd: Option<PathBuf>,
    limit: Duration,
) -> Result<Vec<String>, Raise> {
    let facts = Facts { variables: environment_variables(program), ..Facts::default() };
    let server = server_address(program, id, facts)?;
    // Nobody listens to what it tells by itself.
    let (outbox, _inbox) = mpsc::unbounded_channel();
    let Ok(opened) = timeout(limit, Connection::open(&server, cwd, None, outbox)).await else {
        let message = format!("the server `{}` was not ready after {} s", server.name, limit.as_secs());
        return Err(Failure::raise(ErrorKind::TimedOut, message));
    };
    let connection = opened?;
    let tools = connection.caller().tools.iter().map(|tool| tool.name.to_string()).collect();
    connection.close().await;
    Ok(tools)
}
