//! Coding agents, tools of MCP servers, and the tools that models are given.

use cascade_grammar::ast::{Expr, Name, Span};
use cascade_ir as ir;

use super::skill::{Lowered, SkillChecker};
use crate::{callees::Directory, checks::skills, codes, flow::Origin, suggest::quoted_list, types::Ty, world::Def};

/// What a `tools` line names.
#[derive(Default)]
pub(super) struct Tools {
    /// What an agent may do with its own tools.
    pub abilities: Vec<ir::Ability>,
    pub tools: Vec<ir::Tool>,
}

impl SkillChecker<'_> {
    /// Checks `agent in dir """…"""`.
    pub(super) fn check_agent(&mut self, dir: Option<&Expr>, prompt: &Expr, span: Span) -> Lowered {
        let directory = dir.map(|dir| self.body.check(dir, Ty::PATH).ir);
        let place = match &directory {
            Some(directory) => Directory::of_expr(directory),
            None => Some(Directory::working()),
        };
        let (template, _) = self.body.check_shown_template(prompt, "a prompt");
        self.body.report(skills::answer_of_model(self.body.view(), self.signature.result, span));
        let mut settings = self.check_prompt_settings();
        settings.prompt = template;
        let tools = match self.lines.tools {
            Some((tools, _)) => self.check_tools(tools, true),
            // An agent is there to change something.
            None => Tools { abilities: vec![ir::Ability::Edit], tools: Vec::new() },
        };
        if tools.abilities.iter().any(|ability| *ability != ir::Ability::Web) {
            self.body.edit_directory(place, span);
        }
        settings.tools = tools.tools;
        let (output, map) = self.check_answer(span);
        let agent = ir::Agent { prompt: settings, directory, abilities: tools.abilities };
        (ir::Effect::Agent(Box::new(agent)), output, map, Some(Origin::Agent))
    }

    /// Checks `mcp server.tool { args }`.
    pub(super) fn check_mcp(&mut self, path: &[Name], args: Option<&Expr>, span: Span) -> Lowered {
        let args = args.map(|args| self.check_json_value(args, "the arguments of a tool"));
        let call = self.resolve_server(path).and_then(|(server, rest)| match rest {
            [tool] => Some(ir::McpCall { server, tool: tool.text.clone(), args }),
            _ => {
                let d = self
                    .body
                    .diagnostic(codes::WRONG_PLACE, span, "a call of a tool names the server and the tool")
                    .label("which tool?")
                    .help("write `mcp server.tool { key: value }`");
                self.body.report(d);
                None
            }
        });
        let (output, map) = self.check_mapping(self.signature.result, Ty::JSON);
        let effect = match call {
            Some(call) => ir::Effect::Mcp(Box::new(call)),
            None => ir::Effect::Unsupported(ir::Unsupported { construct: "mcp".into(), place: self.body.place(span) }),
        };
        (effect, output, map, Some(Origin::Tool))
    }

    /// The server that a dotted name begins with, and the rest of the name.
    fn resolve_server<'n>(&mut self, path: &'n [Name]) -> Option<(ir::ServerId, &'n [Name])> {
        let (first, rest) = path.split_first()?;
        if first.text.is_empty() {
            return None;
        }
        match self.body.resolve_declared(first) {
            Some(Def::Mcp(id)) => {
                self.body.record_words(rest);
                return Some((ir::ServerId(id), rest));
            }
            Some(Def::Missing) => {}
            Some(Def::Module(other)) => {
                if let Some((second, rest)) = rest.split_first() {
                    if let Some(Def::Mcp(id)) = self.body.resolve_exported(other, second) {
                        self.body.record_words(rest);
                        return Some((ir::ServerId(id), rest));
                    }
                    self.body.report_not_exported(other, second);
                }
            }
            _ => self.body.report_unknown_declaration(first, "mcp server"),
        }
        self.body.record_words(rest);
        None
    }

    /// Checks the names of a `tools` line.
    pub(super) fn check_tools(&mut self, names: &[Vec<Name>], for_agent: bool) -> Tools {
        let mut found = Tools::default();
        for path in names {
            if let ([word], true) = (path.as_slice(), for_agent) {
                if let Some((_, ability)) = ir::Ability::ALL.iter().find(|(name, _)| *name == word.text) {
                    self.body.record_words([word]);
                    if !found.abilities.contains(ability) {
                        found.abilities.push(*ability);
                    }
                    continue;
                }
                if !word.text.is_empty() && self.body.world.find_name(self.body.module, &word.text).is_none() {
                    let words = quoted_list(ir::Ability::ALL.iter().map(|(name, _)| *name));
                    let d = self
                        .body
                        .diagnostic(codes::UNKNOWN_SETTING, word.span, format!("there is no tool `{}`", word.text))
                        .label("not known")
                        .help(format!("an agent has the tools {words}, and those of mcp servers: `server.tool`"));
                    self.body.report(d);
                    continue;
                }
            }
            match self.resolve_server(path) {
                Some((server, [])) => found.tools.push(ir::Tool::Server(server)),
                Some((server, [tool])) => found.tools.push(ir::Tool::ServerTool(server, tool.text.clone())),
                Some((_, [_, more, ..])) => {
                    let d = self
                        .body
                        .diagnostic(codes::WRONG_PLACE, more.span, "a tool is named by its server and its name")
                        .label("too much");
                    self.body.report(d);
                }
                None => {}
            }
        }
        found
    }
}
