//! Lines of skills and of tests.

use cascade_grammar::ast::*;

use super::Formatter;
use super::doc::{Doc, Entry};

/// Whether a line is an option of the effect before it.
fn is_option(kind: &SkillLineKind) -> bool {
    use SkillLineKind::{Env, Exit, In, Output, OutputFiles, Stdin};
    matches!(kind, In(_) | Env(_) | Stdin(_) | Exit(_) | Output { .. } | OutputFiles { .. })
}

fn takes_options(kind: &SkillLineKind) -> bool {
    use SkillLineKind::{Agent, Http, Mcp, Prompt, Run};
    matches!(kind, Run(_) | Http { .. } | Mcp { .. } | Agent { .. } | Prompt(_))
}

impl<'t> Formatter<'t> {
    /// The lines of a skill; the options of an effect are indented one level more, except those that
    /// the author wrote on the line of the effect.
    pub(super) fn skill_lines(&mut self, lines: &'t [SkillLine], span: Span) -> Vec<Entry<'t>> {
        self.comments.skip_until(span.start + 1);
        let mut entries: Vec<Entry<'t>> = Vec::new();
        let mut deeper = false;
        let mut last_end = 0;
        for line in lines {
            let option = is_option(&line.kind);
            deeper = deeper && option;
            let joined = deeper && !self.line_between(last_end, line.span.start);
            last_end = line.span.end;
            if joined
                && let Some(last) = entries.last_mut()
                && let Some(body) = last.body.take()
            {
                let option = Doc::seq([Doc::Soft, self.skill_line(line)]);
                let option = if last.deeper { option } else { Doc::nest_doc(option) };
                last.body = Some(Doc::loose_group(Doc::seq([body, option])));
                last.trailing.extend(self.comments.take_trailing(line.span.end));
            } else {
                let mut entry = self.entry(&[], line.span, |this| this.skill_line(line));
                entry.deeper = deeper;
                entries.push(entry);
            }
            deeper = deeper || takes_options(&line.kind);
        }
        entries
    }

    fn skill_line(&mut self, line: &'t SkillLine) -> Doc<'t> {
        let end = line.span.end.saturating_sub(1);
        match &line.kind {
            SkillLineKind::Prompt(value) => self.word_and_value("prompt ", value),
            SkillLineKind::Agent { dir, prompt } => {
                let mut docs = vec![Doc::Text("agent ")];
                if let Some(dir) = dir {
                    docs.extend([self.word_and_value("in ", dir), Doc::Text(" ")]);
                }
                docs.push(self.expr(prompt));
                Doc::seq(docs)
            }
            SkillLineKind::Run(value) => self.word_and_value("run ", value),
            SkillLineKind::Http { method, url, settings } => {
                let mut docs = vec![Doc::Text("http "), Doc::Text(&method.text)];
                docs.push(self.word_and_value(" ", url));
                if !settings.is_empty() {
                    docs.push(Doc::Text(" "));
                    docs.push(self.settings(settings, end));
                }
                Doc::seq(docs)
            }
            SkillLineKind::Mcp { path, args } => {
                let mut docs = vec![Doc::Text("mcp "), self.path(path)];
                docs.extend(args.as_ref().map(|args| self.word_and_value(" ", args)));
                Doc::seq(docs)
            }
            SkillLineKind::Builtin(name) => self.word_and_value("builtin ", name),
            SkillLineKind::SkillFile(path) => Doc::seq([Doc::Text("skill_file "), self.str_lit(path)]),
            SkillLineKind::System(value) => self.word_and_value("system ", value),
            SkillLineKind::Needs(names) => {
                Doc::seq([Doc::Text("needs "), self.names(names, std::slice::from_ref, end)])
            }
            SkillLineKind::Temperature(value) => self.word_and_value("temperature ", value),
            SkillLineKind::MaxTokens(value) => self.word_and_value("max_tokens ", value),
            SkillLineKind::Attach(Attach::Value(value)) => self.word_and_value("attach ", value),
            SkillLineKind::Attach(Attach::Files { pattern, dir }) => {
                let mut docs = vec![self.word_and_value("attach files ", pattern)];
                docs.extend(dir.as_ref().map(|dir| self.word_and_value(" in ", dir)));
                Doc::seq(docs)
            }
            SkillLineKind::Tools(tools) => Doc::seq([Doc::Text("tools "), self.names(tools, |path| path, end)]),
            SkillLineKind::In(dir) => self.word_and_value("in ", dir),
            SkillLineKind::Env(settings) => Doc::seq([Doc::Text("env "), self.settings(settings, end)]),
            SkillLineKind::Stdin(value) => self.word_and_value("stdin ", value),
            SkillLineKind::Exit(codes) => {
                let mut entries = Vec::new();
                for code in codes {
                    entries.push(self.entry(&[], code.span, |_| exit_range(code)));
                }
                let codes = self.brackets("[", entries, "]", end, false).doc();
                Doc::seq([Doc::Text("exit "), codes])
            }
            SkillLineKind::Output { format, ty } => {
                let mut docs = vec![Doc::Text("output "), Doc::Text(&format.text)];
                if let Some(ty) = ty {
                    docs.extend([Doc::Text(" "), self.ty(ty)]);
                }
                Doc::seq(docs)
            }
            SkillLineKind::OutputFiles { word, pattern } => {
                let pattern = self.expr(pattern);
                Doc::seq([Doc::Text("output "), Doc::Text(&word.text), Doc::Text(" "), pattern])
            }
            SkillLineKind::Return(value) => self.word_and_value("return ", value),
            SkillLineKind::Error => Doc::Text(self.str(line.span)),
        }
    }

    pub(super) fn test_line(&mut self, line: &'t TestLine) -> Doc<'t> {
        match &line.kind {
            TestLineKind::Mock { skill, outcomes } => {
                let mut docs = vec![Doc::Text("mock "), self.path(skill)];
                for (index, outcome) in outcomes.iter().enumerate() {
                    docs.push(Doc::Text(if index > 0 { " then " } else { " " }));
                    docs.push(self.outcome(outcome));
                }
                Doc::seq(docs)
            }
            TestLineKind::Run(call) => self.word_and_value("run ", call),
            TestLineKind::ExpectStage { path, state, times } => {
                let path = self.path(path);
                let mut docs = vec![Doc::Text("expect stage "), path, Doc::Text(" "), Doc::Text(&state.text)];
                docs.extend(times.as_ref().map(|times| self.word_and_value(" times ", times)));
                Doc::seq(docs)
            }
            TestLineKind::ExpectFails { kind, message } => {
                let mut docs = vec![Doc::Text("expect fails")];
                if let Some(kind) = kind {
                    docs.extend([Doc::Text(" ("), Doc::Text(&kind.text)]);
                    docs.extend(message.as_ref().map(|message| self.word_and_value(", ", message)));
                    docs.push(Doc::Text(")"));
                }
                Doc::seq(docs)
            }
            TestLineKind::Expect(value) => self.word_and_value("expect ", value),
            TestLineKind::Let { name, ty, value } => {
                let head = self.binding("let ", name, ty.as_ref());
                Doc::seq([head, self.expr(value)])
            }
            TestLineKind::Error => Doc::Text(self.str(line.span)),
        }
    }

    fn outcome(&mut self, outcome: &'t MockOutcome) -> Doc<'t> {
        let mut docs = Vec::new();
        let (times, after) = match outcome {
            MockOutcome::Value { value, times, after } => {
                docs.push(self.word_and_value("-> ", value));
                (times, after)
            }
            MockOutcome::Fails { kind, message, times, after } => {
                docs.extend([Doc::Text("fails ("), Doc::Text(&kind.text)]);
                docs.extend(message.as_ref().map(|message| self.word_and_value(", ", message)));
                docs.push(Doc::Text(")"));
                (times, after)
            }
        };
        docs.extend(times.as_ref().map(|times| self.word_and_value(" times ", times)));
        docs.extend(after.as_ref().map(|after| self.word_and_value(" after ", after)));
        Doc::seq(docs)
    }
}

fn exit_range<'t>(code: &ExitRange) -> Doc<'t> {
    if code.low == code.high {
        Doc::owned_text(code.low.to_string())
    } else {
        Doc::owned_text(format!("{}..{}", code.low, code.high))
    }
}
