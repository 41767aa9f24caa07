//! Coding agents, tools of MCP servers, and the tools that models are given.

use cascade_grammar::ast::{Expr, Name, SkillLine, SkillLineKind, Span};
use cascade_ir as ir;

use super::skill::{Lowered, SkillChecker};
use crate::{
    callees::Directory,
    checks::{
        leaks::{self, TextUse},
        skills,
    },
    codes,
    flow::Origin,
    suggest::quoted_list,
    types::Ty,
    world::Def,
};

/// What a `tools` line names.
#[derive(Default)]
pub(super) struct Tools {
    /// What an agent may do with its own tools.
    pub abilities: Vec<ir::Ability>,
    pub tools: Vec<ir::Tool>,
}

impl SkillChecker<'_> {
    /// Checks `skill_file "…"` that is the whole effect: a model is given the instructions, and the inputs by name.
    pub(super) fn check_skill_file(&mut self, span: Span) -> Lowered {
        self.body.context.report(skills::answer_of_model(self.body.context.view(), self.signature.result, span));
        self.report_shown_secrets(span);
        let mut settings = self.check_prompt_settings();
        let text = |text: &str| ir::TextPart::Text(text.into());
        let mut parts = vec![text("Do this.")];
        for (position, param) in self.signature.params.iter().enumerate() {
            parts.push(text(&format!("\n\n{}:\n", param.name)));
            let value = ir::Expr::Slot(ir::Slot(position as u32));
            parts.push(ir::TextPart::Hole { value, rendering: None, indent: 0 });
        }
        settings.prompt = ir::Template { parts };
        if let Some((tools, _)) = self.lines.tools {
            settings.tools = self.check_tools(tools, false).tools;
        }
        let (output, map) = self.check_answer(span);
        (ir::Effect::Prompt(Box::new(settings)), output, map, Some(Origin::Model))
    }

    /// Reports parameters that cannot be shown to a model.
    fn report_shown_secrets(&mut self, span: Span) {
        for param in &self.signature.params {
            let holds_secret = self.body.context.types.holds_secret(param.ty);
            let used = TextUse::Shown("a prompt");
            self.body.context.report(leaks::value_in_text(
                self.body.context.view(),
                param.ty,
                holds_secret,
                used,
                span,
            ));
        }
    }

    /// The system text after the instructions of the skill file, where there is one.
    pub(super) fn with_skill_file(&self, system: Option<ir::Template>) -> Option<ir::Template> {
        let Some(SkillLine { kind: SkillLineKind::SkillFile(path), .. }) = self.lines.skill_file else { return system };
        let files = self.body.context.world.files.skill_files;
        let Some(document) = files.get(&(self.body.context.module, path.span.start)) else { return system };
        let mut parts = vec![ir::TextPart::Text(document.instructions.as_str().into())];
        if let Some(system) = system {
            parts.push(ir::TextPart::Text("\n\n".into()));
            parts.extend(system.parts);
        }
        Some(ir::Template { parts })
    }

    /// Checks `agent in dir """…"""`.
    pub(super) fn check_agent(&mut self, dir: Option<&Expr>, prompt: &Expr, span: Span) -> Lowered {
        let directory = dir.map(|dir| self.body.check(dir, Ty::PATH).ir);
        let place = match &directory {
            Some(directory) => Directory::of_expr(directory),
            None => Some(Directory::working_directory()),
        };
        let (template, _) = self.body.check_shown_template(prompt, "a prompt");
        self.body.context.report(skills::answer_of_model(self.body.context.view(), self.signature.result, span));
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
                    .context
                    .diagnostic(codes::WRONG_PLACE, span, "a call of a tool names the server and the tool")
                    .label("which tool?")
                    .help("write `mcp server.tool { key: value }`");
                self.body.context.report(d);
                None
            }
        });
        let (output, map) = self.check_mapping(self.signature.result, Ty::JSON);
        let effect = match call {
            Some(call) => ir::Effect::Mcp(Box::new(call)),
            None => ir::Effect::Invalid,
        };
        (effect, output, map, Some(Origin::Tool))
    }

    /// The server that a dotted name begins with, and the rest of the name.
    fn resolve_server<'n>(&mut self, path: &'n [Name]) -> Option<(ir::ServerId, &'n [Name])> {
        let (first, rest) = path.split_first()?;
        if first.text.is_empty() {
            return None;
        }
        match self.body.context.resolve_declared(first) {
            Some(Def::Mcp(id)) => {
                self.body.context.record_words(rest);
                return Some((ir::ServerId(id), rest));
            }
            Some(Def::Missing) => {}
            Some(Def::Module(other)) => {
                if let Some((second, rest)) = rest.split_first() {
                    if let Some(Def::Mcp(id)) = self.body.context.resolve_exported(other, second) {
                        self.body.context.record_words(rest);
                        return Some((ir::ServerId(id), rest));
                    }
                    self.body.report_not_exported(other, second);
                }
            }
            _ => self.body.report_unknown_declaration(first, "mcp server"),
        }
        self.body.context.record_words(rest);
        None
    }

    /// Checks the names of a `tools` line.
    pub(super) fn check_tools(&mut self, names: &[Vec<Name>], for_agent: bool) -> Tools {
        let mut found = Tools::default();
        for path in names {
            if let ([word], true) = (path.as_slice(), for_agent) {
                if let Some((_, ability)) = ir::Ability::ALL.iter().find(|(name, _)| *name == word.text) {
                    self.body.context.record_words([word]);
                    if !found.abilities.contains(ability) {
                        found.abilities.push(*ability);
                    }
                    continue;
                }
                if !word.text.is_empty()
                    && self.body.context.world.find_name(self.body.context.module, &word.text).is_none()
                {
                    let words = quoted_list(ir::Ability::ALL.iter().map(|(name, _)| *name));
                    let d = self
                        .body
                        .context
                        .diagnostic(codes::UNKNOWN_SETTING, word.span, format!("there is no tool `{}`", word.text))
                        .label("not known")
                        .help(format!("an agent has the tools {words}, and those of mcp servers: `server.tool`"));
                    self.body.context.report(d);
                    continue;
                }
            }
            if !for_agent && let Some(skill) = self.resolve_tool_skill(path) {
                found.tools.extend(skill.map(ir::Tool::Skill));
                continue;
            }
            match self.resolve_server(path) {
                Some((server, [])) => found.tools.push(ir::Tool::Server(server)),
                Some((server, [tool])) => found.tools.push(ir::Tool::ServerTool(server, tool.text.clone())),
                Some((_, [_, more, ..])) => {
                    let d = self
                        .body
                        .context
                        .diagnostic(codes::WRONG_PLACE, more.span, "a tool is named by its server and its name")
                        .label("too much");
                    self.body.context.report(d);
                }
                None => {}
            }
        }
        found
    }

    /// The skill that a name stands for; the inner `None`: one that a model cannot call, which is reported.
    fn resolve_tool_skill(&mut self, path: &[Name]) -> Option<Option<ir::SkillId>> {
        let (world, module) = (self.body.context.world, self.body.context.module);
        let (def, name) = match path {
            [name] => (world.find_name(module, &name.text)?, name),
            [first, name] => match world.find_name(module, &first.text)? {
                Def::Module(other) => (world.find_exported(other, &name.text)?, name),
                _ => return None,
            },
            _ => return None,
        };
        let Def::Skill(id) = def else { return None };
        match path {
            [name] => {
                self.body.context.resolve_declared(name);
            }
            [first, name] => {
                if let Some(Def::Module(other)) = self.body.context.resolve_declared(first) {
                    self.body.context.resolve_exported(other, name);
                }
            }
            _ => {}
        }
        let signature = &world.declared.skills[id.index()];
        let Some(summary) = self.body.callees.skill(id) else {
            // Skills with tools are checked last.
            let d = skills::tool_that_asks(self.body.context.view(), signature, name.span);
            self.body.context.report(d);
            return Some(None);
        };
        let wrong = skills::unfit_tool(self.body.context.view(), signature, summary, name.span);
        let fits = wrong.is_none();
        self.body.context.report(wrong);
        Some(fits.then_some(id))
    }
}
