//! Skills: exactly one effect, with what belongs to it.

use cascade_grammar::ast::{
    Attach, ExitRange, Expr, ExprKind, Name, Setting, SkillLine, SkillLineKind as Line, Span, TypeExpr,
};
use cascade_ir as ir;
use cascade_shell::Reason;
use smol_str::SmolStr;

use super::{
    Cx,
    body::{Body, Kind, Typed},
    with_suggestion,
};
use crate::{
    checks::{capabilities::Network, concurrency::Directory},
    codes,
    flow::Flow,
    flow::Origin,
    index::Builtin,
    types::{Ty, TyKind},
};

const FORMATS: &[(&str, ir::OutputFormat)] = &[
    ("text", ir::OutputFormat::Text),
    ("json", ir::OutputFormat::Json),
    ("json_lines", ir::OutputFormat::JsonLines),
    ("csv", ir::OutputFormat::Csv),
    ("junit", ir::OutputFormat::Junit),
    ("tap", ir::OutputFormat::Tap),
];

/// The lines of a skill by what they say; each at most once.
#[derive(Default)]
struct Lines<'a> {
    effect: Option<&'a SkillLine>,
    system: Option<&'a Expr>,
    needs: Vec<&'a Name>,
    temperature: Option<&'a Expr>,
    max_tokens: Option<&'a Expr>,
    attach: Vec<&'a Attach>,
    tools: Option<Span>,
    dir: Option<&'a Expr>,
    env: Vec<&'a Setting>,
    stdin: Option<&'a Expr>,
    exit: Vec<&'a ExitRange>,
    output: Option<(&'a Name, Option<&'a TypeExpr>, Span)>,
    result: Option<&'a Expr>,
}

impl<'a> Cx<'a> {
    /// Checks and lowers a skill.
    pub fn lower_skill(&mut self, index: usize) -> ir::Skill {
        let info = &self.skills[index];
        let (module, decl, item, sig) = (info.sig.module, info.decl, info.item, info.sig.clone());
        let mut body = Body::new(self, module, Kind::Skill);
        body.header_broken = body.cx.header_broken(module, decl.name.span.end, decl.body_span.start);
        body.end = decl.body_span.end;
        let params = body.params(&sig, &decl.params);
        let lines = body.lines(&decl.body, &decl.name);
        let mut needs: Vec<SmolStr> = lines.needs.iter().map(|n| n.text.clone()).collect();
        if body.cx.types.holds(sig.result, &mut Vec::new(), &|t| matches!(t, Ty::IMAGE | Ty::VIDEO))
            && matches!(lines.effect.map(|e| &e.kind), Some(Line::Prompt(_)))
            && !needs.iter().any(|n| n == "visual_output")
        {
            needs.push("visual_output".into());
        }
        lines.needs.iter().for_each(|n| body.misspelt_need(n));
        let lowered = body.effect(&lines, &sig, decl.name.span);
        match lines.effect {
            Some(line) if matches!(line.kind, Line::Prompt(_) | Line::Agent { .. }) => {
                body.prompt_without_inputs(line.span);
            }
            // An Agent Skill is given its inputs by name.
            Some(SkillLine { kind: Line::SkillFile(_), .. }) | None => {
                body.locals.iter_mut().for_each(|l| l.used = true)
            }
            _ => {}
        }
        body.unused();
        let (effect, output, map, untrusted) = lowered;
        let (slots, program) = (body.slots, std::mem::take(&mut body.program));
        let effects = std::mem::take(&mut body.checks.effects);
        self.skills[index].effects = effects;
        self.skills[index].flow.untrusted = untrusted;
        self.skills[index].flow.program = program;
        ir::Skill {
            name: decl.name.text.clone(),
            doc: Self::type_doc(&item.docs),
            place: self.place(module, decl.name.span),
            params,
            slots,
            result: self.types.lower(sig.result),
            effect,
            output: self.types.lower(output),
            map,
            needs,
            once: item.attributes.iter().any(|a| a.name.text == "once"),
        }
    }
}

type Lowered = (ir::Effect, Ty, Option<(ir::Slot, ir::Expr)>, Option<Origin>);

impl<'a> Body<'_, 'a> {
    fn lines(&mut self, body: &'a [SkillLine], name: &Name) -> Lines<'a> {
        let mut out = Lines::default();
        let mut broken = false;
        for line in body {
            let mut twice = false;
            match &line.kind {
                Line::Error => broken = true,
                Line::Prompt(_) | Line::Agent { .. } | Line::Run(_) | Line::Http { .. } | Line::Mcp { .. } => {
                    if let Some(first) = out.effect {
                        let (first, source) = (first.span, self.source());
                        let d = self
                            .diag(codes::ONE_EFFECT, line.span, "a skill has one effect")
                            .label("a second one")
                            .also(source, first, "the first one")
                            .help("make two skills, and call them by two stages of a cascade");
                        self.report(d);
                    } else {
                        out.effect = Some(line);
                    }
                }
                Line::SkillFile(_) => {
                    if out.effect.is_none() {
                        out.effect = Some(line);
                    }
                }
                Line::System(e) => twice = out.system.replace(e).is_some(),
                Line::Needs(needs) => {
                    self.cx.record_words(self.module, needs);
                    out.needs.extend(needs);
                }
                Line::Temperature(e) => twice = out.temperature.replace(e).is_some(),
                Line::MaxTokens(e) => twice = out.max_tokens.replace(e).is_some(),
                Line::Attach(a) => out.attach.push(a),
                Line::Tools(tools) => {
                    tools.iter().for_each(|tool| self.record_tool(tool));
                    twice = out.tools.replace(line.span).is_some();
                }
                Line::In(e) => twice = out.dir.replace(e).is_some(),
                Line::Env(settings) => {
                    settings.iter().for_each(|s| self.record_builtin(s.name.span, Builtin::Key));
                    out.env.extend(settings);
                }
                Line::Stdin(e) => twice = out.stdin.replace(e).is_some(),
                Line::Exit(ranges) => out.exit.extend(ranges),
                Line::Output { format, ty } => {
                    self.record_word(format);
                    twice = out.output.replace((format, ty.as_ref(), line.span)).is_some();
                }
                Line::Return(e) => twice = out.result.replace(e).is_some(),
            }
            if twice {
                let d = self.diag(codes::DUPLICATE, line.span, "this is said twice").label("again here");
                self.report(d);
            }
        }
        if out.effect.is_none() && !broken && !name.text.is_empty() {
            let d = self
                .diag(codes::ONE_EFFECT, name.span, format!("the skill `{}` does nothing", name.text))
                .label("has no effect")
                .help("write `prompt`, `agent`, `run`, `http` or `mcp`; what needs no effect is a `fn`");
            self.report(d);
        }
        self.misplaced_lines(body, &out);
        out
    }

    /// Reports lines that mean nothing for the effect of the skill.
    fn misplaced_lines(&mut self, body: &'a [SkillLine], lines: &Lines<'a>) {
        let Some(effect) = lines.effect else { return };
        let kind = match &effect.kind {
            Line::Prompt(_) => "prompt",
            Line::Agent { .. } => "agent",
            Line::Run(_) => "run",
            Line::Http { .. } => "http",
            Line::Mcp { .. } => "mcp",
            _ => return,
        };
        for line in body {
            let (word, allowed): (&str, &[&str]) = match &line.kind {
                Line::System(_) => ("system", &["prompt", "agent"]),
                Line::Needs(_) => ("needs", &["prompt", "agent"]),
                Line::Temperature(_) => ("temperature", &["prompt"]),
                Line::MaxTokens(_) => ("max_tokens", &["prompt"]),
                Line::Attach(_) => ("attach", &["prompt", "agent"]),
                Line::Tools(_) => ("tools", &["prompt", "agent"]),
                Line::In(_) => ("in", &["run"]),
                Line::Env(_) => ("env", &["run"]),
                Line::Stdin(_) => ("stdin", &["run"]),
                Line::Exit(_) => ("exit", &["run", "http"]),
                Line::Output { .. } => ("output", &["run", "http", "prompt"]),
                _ => continue,
            };
            if !allowed.contains(&kind) {
                let source = self.source();
                let d = self
                    .diag(codes::WRONG_PLACE, line.span, format!("`{word}` does not belong to `{kind}`"))
                    .label("means nothing here")
                    .also(source, effect.span, "the skill's effect");
                self.report(d);
            }
        }
    }

    fn effect(&mut self, lines: &Lines<'a>, sig: &super::Signature, name: Span) -> Lowered {
        let Some(effect) = lines.effect else {
            let none = ir::Unsupported { construct: "nothing".into(), place: self.place(name) };
            return (ir::Effect::Unsupported(none), Ty::NULL, None, None);
        };
        match &effect.kind {
            Line::Run(command) => self.run_effect(command, lines, sig),
            Line::Http { method, url, settings } => self.http_effect(method, url, settings, lines, sig),
            Line::Prompt(prompt) => self.prompt_effect(prompt, effect.span, lines, sig),
            Line::Agent { dir, prompt } => {
                let place = match dir {
                    Some(dir) => Directory::of(&self.check(dir, Ty::PATH).ir),
                    None => Some(Directory::here()),
                };
                self.edits(place, effect.span);
                self.shown_template(prompt, "a prompt");
                self.prompt_settings(lines);
                let unsupported = self.not_yet("agent", super::control::head_word(effect.span, "agent"));
                let output = self.mapped(sig.result, sig.result, lines, sig);
                (ir::Effect::Unsupported(unsupported), output.0, output.1, Some(Origin::Agent))
            }
            Line::Mcp { path, args } => {
                if let Some(server) = path.first() {
                    self.cx.record_words(self.module, &path[1..]);
                    match self.cx.resolve_name(self.module, server) {
                        Some(super::Def::Mcp(_) | super::Def::Missing) => {}
                        _ if server.text.is_empty() => {}
                        _ => self.cx.unknown(self.module, server, "mcp server"),
                    }
                }
                if let Some(args) = args {
                    self.check(args, Ty::JSON);
                }
                let unsupported = self.not_yet("mcp", super::control::head_word(effect.span, "mcp"));
                let (output, map) = self.mapped(sig.result, Ty::JSON, lines, sig);
                (ir::Effect::Unsupported(unsupported), output, map, Some(Origin::Tool))
            }
            _ => {
                let unsupported = self.not_yet("skill_file", super::control::head_word(effect.span, "skill_file"));
                self.prompt_settings(lines);
                (ir::Effect::Unsupported(unsupported), sig.result, None, Some(Origin::Model))
            }
        }
    }

    /// `return expr` over `output`.
    fn mapped(
        &mut self,
        direct: Ty,
        output: Ty,
        lines: &Lines<'a>,
        sig: &super::Signature,
    ) -> (Ty, Option<(ir::Slot, ir::Expr)>) {
        let Some(result) = lines.result else { return (direct, None) };
        let mark = self.enter(result.span);
        let local = self.declare_implicit("output", result.span, output);
        let slot = self.locals[local as usize].slot;
        let value = self.check(result, sig.result);
        self.leave(mark);
        (output, Some((slot, value.ir)))
    }

    /// Records the names of a tool, which nothing checks yet.
    fn record_tool(&mut self, path: &[Name]) {
        let Some((first, rest)) = path.split_first() else { return };
        self.cx.record_server(self.module, first);
        match (self.cx.probe(self.module, &first.text), rest) {
            (Some(super::Def::Module(other)), [second]) => {
                self.cx.resolve_exported(self.module, other, second);
            }
            _ => self.cx.record_words(self.module, rest),
        }
    }

    /// The type that raw output is read as, and the mapping of it.
    fn output(
        &mut self,
        lines: &Lines<'a>,
        sig: &super::Signature,
    ) -> (ir::OutputFormat, Ty, Option<(ir::Slot, ir::Expr)>) {
        use ir::OutputFormat as F;
        let (format, declared, span) = match lines.output {
            Some((format, ty, span)) => {
                let found = FORMATS.iter().find(|(n, _)| *n == format.text).map(|(_, f)| *f);
                if found.is_none() && !format.text.is_empty() {
                    let d = self
                        .diag(codes::UNKNOWN_SETTING, format.span, format!("output is not read as `{}`", format.text))
                        .label("not known");
                    let mut d = with_suggestion(d, &format.text, format.span, FORMATS.iter().map(|(n, _)| *n));
                    if d.help.is_none() {
                        d = d.help("output is read as text, json, json_lines, csv, junit or tap");
                    }
                    self.report(d);
                }
                let ty = ty.map(|t| (self.cx.resolve(self.module, t), t.span));
                (found.unwrap_or(F::Text), ty, span)
            }
            None if sig.result == Ty::NULL && lines.result.is_none() => (F::None, None, sig.span),
            None => (F::Text, None, sig.span),
        };
        let list = |body: &mut Self, t: Ty| body.cx.types.list(t);
        let raw = match format {
            F::Text => {
                if let Some((_, at)) = declared {
                    let d = self.diag(codes::WRONG_PLACE, at, "text has no shape to declare").label("remove it");
                    self.report(d);
                }
                Ty::STRING
            }
            F::None => Ty::NULL,
            F::Json => declared.map_or(if lines.result.is_some() { Ty::JSON } else { sig.result }, |(t, _)| t),
            F::JsonLines | F::Csv => match declared {
                Some((t, _)) => match self.cx.types.kind(self.cx.types.base(t)) {
                    TyKind::List(_) => t,
                    _ => list(self, t),
                },
                None if lines.result.is_some() => {
                    let row = if format == F::Csv { self.cx.types.map(Ty::STRING) } else { Ty::JSON };
                    list(self, row)
                }
                None => sig.result,
            },
            F::Junit | F::Tap => {
                let prelude = self.cx.prelude;
                let def = prelude.and_then(|p| self.cx.exported(p, "TestRun"));
                match def {
                    Some(super::Def::Type(id)) => self.cx.type_of(id),
                    _ => Ty::ERROR,
                }
            }
        };
        let (output, map) = self.mapped(raw, raw, lines, sig);
        if map.is_none() && format != F::None {
            self.output_fits(raw, sig, span, format);
            // Read at once as the declared result, where both are text-like.
            let convertible = raw == Ty::STRING && self.cx.types.base(sig.result) == Ty::PATH;
            if convertible {
                return (format, sig.result, None);
            }
        }
        (format, output, map)
    }

    fn output_fits(&mut self, raw: Ty, sig: &super::Signature, span: Span, format: ir::OutputFormat) {
        if self.cx.types.fits(raw, sig.result)
            || (raw == Ty::STRING && self.cx.types.base(sig.result) == Ty::PATH)
            || self.coerces(raw, sig.result)
        {
            return;
        }
        let (a, b) = (self.show(raw), self.show(sig.result));
        let source = self.source();
        let help = match format {
            ir::OutputFormat::Text => format!("say how the output is read, `output json {b}`, or map it: `return …`"),
            _ => "map it: `return output…`".to_owned(),
        };
        let d = self
            .diag(codes::MISMATCH, span, format!("the output is `{a}`, and the skill gives `{b}`"))
            .label(format!("`{a}`"))
            .also(source, sig.span, format!("gives `{b}`"))
            .help(help);
        self.report(d);
    }

    fn coerces(&mut self, from: Ty, to: Ty) -> bool {
        let probe = Typed::new(ir::Expr::Const(ir::Const::Null), from, Flow::default());
        self.try_coerce(probe, to, Span::default()).is_ok()
    }

    fn run_effect(&mut self, command: &'a Expr, lines: &Lines<'a>, sig: &super::Signature) -> Lowered {
        let command_value = self.check(command, Ty::COMMAND);
        let stdin_code = self.stdin_code.take();
        let cwd = lines.dir.map(|e| {
            let directory = self.check(e, Ty::PATH);
            self.code_sink(&directory.flow, e.span, &Reason::Directory, e.span);
            directory.ir
        });
        let env = lines.env.iter().map(|s| (s.name.text.clone(), self.variable_of_program(s))).collect();
        let stdin = lines.stdin.map(|e| {
            let value = self.infer(e);
            if let Some(reason) = stdin_code {
                self.code_sink(&value.flow, e.span, &reason, command.span);
            }
            value.ir
        });
        let exit = self.exit(lines, 0, 255, "exit codes are from 0 to 255");
        let (format, output, map) = self.output(lines, sig);
        let run = ir::Run { command: command_value.ir, cwd, env, stdin, exit, format };
        (ir::Effect::Run(Box::new(run)), output, map, Some(Origin::Command))
    }

    /// A variable of the environment of a program, which may not be one that chooses programs
    /// when its text is untrusted.
    fn variable_of_program(&mut self, setting: &'a Setting) -> ir::Expr {
        let value = self.infer(&setting.value);
        if cascade_shell::chooses_program(&setting.name.text) {
            let (span, reason) = (setting.value.span, Reason::Variable(setting.name.text.to_string()));
            self.code_sink(&value.flow, span, &reason, span);
        }
        self.text_value(value, &setting.value)
    }

    /// A header: text, or what becomes text; secrets are allowed.
    fn env_value(&mut self, e: &'a Expr) -> ir::Expr {
        let value = self.infer(e);
        self.text_value(value, e)
    }

    /// A value that becomes text where secrets may go.
    fn text_value(&mut self, value: Typed, e: &'a Expr) -> ir::Expr {
        let inner = self.cx.types.base(self.cx.types.non_null(value.ty));
        let fine = matches!(
            inner,
            Ty::STRING
                | Ty::PATH
                | Ty::SECRET
                | Ty::INT
                | Ty::FLOAT
                | Ty::BOOL
                | Ty::ERROR
                | Ty::NEVER
                | Ty::DURATION
                | Ty::MONEY
        ) || self.cx.types.variants(inner).is_some();
        if !fine {
            let shown = self.show(value.ty);
            let d = self
                .diag(codes::MISMATCH, e.span, format!("text is needed here, found `{shown}`"))
                .label(format!("`{shown}`"))
                .help("`value.to_json()` makes text of it");
            self.report(d);
        }
        value.ir
    }

    fn exit(&mut self, lines: &Lines<'a>, low: i64, high: i64, help: &str) -> Vec<(i64, i64)> {
        for range in &lines.exit {
            if range.low < low || range.high > high || range.low > range.high {
                let d = self.diag(codes::BAD_NUMBER, range.span, "these codes cannot occur").label("never").help(help);
                self.report(d);
            }
        }
        lines.exit.iter().map(|r| (r.low, r.high)).collect()
    }

    fn http_effect(
        &mut self,
        method: &'a Name,
        url: &'a Expr,
        settings: &'a [Setting],
        lines: &Lines<'a>,
        sig: &super::Signature,
    ) -> Lowered {
        const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head"];
        if !METHODS.contains(&method.text.as_str()) && !method.text.is_empty() {
            let d = self
                .diag(codes::UNKNOWN_SETTING, method.span, format!("there is no method `{}`", method.text))
                .label("not known");
            let mut d = with_suggestion(d, &method.text, method.span, METHODS.iter().copied());
            if d.help.is_none() {
                d = d.help("write get, post, put, patch, delete or head");
            }
            self.report(d);
        }
        self.record_word(method);
        let network = Network { what: "http".into(), source: self.source(), span: method.span };
        self.uses_network(network, method.span);
        let (url, _) = self.shown_template(url, "an address");
        let mut http = ir::Http {
            method: SmolStr::new(method.text.to_uppercase()),
            url,
            headers: Vec::new(),
            query: None,
            body: None,
            status: self.exit(lines, 100, 599, "status codes are from 100 to 599"),
            format: ir::OutputFormat::Text,
        };
        for setting in settings {
            self.record_word(&setting.name);
            match setting.name.text.as_str() {
                "headers" => match &setting.value.kind {
                    ExprKind::Record(entries) => {
                        self.record_type(setting.value.span, Ty::JSON, &Flow::default());
                        for entry in entries {
                            match entry {
                                cascade_grammar::ast::RecordEntry::Field { key, value, .. } => {
                                    self.record_builtin(key.span, Builtin::Key);
                                    let value = self.env_value(value);
                                    // A word stands for a header with dashes: `content_type`.
                                    let quoted =
                                        matches!(entry, cascade_grammar::ast::RecordEntry::Field { quoted: true, .. });
                                    let name = if quoted { key.text.to_string() } else { key.text.replace('_', "-") };
                                    http.headers.push((SmolStr::new(name), value));
                                }
                                cascade_grammar::ast::RecordEntry::Spread(base) => {
                                    let d = self
                                        .diag(codes::WRONG_PLACE, base.span, "headers are written out")
                                        .label("no `...` here");
                                    self.report(d);
                                }
                            }
                        }
                    }
                    _ => {
                        let d = self
                            .diag(codes::MISMATCH, setting.value.span, "headers are a record of names and values")
                            .label("write `{ accept: \"application/json\" }`");
                        self.report(d);
                    }
                },
                "query" => http.query = Some(self.json_like(&setting.value, "the query of a request")),
                "body" => http.body = Some(self.json_like(&setting.value, "the body of a request")),
                "" => {}
                other => {
                    let d = self
                        .diag(codes::UNKNOWN_SETTING, setting.name.span, format!("a request has no `{other}`"))
                        .label("not known");
                    let mut d = with_suggestion(d, other, setting.name.span, ["headers", "query", "body"]);
                    if d.help.is_none() {
                        d = d.help("a request has `headers`, `query` and `body`");
                    }
                    self.report(d);
                    self.infer(&setting.value);
                }
            }
        }
        let (format, output, map) = self.output(lines, sig);
        http.format = format;
        (ir::Effect::Http(Box::new(http)), output, map, Some(Origin::Web))
    }

    /// A query or a body: any value that has a JSON form.
    fn json_like(&mut self, e: &'a Expr, place: &str) -> ir::Expr {
        let value = self.infer(e);
        self.secret_in_request(value.ty, place, e.span);
        if matches!(self.cx.types.base(value.ty), Ty::COMMAND | Ty::MODEL) {
            self.mismatch(value.ty, Ty::JSON, e.span);
        }
        value.ir
    }

    fn prompt_settings(&mut self, lines: &Lines<'a>) -> ir::Prompt {
        let system = lines.system.map(|e| self.shown_template(e, "a prompt").0);
        let temperature = lines.temperature.map(|e| self.check(e, Ty::FLOAT).ir);
        let max_tokens = lines.max_tokens.map(|e| self.check(e, Ty::INT).ir);
        let mut attach = Vec::new();
        for a in &lines.attach {
            attach.push(match a {
                Attach::Value(e) => {
                    let value = self.infer(e);
                    let ty = self.cx.types.base(self.cx.types.non_null(value.ty));
                    let element = self.unwrap_list(ty).map_or(ty, |t| self.cx.types.base(self.cx.types.non_null(t)));
                    if !(element == Ty::PATH || element == Ty::ERROR || self.cx.types.artifact(element)) {
                        let shown = self.show(value.ty);
                        let d = self
                            .diag(codes::MISMATCH, e.span, format!("files are attached, found `{shown}`"))
                            .label(format!("`{shown}`"))
                            .help("text goes into the prompt itself: `$<…>`");
                        self.report(d);
                    }
                    ir::Attach::Value(value.ir)
                }
                Attach::Files { pattern, dir } => ir::Attach::Files {
                    pattern: self.check(pattern, Ty::STRING).ir,
                    dir: dir.as_ref().map(|d| self.check(d, Ty::PATH).ir),
                },
            });
        }
        if let Some(span) = lines.tools {
            self.not_yet("tools", span);
        }
        ir::Prompt { prompt: ir::Template::default(), system, temperature, max_tokens, attach }
    }

    fn prompt_effect(&mut self, prompt: &'a Expr, span: Span, lines: &Lines<'a>, sig: &super::Signature) -> Lowered {
        let (template, _) = self.shown_template(prompt, "a prompt");
        if self.cx.types.holds(sig.result, &mut Vec::new(), &|t| matches!(t, Ty::COMMAND | Ty::MODEL | Ty::SECRET)) {
            let shown = self.show(sig.result);
            let d = self
                .diag(codes::UNTRUSTED_PROGRAM, span, format!("a model cannot answer with a `{shown}`"))
                .label("text of a model never becomes code")
                .help("let it answer with text or an enum, and `match` it");
            self.report(d);
        }
        let mut settings = self.prompt_settings(lines);
        settings.prompt = template;
        if lines.tools.is_some() {
            let unsupported = ir::Unsupported { construct: "tools".into(), place: self.place(span) };
            return (ir::Effect::Unsupported(unsupported), sig.result, None, Some(Origin::Model));
        }
        let answer = if sig.result == Ty::NULL && lines.result.is_none() { Ty::STRING } else { sig.result };
        let (output, map) = match (lines.result, lines.output) {
            (None, None) => (answer, None),
            // What the model is asked for is declared, or plain text, when it is mapped.
            (_, Some((_, ty, _))) => {
                let asked = ty.map_or(Ty::STRING, |t| self.cx.resolve(self.module, t));
                let direct = self.mapped(asked, asked, lines, sig);
                if lines.result.is_none() && !self.cx.types.fits(asked, sig.result) {
                    self.mismatch(asked, sig.result, span);
                }
                direct
            }
            (Some(_), None) => self.mapped(Ty::STRING, Ty::STRING, lines, sig),
        };
        (ir::Effect::Prompt(Box::new(settings)), output, map, Some(Origin::Model))
    }
}
