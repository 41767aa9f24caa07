//! MCP servers: how each is reached.

use cascade_grammar::ast::{Expr, ExprKind, ItemKind, McpDecl, RecordEntry, Setting, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::Declarer;
use crate::{checks::names::unknown_word, codes, suggest::quoted_list, types::Ty};

/// The settings of an mcp server.
pub(crate) const SETTINGS: &[&str] = &["command", "env", "url", "headers"];

impl Declarer<'_> {
    /// Resolves the settings of all MCP servers.
    pub(super) fn declare_servers(&mut self) {
        for index in 0..self.declared.servers.len() {
            let origin = self.declared.servers[index].origin;
            let ItemKind::Mcp(decl) = &self.files.item(origin.module, origin.item).kind else { continue };
            if let Some(transport) = self.server_transport(origin.module, decl) {
                self.declared.servers[index].server.transport = transport;
            }
        }
    }

    fn server_transport(&mut self, module: usize, decl: &McpDecl) -> Option<ir::McpTransport> {
        let (mut command, mut url) = (None, None);
        let (mut env, mut headers) = (Vec::new(), Vec::new());
        for setting in &decl.settings {
            self.record_words(module, [&setting.name]);
            match setting.name.text.as_str() {
                "command" => command = Some(self.check_constant(module, &setting.value, Ty::COMMAND)),
                "url" => url = Some(self.check_constant(module, &setting.value, Ty::STRING)),
                "env" => env = self.named_texts(module, &setting.value),
                "headers" => headers = self.named_texts(module, &setting.value),
                "" => {}
                other => {
                    let message = format!("an mcp server has no setting `{other}`");
                    let otherwise = format!("its settings are {}", quoted_list(SETTINGS.iter().copied()));
                    let (view, known) = (self.view(module), SETTINGS.iter().copied());
                    let d = unknown_word(view, codes::UNKNOWN_SETTING, &setting.name, message, known, otherwise);
                    self.report(module, d);
                }
            }
        }
        self.check_transport(module, decl);
        match (command, url) {
            (Some(command), _) => Some(ir::McpTransport::Stdio { command, env }),
            (None, Some(url)) => Some(ir::McpTransport::Http { url, headers }),
            (None, None) => None,
        }
    }

    /// Reports a server that is reached in no way or in two, and settings of the other way.
    fn check_transport(&mut self, module: usize, decl: &McpDecl) {
        let find = |name: &str| decl.settings.iter().find(|s| s.name.text == name);
        let example = "`command: sh\"npx -y @modelcontextprotocol/server-memory\"` starts it, \
                       `url: \"http://localhost:3000/mcp\"` connects to it";
        let found = match (find("command"), find("url")) {
            (None, None) if decl.name.text.is_empty() => None,
            (None, None) => {
                let message = format!("the mcp server `{}` has no `command` and no `url`", decl.name.text);
                let d = self.view(module).diagnostic(codes::MISSING_FIELD, decl.name.span, message);
                Some(d.label("how is it reached?").help(example))
            }
            (Some(_), Some(url)) => {
                let message = "a server is started by its `command` or reached by its `url`";
                let d = self.view(module).diagnostic(codes::WRONG_PLACE, url.span, message);
                Some(d.label("not both").help("leave out one of them"))
            }
            (Some(_), None) => find("headers").map(|s| self.setting_without_effect(module, s, "url")),
            (None, Some(_)) => find("env").map(|s| self.setting_without_effect(module, s, "command")),
        };
        self.report(module, found);
    }

    fn setting_without_effect(&self, module: usize, setting: &Setting, with: &str) -> crate::diagnostic::Diagnostic {
        let message = format!("`{}` belongs to a server with a `{with}`", setting.name.text);
        self.view(module).diagnostic(codes::WRONG_PLACE, setting.span, message).label("has no effect here")
    }

    /// The values of a record: texts, and secrets of the environment.
    fn named_texts(&mut self, module: usize, value: &Expr) -> Vec<(SmolStr, ir::Expr)> {
        let ExprKind::Record(entries) = &value.kind else {
            if !matches!(value.kind, ExprKind::Error) {
                self.report_not_a_record(module, value.span);
            }
            return Vec::new();
        };
        let mut out = Vec::new();
        for entry in entries {
            let RecordEntry::Field { key, value, .. } = entry else {
                self.report_not_a_record(module, value.span);
                continue;
            };
            self.record_words(module, [key]);
            let expected = if is_variable(value) { Ty::SECRET } else { Ty::STRING };
            out.push((key.text.clone(), self.check_constant(module, value, expected)));
        }
        out
    }

    fn report_not_a_record(&mut self, module: usize, span: Span) {
        let help = "write the names and their values: `{ MODE: \"fast\", TOKEN: env(\"TOKEN\") }`";
        let d = super::not_constant(self.view(module), span, help);
        self.report(module, d);
    }
}

/// Whether a value is `env("NAME")`.
fn is_variable(value: &Expr) -> bool {
    matches!(&value.kind, ExprKind::Call { callee, .. }
        if matches!(&callee.kind, ExprKind::Name(name) if name.text == "env"))
}

/// A server of which only the name is known.
pub(super) fn empty_server(decl: &McpDecl, place: ir::Place) -> ir::McpServer {
    let url = ir::Expr::Const(ir::Const::Str(SmolStr::default()));
    ir::McpServer {
        name: decl.name.text.clone(),
        place,
        transport: ir::McpTransport::Http { url, headers: Vec::new() },
    }
}
