//! The MCP servers that the programs declare: each is started or connected to, asked for its tools, and ended.

use std::{collections::BTreeSet, time::Duration};

use cascade_ir::{Const, Expr, McpServer, McpTransport, Program, ServerId, TextPart};
use cascade_runtime::{probe_server, search_path::find_program};

use super::{Finding, Surroundings};

/// How long a server may take to be ready. Some are installed when they are first started.
const LIMIT: Duration = Duration::from_secs(30);

pub(super) fn check_servers(around: &Surroundings) -> Vec<Finding> {
    let (mut out, mut told) = (Vec::new(), BTreeSet::new());
    for program in &around.programs {
        for (index, server) in program.servers.iter().enumerate() {
            if told.insert(server.name.as_str()) {
                let id = ServerId(u32::try_from(index).unwrap_or(u32::MAX));
                out.push(find_obstacle(server).unwrap_or_else(|| probe_one(program, id, server)));
            }
        }
    }
    out
}

/// What is wrong with a server that need not be asked.
fn find_obstacle(server: &McpServer) -> Option<Finding> {
    match &server.transport {
        McpTransport::Stdio { command: Expr::Command(command), .. } => {
            let name = command.literal_program().filter(|name| find_program(name).is_none())?;
            Some(Finding::new_missing(
                server.name.as_str(),
                format!("its program `{name}` is not in `PATH`"),
                "install it, or add its folder to `PATH`",
            ))
        }
        McpTransport::Http { url, .. } => {
            let url = literal_text(url).filter(|url| !url.starts_with("http://") && !url.starts_with("https://"))?;
            let detail = format!("`{url}` is no address");
            Some(Finding::new_missing(server.name.as_str(), detail, "write one that begins with `https://`"))
        }
        McpTransport::Stdio { .. } => None,
    }
}

/// Whether a server answers.
fn probe_one(program: &Program, id: ServerId, server: &McpServer) -> Finding {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let detail = format!("it was not asked: {error}");
            return Finding::new_note(server.name.as_str(), detail, "try again when the machine is less busy");
        }
    };
    let answered = runtime.block_on(probe_server(program, id, None, LIMIT));
    // A pending look-up of a name is not waited for.
    runtime.shutdown_background();
    match answered {
        Ok(tools) => Finding::new_good(server.name.as_str(), count_tools(tools.len())),
        Err(failure) => {
            let remedy = match server.transport {
                McpTransport::Stdio { .. } => "call its command yourself, and read what it says",
                McpTransport::Http { .. } => "start the server, or mend its address and headers",
            };
            Finding::new_missing(server.name.as_str(), failure.message.lines().collect::<Vec<_>>().join("; "), remedy)
        }
    }
}

fn count_tools(count: usize) -> String {
    match count {
        0 => "it answers, and has no tools".to_owned(),
        1 => "it answers, with 1 tool".to_owned(),
        count => format!("it answers, with {count} tools"),
    }
}

/// A text that is written out in the program.
fn literal_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Const(Const::Str(text)) => Some(text.to_string()),
        Expr::Template(template) => match template.parts.as_slice() {
            [TextPart::Text(text)] => Some(text.to_string()),
            _ => None,
        },
        _ => None,
    }
}
