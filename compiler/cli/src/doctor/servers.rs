//! The MCP servers that the programs declare. They are not contacted: a program is looked for, an address is shown.

use std::collections::BTreeSet;

use cascade_ir::{Const, Expr, McpTransport, TextPart};

use super::{Finding, Surroundings, programs::find};

pub(super) fn check(around: &Surroundings) -> Vec<Finding> {
    let (mut out, mut told) = (Vec::new(), BTreeSet::new());
    for program in &around.programs {
        for server in &program.servers {
            if !told.insert(server.name.as_str()) {
                continue;
            }
            out.push(match &server.transport {
                McpTransport::Stdio { command: Expr::Command(command), .. } => match command.literal_program() {
                    Some(name) => match find(name) {
                        Some(path) => Finding::good(server.name.as_str(), path.display().to_string()),
                        None => Finding::missing(
                            server.name.as_str(),
                            format!("its program `{name}` is not in `PATH`"),
                            "install it, or add its folder to `PATH`",
                        ),
                    },
                    None => Finding::good(server.name.as_str(), "a script of the shell"),
                },
                McpTransport::Stdio { .. } => Finding::good(server.name.as_str(), "a computed command"),
                McpTransport::Http { url, .. } => match literal_text(url) {
                    Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                        Finding::good(server.name.as_str(), url)
                    }
                    Some(url) => Finding::missing(
                        server.name.as_str(),
                        format!("`{url}` is no address"),
                        "write one that begins with `https://`",
                    ),
                    // It may hold a secret.
                    None => Finding::good(server.name.as_str(), "a computed address"),
                },
            });
        }
    }
    out
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
