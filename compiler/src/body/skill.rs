//! Skills: one effect each, with the lines that belong to it.

use cascade_grammar::ast::{
    Attach, ExitRange, Expr, ExprKind, Item, Name, RecordEntry, Setting, SkillDecl, SkillLine, SkillLineKind as Line,
    Span, TypeExpr,
};
use cascade_ir as ir;
use cascade_shell::Reason;
use smol_str::SmolStr;

use super::{BodyChecker, BodyInput, BodyKind, Typed, control::head_word};
use crate::{
    callees::{Directory, NetworkUse, SkillSummary},
    checks::{capabilities, leaks, names::unknown_word, skills, style},
    codes,
    findings::Findings,
    flow::{Flow, Origin, SkillFlow},
    index::Builtin,
    types::{Ty, TyKind},
    world::{Def, Signature, doc_text},
};

const FORMATS: &[(&str, ir::OutputFormat)] = &[
    ("text", ir::OutputFormat::Text),
    ("json", ir::OutputFormat::Json),
    ("json_lines", ir::OutputFormat::JsonLines),
    ("csv", ir::OutputFormat::Csv),
    ("junit", ir::OutputFormat::Junit),
    ("tap", ir::OutputFormat::Tap),
];

/// The lines of a skill by their kinds.
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

/// A checked skill.
pub(crate) struct CheckedSkill {
    pub ir: ir::Skill,
    pub summary: SkillSummary,
    pub findings: Findings,
}

/// Checks a skill.
pub(crate) fn check_skill(input: BodyInput<'_>, id: ir::SkillId, decl: &SkillDecl, item: &Item) -> CheckedSkill {
    let signature = &input.world.declared.skills[id.index()];
    let mut body = BodyChecker::new(input, signature.origin.module, BodyKind::Skill);
    body.check_header(decl.name.span, decl.body_span);
    let params = body.declare_params(signature, &decl.params);
    let lines = body.collect_lines(&decl.body, &decl.name);
    let mut needs: Vec<SmolStr> = lines.needs.iter().map(|n| n.text.clone()).collect();
    if body.types.holds(signature.result, &mut Vec::new(), &|t| matches!(t, Ty::IMAGE | Ty::VIDEO))
        && matches!(lines.effect.map(|e| &e.kind), Some(Line::Prompt(_)))
        && !needs.iter().any(|n| n == "visual_output")
    {
        needs.push("visual_output".into());
    }
    for need in &lines.needs {
        body.report(capabilities::misspelt_need(body.view(), need));
    }
    let (effect, output, map, untrusted) = body.check_effect(&lines, signature, decl.name.span);
    match lines.effect {
        Some(line) if matches!(line.kind, Line::Prompt(_) | Line::Agent { .. }) => {
            let unread = style::inputs_without_use(&body.scope);
            if !unread.is_empty() {
                // The warning names all of them.
                body.scope.use_all();
                body.report(style::prompt_without_inputs(body.view(), &unread, line.span));
            }
        }
        // An Agent Skill is given its inputs by name.
        Some(SkillLine { kind: Line::SkillFile(_), .. }) | None => body.scope.use_all(),
        _ => {}
    }
    body.leave_body(decl.body_span.end);
    let (unsupported, asks_model) = match &effect {
        ir::Effect::Unsupported(u) => (Some(u.construct.clone()), u.construct != "mcp"),
        ir::Effect::Run(_) | ir::Effect::Http(_) => (None, false),
        ir::Effect::Prompt(_) => (None, true),
    };
    let ir = ir::Skill {
        name: decl.name.text.clone(),
        doc: doc_text(&item.docs),
        place: body.place(decl.name.span),
        params,
        slots: body.scope.slot_count(),
        result: body.types.lower(signature.result),
        effect,
        output: body.types.lower(output),
        map,
        needs: needs.clone(),
        once: item.attributes.iter().any(|a| a.name.text == "once"),
    };
    let outcome = body.outcome;
    let summary = SkillSummary {
        flow: SkillFlow { untrusted, program: outcome.program_params },
        effects: outcome.effects,
        needs,
        asks_model,
        unsupported,
    };
    CheckedSkill { ir, summary, findings: outcome.findings }
}

/// The effect of a skill, the type of its output, the mapping of that to the result, and where
/// untrusted text in it comes from.
type Lowered = (ir::Effect, Ty, Option<(ir::Slot, ir::Expr)>, Option<Origin>);

impl BodyChecker<'_> {
    /// Sorts the lines of a skill by their kinds; reports repeated and misplaced ones.
    fn collect_lines<'s>(&mut self, body: &'s [SkillLine], name: &Name) -> Lines<'s> {
        let mut out = Lines::default();
        let mut broken = false;
        for line in body {
            let mut twice = false;
            match &line.kind {
                Line::Error => broken = true,
                Line::Prompt(_) | Line::Agent { .. } | Line::Run(_) | Line::Http { .. } | Line::Mcp { .. } => {
                    if let Some(first) = out.effect {
                        self.report(skills::second_effect(self.view(), line.span, first.span));
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
                    self.record_words(needs);
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
                self.report(skills::repeated_line(self.view(), line.span));
            }
        }
        if out.effect.is_none() && !broken && !name.text.is_empty() {
            self.report(skills::no_effect(self.view(), name));
        }
        if let Some(effect) = out.effect {
            self.report_all(skills::misplaced_lines(self.view(), body, effect));
        }
        out
    }

    /// Checks the effect of a skill.
    fn check_effect(&mut self, lines: &Lines<'_>, signature: &Signature, name: Span) -> Lowered {
        let Some(effect) = lines.effect else {
            let none = ir::Unsupported { construct: "nothing".into(), place: self.place(name) };
            return (ir::Effect::Unsupported(none), Ty::NULL, None, None);
        };
        match &effect.kind {
            Line::Run(command) => self.check_run(command, lines, signature),
            Line::Http { method, url, settings } => self.check_http(method, url, settings, lines, signature),
            Line::Prompt(prompt) => self.check_prompt(prompt, effect.span, lines, signature),
            Line::Agent { dir, prompt } => {
                let place = match dir {
                    Some(dir) => Directory::of_expr(&self.check(dir, Ty::PATH).ir),
                    None => Some(Directory::working()),
                };
                self.edit_directory(place, effect.span);
                self.check_shown_template(prompt, "a prompt");
                self.check_prompt_settings(lines);
                let unsupported = self.note_unsupported("agent", head_word(effect.span, "agent"));
                let output = self.check_mapping(signature.result, signature.result, lines, signature);
                (ir::Effect::Unsupported(unsupported), output.0, output.1, Some(Origin::Agent))
            }
            Line::Mcp { path, args } => {
                if let Some(server) = path.first() {
                    self.record_words(&path[1..]);
                    match self.resolve_declared(server) {
                        Some(Def::Mcp(_) | Def::Missing) => {}
                        _ if server.text.is_empty() => {}
                        _ => self.report_unknown_declaration(server, "mcp server"),
                    }
                }
                if let Some(args) = args {
                    self.check(args, Ty::JSON);
                }
                let unsupported = self.note_unsupported("mcp", head_word(effect.span, "mcp"));
                let (output, map) = self.check_mapping(signature.result, Ty::JSON, lines, signature);
                (ir::Effect::Unsupported(unsupported), output, map, Some(Origin::Tool))
            }
            _ => {
                let unsupported = self.note_unsupported("skill_file", head_word(effect.span, "skill_file"));
                self.check_prompt_settings(lines);
                (ir::Effect::Unsupported(unsupported), signature.result, None, Some(Origin::Model))
            }
        }
    }

    /// Checks `return expr`, which maps `output` to the result.
    fn check_mapping(
        &mut self,
        direct: Ty,
        output: Ty,
        lines: &Lines<'_>,
        signature: &Signature,
    ) -> (Ty, Option<(ir::Slot, ir::Expr)>) {
        let Some(result) = lines.result else { return (direct, None) };
        let mark = self.enter(result.span);
        let local = self.declare_implicit("output", result.span, output);
        let slot = self.scope.slot(local);
        let value = self.check(result, signature.result);
        self.leave(mark);
        (output, Some((slot, value.ir)))
    }

    /// Records the names of a tool, which nothing checks yet.
    fn record_tool(&mut self, path: &[Name]) {
        let Some((first, rest)) = path.split_first() else { return };
        self.record_server(first);
        match (self.world.find_name(self.module, &first.text), rest) {
            (Some(Def::Module(other)), [second]) => {
                self.resolve_exported(other, second);
            }
            _ => self.record_words(rest),
        }
    }

    /// The format and the type that raw output is read as, and its mapping to the result.
    fn check_output(
        &mut self,
        lines: &Lines<'_>,
        signature: &Signature,
    ) -> (ir::OutputFormat, Ty, Option<(ir::Slot, ir::Expr)>) {
        use ir::OutputFormat as F;
        let (format, declared, span) = match lines.output {
            Some((format, ty, span)) => {
                let found = FORMATS.iter().find(|(n, _)| *n == format.text).map(|(_, f)| *f);
                if found.is_none() && !format.text.is_empty() {
                    let message = format!("output is not read as `{}`", format.text);
                    let known = FORMATS.iter().map(|(n, _)| *n);
                    let otherwise = "output is read as text, json, json_lines, csv, junit or tap";
                    self.report(unknown_word(self.view(), codes::UNKNOWN_SETTING, format, message, known, otherwise));
                }
                let ty = ty.map(|t| (self.resolve_type(t), t.span));
                (found.unwrap_or(F::Text), ty, span)
            }
            None if signature.result == Ty::NULL && lines.result.is_none() => (F::None, None, signature.origin.span),
            None => (F::Text, None, signature.origin.span),
        };
        let list = |body: &mut Self, t: Ty| body.types.list(t);
        let raw = match format {
            F::Text => {
                if let Some((_, at)) = declared {
                    let d = self.diagnostic(codes::WRONG_PLACE, at, "text has no shape to declare").label("remove it");
                    self.report(d);
                }
                Ty::STRING
            }
            F::None => Ty::NULL,
            F::Json => declared.map_or(if lines.result.is_some() { Ty::JSON } else { signature.result }, |(t, _)| t),
            F::JsonLines | F::Csv => match declared {
                Some((t, _)) => match self.types.kind(self.types.base(t)) {
                    TyKind::List(_) => t,
                    _ => list(self, t),
                },
                None if lines.result.is_some() => {
                    let row = if format == F::Csv { self.types.map(Ty::STRING) } else { Ty::JSON };
                    list(self, row)
                }
                None => signature.result,
            },
            F::Junit | F::Tap => self.prelude_type("TestRun"),
        };
        let (output, map) = self.check_mapping(raw, raw, lines, signature);
        if map.is_none() && format != F::None {
            let fits = self.types.fits(raw, signature.result)
                || (raw == Ty::STRING && self.types.base(signature.result) == Ty::PATH)
                || self.can_coerce(raw, signature.result);
            if !fits {
                self.report(skills::output_mismatch(self.view(), raw, signature, span, format == F::Text));
            }
            // Text is read as a path at once.
            let convertible = raw == Ty::STRING && self.types.base(signature.result) == Ty::PATH;
            if convertible {
                return (format, signature.result, None);
            }
        }
        (format, output, map)
    }

    fn can_coerce(&mut self, from: Ty, to: Ty) -> bool {
        let probe = Typed::new(ir::Expr::Const(ir::Const::Null), from, Flow::default());
        self.try_coerce(probe, to, Span::default()).is_ok()
    }

    /// Checks `run`.
    fn check_run(&mut self, command: &Expr, lines: &Lines<'_>, signature: &Signature) -> Lowered {
        let command_value = self.check(command, Ty::COMMAND);
        let stdin_code = self.outcome.stdin_code.take();
        let cwd = lines.dir.map(|e| {
            let directory = self.check(e, Ty::PATH);
            self.code_sink(&directory.flow, e.span, &Reason::Directory, e.span);
            directory.ir
        });
        let env = lines.env.iter().map(|s| (s.name.text.clone(), self.check_env_variable(s))).collect();
        let stdin = lines.stdin.map(|e| {
            let value = self.infer(e);
            if let Some(reason) = stdin_code {
                self.code_sink(&value.flow, e.span, &reason, command.span);
            }
            value.ir
        });
        let exit = self.check_exit_codes(lines, 0, 255, "exit codes are from 0 to 255");
        let (format, output, map) = self.check_output(lines, signature);
        let run = ir::Run { command: command_value.ir, cwd, env, stdin, exit, format };
        (ir::Effect::Run(Box::new(run)), output, map, Some(Origin::Command))
    }

    /// Checks a variable of the environment of a program. Untrusted text must not be the value of one
    /// that decides which program runs.
    fn check_env_variable(&mut self, setting: &Setting) -> ir::Expr {
        let value = self.infer(&setting.value);
        if cascade_shell::chooses_program(&setting.name.text) {
            let (span, reason) = (setting.value.span, Reason::Variable(setting.name.text.to_string()));
            self.code_sink(&value.flow, span, &reason, span);
        }
        self.check_text_value(value, &setting.value)
    }

    /// Checks the value of a header, which may be a secret.
    fn check_header_value(&mut self, e: &Expr) -> ir::Expr {
        let value = self.infer(e);
        self.check_text_value(value, e)
    }

    /// Checks that a value is text or becomes text; it may be a secret.
    fn check_text_value(&mut self, value: Typed, e: &Expr) -> ir::Expr {
        let inner = self.types.base(self.types.non_null(value.ty));
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
        ) || self.types.variants(inner).is_some();
        if !fine {
            let shown = self.type_text(value.ty);
            let d = self
                .diagnostic(codes::MISMATCH, e.span, format!("text is needed here, found `{shown}`"))
                .label(format!("`{shown}`"))
                .help("`value.to_json()` makes text of it");
            self.report(d);
        }
        value.ir
    }

    fn check_exit_codes(&mut self, lines: &Lines<'_>, low: i64, high: i64, help: &str) -> Vec<(i64, i64)> {
        self.report_all(skills::impossible_codes(self.view(), &lines.exit, (low, high), help));
        lines.exit.iter().map(|r| (r.low, r.high)).collect()
    }

    /// Checks `http`.
    fn check_http(
        &mut self,
        method: &Name,
        url: &Expr,
        settings: &[Setting],
        lines: &Lines<'_>,
        signature: &Signature,
    ) -> Lowered {
        const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head"];
        if !METHODS.contains(&method.text.as_str()) && !method.text.is_empty() {
            let message = format!("there is no method `{}`", method.text);
            let (known, otherwise) = (METHODS.iter().copied(), "write get, post, put, patch, delete or head");
            self.report(unknown_word(self.view(), codes::UNKNOWN_SETTING, method, message, known, otherwise));
        }
        self.record_word(method);
        let network = NetworkUse { program: "http".into(), at: (self.source(), method.span) };
        self.use_network(network, method.span);
        let (url, _) = self.check_shown_template(url, "an address");
        let mut http = ir::Http {
            method: SmolStr::new(method.text.to_uppercase()),
            url,
            headers: Vec::new(),
            query: None,
            body: None,
            status: self.check_exit_codes(lines, 100, 599, "status codes are from 100 to 599"),
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
                                RecordEntry::Field { key, value, .. } => {
                                    self.record_builtin(key.span, Builtin::Key);
                                    let value = self.check_header_value(value);
                                    // A word stands for a header with dashes: `content_type`.
                                    let quoted = matches!(entry, RecordEntry::Field { quoted: true, .. });
                                    let name = if quoted { key.text.to_string() } else { key.text.replace('_', "-") };
                                    http.headers.push((SmolStr::new(name), value));
                                }
                                RecordEntry::Spread(base) => {
                                    let d = self
                                        .diagnostic(codes::WRONG_PLACE, base.span, "headers are written out")
                                        .label("no `...` here");
                                    self.report(d);
                                }
                            }
                        }
                    }
                    _ => {
                        let d = self
                            .diagnostic(codes::MISMATCH, setting.value.span, "headers are a record of names and values")
                            .label("write `{ accept: \"application/json\" }`");
                        self.report(d);
                    }
                },
                "query" => http.query = Some(self.check_json_value(&setting.value, "the query of a request")),
                "body" => http.body = Some(self.check_json_value(&setting.value, "the body of a request")),
                "" => {}
                other => {
                    let message = format!("a request has no `{other}`");
                    let known = ["headers", "query", "body"].into_iter();
                    let otherwise = "a request has `headers`, `query` and `body`";
                    let code = codes::UNKNOWN_SETTING;
                    self.report(unknown_word(self.view(), code, &setting.name, message, known, otherwise));
                    self.infer(&setting.value);
                }
            }
        }
        let (format, output, map) = self.check_output(lines, signature);
        http.format = format;
        (ir::Effect::Http(Box::new(http)), output, map, Some(Origin::Web))
    }

    /// Checks a query or a body: a value that has a JSON form and holds no secret.
    fn check_json_value(&mut self, e: &Expr, place: &str) -> ir::Expr {
        let value = self.infer(e);
        self.report(leaks::secret_in_request(self.view(), value.ty, place, e.span));
        if matches!(self.types.base(value.ty), Ty::COMMAND | Ty::MODEL) {
            self.report_mismatch(value.ty, Ty::JSON, e.span);
        }
        value.ir
    }

    /// Checks the lines of a skill that belong to a prompt.
    fn check_prompt_settings(&mut self, lines: &Lines<'_>) -> ir::Prompt {
        let system = lines.system.map(|e| self.check_shown_template(e, "a prompt").0);
        let temperature = lines.temperature.map(|e| self.check(e, Ty::FLOAT).ir);
        let max_tokens = lines.max_tokens.map(|e| self.check(e, Ty::INT).ir);
        let mut attach = Vec::new();
        for a in &lines.attach {
            attach.push(match a {
                Attach::Value(e) => {
                    let value = self.infer(e);
                    let ty = self.types.base(self.types.non_null(value.ty));
                    let element = self.unwrap_list(ty).map_or(ty, |t| self.types.base(self.types.non_null(t)));
                    if !(element == Ty::PATH || element == Ty::ERROR || self.types.artifact(element)) {
                        let shown = self.type_text(value.ty);
                        let d = self
                            .diagnostic(codes::MISMATCH, e.span, format!("files are attached, found `{shown}`"))
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
            self.note_unsupported("tools", span);
        }
        ir::Prompt { prompt: ir::Template::default(), system, temperature, max_tokens, attach }
    }

    /// Checks `prompt`.
    fn check_prompt(&mut self, prompt: &Expr, span: Span, lines: &Lines<'_>, signature: &Signature) -> Lowered {
        let (template, _) = self.check_shown_template(prompt, "a prompt");
        self.report(skills::answer_of_model(self.view(), signature.result, span));
        let mut settings = self.check_prompt_settings(lines);
        settings.prompt = template;
        if lines.tools.is_some() {
            let unsupported = ir::Unsupported { construct: "tools".into(), place: self.place(span) };
            return (ir::Effect::Unsupported(unsupported), signature.result, None, Some(Origin::Model));
        }
        let answer = if signature.result == Ty::NULL && lines.result.is_none() { Ty::STRING } else { signature.result };
        let (output, map) = match (lines.result, lines.output) {
            (None, None) => (answer, None),
            // A mapped answer has the declared type, or else is plain text.
            (_, Some((_, ty, _))) => {
                let asked = ty.map_or(Ty::STRING, |t| self.resolve_type(t));
                let direct = self.check_mapping(asked, asked, lines, signature);
                if lines.result.is_none() && !self.types.fits(asked, signature.result) {
                    self.report_mismatch(asked, signature.result, span);
                }
                direct
            }
            (Some(_), None) => self.check_mapping(Ty::STRING, Ty::STRING, lines, signature),
        };
        (ir::Effect::Prompt(Box::new(settings)), output, map, Some(Origin::Model))
    }
}
