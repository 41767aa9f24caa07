//! Skills: one effect each, with the lines that belong to it.

use cascade_grammar::ast::{
    Attach, Expr, ExprKind, Item, Name, Setting, SkillDecl, SkillLine, SkillLineKind as Line, Span,
};
use cascade_ir as ir;
use cascade_shell::Reason;
use smol_str::SmolStr;

use super::{
    BodyChecker, BodyInput, BodyKind, Typed,
    skill_lines::{Lines, collect_lines},
    spans::head_word,
};
use crate::{
    callees::SkillSummary,
    checks::{capabilities, leaks, names::unknown_word, prompts, skills, style},
    codes,
    declare::plain_text,
    findings::Findings,
    flow::{CodeReason, Flow, Origin, SkillFlow},
    index::TYPED_NAME,
    types::{Ty, TyKind},
    walk,
    world::{Signature, doc_text},
};

const FORMATS: &[(&str, ir::OutputFormat)] = &[
    ("text", ir::OutputFormat::Text),
    ("json", ir::OutputFormat::Json),
    ("json_lines", ir::OutputFormat::JsonLines),
    ("csv", ir::OutputFormat::Csv),
    ("junit", ir::OutputFormat::Junit),
    ("tap", ir::OutputFormat::Tap),
];

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
    let lines = collect_lines(&mut body, &decl.body, &decl.name);
    let mut needs: Vec<SmolStr> = lines.needs.iter().map(|n| n.text.clone()).collect();
    if body.context.types.any_part(signature.result, &mut Vec::new(), &|t| matches!(t, Ty::IMAGE | Ty::VIDEO))
        && matches!(lines.effect.map(|e| &e.kind), Some(Line::Prompt(_)))
        && !needs.iter().any(|n| n == "visual_output")
    {
        needs.push("visual_output".into());
    }
    for need in &lines.needs {
        body.context.report(capabilities::misspelt_need(body.context.view(), need));
    }
    let mut checker = SkillChecker { body, signature, lines: &lines, ended: EndedSlots::default() };
    let (effect, output, map, untrusted) = checker.check_effect();
    let ended = checker.ended;
    let mut body = checker.body;
    if let (ir::Effect::Prompt(_), Some(result)) = (&effect, &decl.result) {
        body.context.report(prompts::merely_texts(body.context.view(), body.context.types, output, result.span));
    }
    match lines.effect {
        Some(line) if matches!(line.kind, Line::Prompt(_) | Line::Agent { .. }) => {
            let unread = style::inputs_without_use(&body.scope);
            if !unread.is_empty() {
                // The warning names all of them.
                body.scope.use_all();
                body.context.report(style::prompt_without_inputs(body.context.view(), &unread, line.span));
            }
        }
        // An Agent Skill is given its inputs by name.
        Some(SkillLine { kind: Line::SkillFile(_), .. }) | None => body.scope.use_all(),
        _ => {}
    }
    body.leave_body(decl.body_span.end);
    let asks_model = match &effect {
        ir::Effect::Run(_) | ir::Effect::Http(_) | ir::Effect::Builtin(_) | ir::Effect::Mcp(_) => false,
        // Of a skill with an error nothing more is said.
        ir::Effect::Prompt(_) | ir::Effect::Agent(_) | ir::Effect::Invalid => true,
    };
    let ir = ir::Skill {
        name: decl.name.text.clone(),
        doc: doc_text(&item.docs),
        place: body.context.place(decl.name.span),
        params,
        slots: body.scope.slot_count(),
        result: body.context.types.lower(signature.result),
        effect,
        output: body.context.types.lower(output),
        map,
        exit_code: ended.exit_code,
        stderr: ended.stderr,
        changed: ended.changed,
        diff: ended.diff,
        needs: needs.clone(),
        once: item.attributes.iter().any(|a| a.name.text == "once"),
    };
    let outcome = body.outcome;
    let summary = SkillSummary {
        flow: SkillFlow { untrusted, program: outcome.program_params },
        effects: outcome.effects,
        needs,
        asks_model,
    };
    CheckedSkill { ir, summary, findings: body.context.findings }
}

/// The check of a skill's effect.
pub(super) struct SkillChecker<'a> {
    pub(super) body: BodyChecker<'a>,
    pub(super) signature: &'a Signature,
    pub(super) lines: &'a Lines<'a>,
    ended: EndedSlots,
}

/// The slots of how a program or an agent ended, where the `return` of its skill names that.
#[derive(Debug, Clone, Copy, Default)]
struct EndedSlots {
    exit_code: Option<ir::Slot>,
    stderr: Option<ir::Slot>,
    changed: Option<ir::Slot>,
    diff: Option<ir::Slot>,
}

/// The effect of a skill, the type of its output, the mapping of that to the result, and where
/// untrusted text in it comes from.
pub(super) type Lowered = (ir::Effect, Ty, Option<(ir::Slot, ir::Expr)>, Option<Origin>);

impl SkillChecker<'_> {
    /// Checks the effect of a skill.
    fn check_effect(&mut self) -> Lowered {
        let Some(effect) = self.lines.effect else {
            return (ir::Effect::Invalid, Ty::NULL, None, None);
        };
        match &effect.kind {
            Line::Run(command) => self.check_run(command),
            Line::Http { method, url, settings } => self.check_http(method, url, settings),
            Line::Builtin(name) => self.check_builtin(name, effect.span),
            Line::Prompt(prompt) => self.check_prompt(prompt, effect.span),
            Line::Agent { dir, prompt } => self.check_agent(dir.as_ref(), prompt, effect.span),
            Line::Mcp { path, args } => self.check_mcp(path, args.as_ref(), effect.span),
            _ => self.check_skill_file(effect.span),
        }
    }

    /// Whether the skill is one of the standard library, perhaps of its file opened as such.
    fn is_of_library(&self) -> bool {
        let module = &self.body.context.world.files.modules[self.body.context.module];
        let mut folders = std::path::Path::new(&module.name).ancestors().skip(1);
        let is = |folder: Option<&std::path::Path>, name: &str| folder.is_some_and(|folder| folder.ends_with(name));
        module.std || (is(folders.next(), "std") && is(folders.next(), "stdlib"))
    }

    /// Checks `builtin "name"`, whose arguments are the parameters of the skill.
    fn check_builtin(&mut self, name: &Expr, span: Span) -> Lowered {
        self.body.scope.use_all();
        let text = match &name.kind {
            ExprKind::Str(text) => plain_text(text),
            _ => None,
        };
        self.body.context.record_type(name.span, Ty::STRING, &Flow::default());
        if !self.is_of_library() {
            let d = self
                .body
                .context
                .diagnostic(
                    codes::WRONG_PLACE,
                    head_word(span, "builtin"),
                    "only the standard library has built-in skills",
                )
                .label("not here")
                .help("import a skill of the library, such as `import std.files { read }`, or run a command");
            self.body.context.report(d);
        }
        let name = SmolStr::new(text.unwrap_or_default());
        let (output, map) = self.check_mapping(self.signature.result, self.signature.result);
        let origin = if name.starts_with("files.") { Some(Origin::Command) } else { None };
        (ir::Effect::Builtin(name), output, map, origin)
    }

    /// Checks `return expr`, which maps `output` to the result.
    pub(super) fn check_mapping(&mut self, direct: Ty, output: Ty) -> (Ty, Option<(ir::Slot, ir::Expr)>) {
        let Some(result) = self.lines.result else { return (direct, None) };
        let mark = self.body.enter_scope(result.span);
        let local = self.body.declare_implicit("output", result.span, output);
        let slot = self.body.scope.slot(local);
        if let Some(SkillLine { kind: Line::Run(_), .. }) = self.lines.effect {
            self.ended.exit_code = self.declare_of_program("exit_code", Ty::INT, result);
            self.ended.stderr = self.declare_of_program("stderr", Ty::STRING, result);
        }
        if let Some(SkillLine { kind: Line::Agent { .. }, .. }) = self.lines.effect {
            let paths = self.body.context.types.list(Ty::PATH);
            self.ended.changed = self.declare_of_program("changed", paths, result);
            self.ended.diff = self.declare_of_program("diff", Ty::STRING, result);
        }
        let value = self.body.check(result, self.signature.result);
        self.body.leave_scope(mark);
        (output, Some((slot, value.ir)))
    }

    /// Declares a value that says how the program or the agent ended, where `return` names it and it is no parameter.
    /// A name that is being typed may be its name.
    fn declare_of_program(&mut self, name: &str, ty: Ty, result: &Expr) -> Option<ir::Slot> {
        let mut named = false;
        walk::walk_expr(result, &mut |e| {
            named |= matches!(&e.kind, ExprKind::Name(n) if n.text == name || n.text == TYPED_NAME)
        });
        if !named || self.body.scope.find(name).is_some() {
            return None;
        }
        let local = self.body.declare_implicit(name, result.span, ty);
        Some(self.body.scope.slot(local))
    }

    /// The format and the type that raw output is read as, and its mapping to the result.
    pub(super) fn check_output(&mut self) -> (ir::OutputFormat, Ty, Option<(ir::Slot, ir::Expr)>) {
        use ir::OutputFormat as F;
        let (format, declared, span) = match self.lines.output {
            Some((format, ty, span)) => {
                let found = FORMATS.iter().find(|(n, _)| *n == format.text).map(|(_, f)| *f);
                if found.is_none() && !format.text.is_empty() {
                    let message = format!("output is not read as `{}`", format.text);
                    let known = FORMATS.iter().map(|(n, _)| *n);
                    let otherwise = "output is read as text, json, json_lines, csv, junit or tap";
                    self.body.context.report(unknown_word(
                        self.body.context.view(),
                        codes::UNKNOWN_SETTING,
                        format,
                        message,
                        known,
                        otherwise,
                    ));
                }
                let ty = ty.map(|t| (self.body.context.resolve_type(t), t.span));
                (found.unwrap_or(F::Text), ty, span)
            }
            None if self.signature.result == Ty::NULL && self.lines.result.is_none() => {
                (F::None, None, self.signature.origin.span)
            }
            None => (F::Text, None, self.signature.origin.span),
        };
        let list = |checker: &mut Self, t: Ty| checker.body.context.types.list(t);
        let raw = match format {
            F::Text => {
                if let Some((_, at)) = declared {
                    let d = self
                        .body
                        .context
                        .diagnostic(codes::WRONG_PLACE, at, "text has no shape to declare")
                        .label("remove it");
                    self.body.context.report(d);
                }
                Ty::STRING
            }
            F::None => Ty::NULL,
            F::Json => {
                declared.map_or(if self.lines.result.is_some() { Ty::JSON } else { self.signature.result }, |(t, _)| t)
            }
            F::JsonLines | F::Csv => match declared {
                Some((t, _)) => match self.body.context.types.kind(self.body.context.types.base(t)) {
                    TyKind::List(_) => t,
                    _ => list(self, t),
                },
                None if self.lines.result.is_some() => {
                    let row = if format == F::Csv { self.body.context.types.map(Ty::STRING) } else { Ty::JSON };
                    list(self, row)
                }
                None => self.signature.result,
            },
            F::Junit | F::Tap => self.body.context.prelude_type("TestRun"),
        };
        let (output, map) = self.check_mapping(raw, raw);
        if map.is_none() && format != F::None {
            let fits = self.body.context.types.fits(raw, self.signature.result)
                || (raw == Ty::STRING && self.body.context.types.base(self.signature.result) == Ty::PATH)
                || self.can_coerce(raw, self.signature.result);
            if !fits {
                self.body.context.report(skills::output_mismatch(
                    self.body.context.view(),
                    raw,
                    self.signature,
                    span,
                    format == F::Text,
                ));
            }
            // Text is read as a path at once.
            let convertible = raw == Ty::STRING && self.body.context.types.base(self.signature.result) == Ty::PATH;
            if convertible {
                return (format, self.signature.result, None);
            }
        }
        (format, output, map)
    }

    fn can_coerce(&mut self, from: Ty, to: Ty) -> bool {
        let probe = Typed::new(ir::Expr::Const(ir::Const::Null), from, Flow::default());
        self.body.try_coerce(probe, to, Span::default()).is_ok()
    }

    /// Checks `run`.
    fn check_run(&mut self, command: &Expr) -> Lowered {
        self.body.shell_names = self.lines.env.iter().map(|setting| setting.name.text.clone()).collect();
        let command_value = self.body.check(command, Ty::COMMAND);
        let stdin_code = self.body.outcome.stdin_code.take();
        let cwd = self.lines.dir.map(|e| {
            let directory = self.body.check(e, Ty::PATH);
            self.body.code_sink(&directory.flow, e.span, &CodeReason::Shell(Reason::Directory), e.span);
            directory.ir
        });
        let env = self.lines.env.iter().map(|s| (s.name.text.clone(), self.check_env_variable(s))).collect();
        let stdin = self.lines.stdin.map(|e| {
            let value = self.body.infer(e);
            if let Some(reason) = stdin_code {
                self.body.code_sink(&value.flow, e.span, &reason, command.span);
            }
            value.ir
        });
        let exit = self.check_exit_codes(0, 255, "exit codes are from 0 to 255");
        let (format, files, output, map) = match self.lines.files {
            Some((word, pattern)) => {
                let (files, output, map) = self.check_output_files(word, pattern);
                (ir::OutputFormat::None, Some(files), output, map)
            }
            None => {
                let (format, output, map) = self.check_output();
                (format, None, output, map)
            }
        };
        let run = ir::Run { command: command_value.ir, cwd, env, stdin, exit, format, files };
        (ir::Effect::Run(Box::new(run)), output, map, Some(Origin::Command))
    }

    /// Checks `output file "…"`: the files that a program makes.
    fn check_output_files(
        &mut self,
        word: &Name,
        pattern: &Expr,
    ) -> (ir::OutputFiles, Ty, Option<(ir::Slot, ir::Expr)>) {
        self.body.context.record_word(word);
        let many = word.text == "files";
        if let Some((format, _, _)) = self.lines.output {
            let d = self
                .body
                .context
                .diagnostic(
                    codes::WRONG_PLACE,
                    format.span,
                    "the value of a skill is its files or its output, not both",
                )
                .label("one of them")
                .help("`files.read` of `std.files` reads a file that another stage has made");
            self.body.context.report(d);
        }
        let value = self.body.check(pattern, Ty::STRING);
        // The kind of the files is what the skill declares.
        let declared = self.signature.result;
        let element = match self.body.context.types.kind(self.body.context.types.base(declared)) {
            TyKind::List(element) if many => *element,
            _ => declared,
        };
        let kind = if self.body.context.types.artifact(element) { element } else { Ty::FILE };
        let raw = if many { self.body.context.types.list(kind) } else { kind };
        let (output, map) = self.check_mapping(raw, raw);
        if map.is_none() && !self.body.context.types.fits(raw, declared) {
            let (shown, given) = (self.body.context.type_text(declared), self.body.context.type_text(raw));
            let d = self
                .body
                .context
                .diagnostic(codes::MISMATCH, pattern.span, format!("the skill gives `{shown}`, and this is `{given}`"))
                .label(format!("`{given}`"))
                .help(format!("declare `-> {given}`, or make the result by `return …`"));
            self.body.context.report(d);
        }
        (ir::OutputFiles { pattern: value.ir, many }, output, map)
    }

    /// Checks a variable of the environment of a program. Untrusted text must not be the value of one
    /// that decides which program runs.
    fn check_env_variable(&mut self, setting: &Setting) -> ir::Expr {
        let value = self.body.infer(&setting.value);
        if cascade_shell::chooses_program(&setting.name.text) {
            let (span, reason) =
                (setting.value.span, CodeReason::Shell(Reason::Variable(setting.name.text.to_string())));
            self.body.code_sink(&value.flow, span, &reason, span);
        }
        self.check_text_value(value, &setting.value)
    }

    /// Checks the value of a header, which may be a secret.
    pub(super) fn check_header_value(&mut self, e: &Expr) -> ir::Expr {
        let value = self.body.infer(e);
        self.check_text_value(value, e)
    }

    /// Checks that a value is text or becomes text; it may be a secret.
    fn check_text_value(&mut self, value: Typed, e: &Expr) -> ir::Expr {
        let inner = self.body.context.types.base(self.body.context.types.non_null(value.ty));
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
                | Ty::TIME
                | Ty::MONEY
        ) || self.body.context.types.variants(inner).is_some();
        if !fine {
            let shown = self.body.context.type_text(value.ty);
            let d = self
                .body
                .context
                .diagnostic(codes::MISMATCH, e.span, format!("text is needed here, found `{shown}`"))
                .label(format!("`{shown}`"))
                .help("`value.to_json()` makes text of it");
            self.body.context.report(d);
        }
        value.ir
    }

    pub(super) fn check_exit_codes(&mut self, low: i64, high: i64, help: &str) -> Vec<(i64, i64)> {
        self.body.context.report_all(skills::impossible_codes(
            self.body.context.view(),
            &self.lines.exit,
            (low, high),
            help,
        ));
        self.lines.exit.iter().map(|r| (r.low, r.high)).collect()
    }

    /// Checks a query or a body: a value that has a JSON form and holds no secret.
    pub(super) fn check_json_value(&mut self, e: &Expr, place: &str) -> ir::Expr {
        let value = self.body.infer(e);
        self.body.context.report(leaks::secret_in_request(self.body.context.view(), value.ty, place, e.span));
        if matches!(self.body.context.types.base(value.ty), Ty::COMMAND | Ty::MODEL) {
            self.body.context.report_mismatch(value.ty, Ty::JSON, e.span);
        }
        value.ir
    }

    /// Checks the lines of a skill that belong to a prompt.
    pub(super) fn check_prompt_settings(&mut self) -> ir::Prompt {
        let system = self.lines.system.map(|e| self.body.check_shown_template(e, "a prompt").0);
        let system = self.with_skill_file(system);
        let temperature = self.lines.temperature.map(|e| self.body.check(e, Ty::FLOAT).ir);
        let max_tokens = self.lines.max_tokens.map(|e| self.body.check(e, Ty::INT).ir);
        let mut attach = Vec::new();
        for a in &self.lines.attach {
            attach.push(match a {
                Attach::Value(e) => {
                    let value = self.body.infer(e);
                    let ty = self.body.context.types.base(self.body.context.types.non_null(value.ty));
                    let element = self
                        .body
                        .context
                        .types
                        .element(ty)
                        .map_or(ty, |t| self.body.context.types.base(self.body.context.types.non_null(t)));
                    if !(element == Ty::PATH || element == Ty::ERROR || self.body.context.types.artifact(element)) {
                        let shown = self.body.context.type_text(value.ty);
                        let d = self
                            .body
                            .context
                            .diagnostic(codes::MISMATCH, e.span, format!("files are attached, found `{shown}`"))
                            .label(format!("`{shown}`"))
                            .help("text goes into the prompt itself: `$<…>`");
                        self.body.context.report(d);
                    }
                    ir::Attach::Value(value.ir)
                }
                Attach::Files { pattern, dir } => ir::Attach::Files {
                    pattern: self.body.check(pattern, Ty::STRING).ir,
                    dir: dir.as_ref().map(|d| self.body.check(d, Ty::PATH).ir),
                },
            });
        }
        ir::Prompt { prompt: ir::Template::default(), system, temperature, max_tokens, attach, tools: Vec::new() }
    }

    /// Checks `prompt`.
    fn check_prompt(&mut self, prompt: &Expr, span: Span) -> Lowered {
        let (template, _) = self.body.check_shown_template(prompt, "a prompt");
        self.body.context.report(skills::answer_of_model(self.body.context.view(), self.signature.result, span));
        let mut settings = self.check_prompt_settings();
        settings.prompt = template;
        if let Some((tools, _)) = self.lines.tools {
            settings.tools = self.check_tools(tools, false).tools;
        }
        let (output, map) = self.check_answer(span);
        (ir::Effect::Prompt(Box::new(settings)), output, map, Some(Origin::Model))
    }

    /// The type that the answer of a model or an agent is read as, and its mapping to the result.
    pub(super) fn check_answer(&mut self, span: Span) -> (Ty, Option<(ir::Slot, ir::Expr)>) {
        let answer = if self.signature.result == Ty::NULL && self.lines.result.is_none() {
            Ty::STRING
        } else {
            self.signature.result
        };
        match (self.lines.result, self.lines.output) {
            (None, None) => (answer, None),
            // A mapped answer has the declared type, or else is plain text.
            (_, Some((_, ty, _))) => {
                let asked = ty.map_or(Ty::STRING, |t| self.body.context.resolve_type(t));
                let direct = self.check_mapping(asked, asked);
                if self.lines.result.is_none() && !self.body.context.types.fits(asked, self.signature.result) {
                    self.body.context.report_mismatch(asked, self.signature.result, span);
                }
                direct
            }
            (Some(_), None) => self.check_mapping(Ty::STRING, Ty::STRING),
        }
    }
}
