//! Parses `cascade.toml`. Every key and value keeps its span, so that a mistake is reported at its
//! place.

use std::ops::Range;

use cascade_grammar::ast::{ConstDecl, Expr, ExprKind, ItemKind, Span};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use cascade_ir::limits::SANDBOX_PROMISES;

use super::{
    Level, Pattern, Project, Rule,
    settings::{self, Setting},
};
use crate::{
    codes,
    diagnostic::{self, Diagnostic},
    edition::unknown_edition,
    source::SourceId,
    suggest,
};

pub(super) fn read_project(text: &str, source: SourceId) -> (Project, Vec<Diagnostic>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { source, diagnostics: Vec::new() };
    for error in &errors {
        let at = span_of(error.span().unwrap_or(text.len()..text.len()));
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        reader.diagnostics.push(
            Diagnostic::new(codes::PROJECT_SYNTAX, source, at, format!("invalid TOML: {message}"))
                .label("here")
                .help("`cascade.toml` has lines `name = \"value\"` below headers `[section]`"),
        );
    }
    let project = reader.read_top(table.get_ref());
    let mut diagnostics = reader.diagnostics;
    diagnostic::sort_diagnostics(&mut diagnostics);
    (project, diagnostics)
}

fn span_of(range: Range<usize>) -> Span {
    Span::new(range.start, range.end)
}

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

pub(super) struct Reader {
    source: SourceId,
    diagnostics: Vec<Diagnostic>,
}

impl Reader {
    fn read_top(&mut self, table: &DeTable<'_>) -> Project {
        let mut project = Project::default();
        for (key, value) in table {
            match &**key.get_ref() {
                "project" => self.project(value, &mut project),
                "check" => self.check(value, &mut project),
                "inputs" => self.inputs(value, &mut project),
                "run" => self.run(value, &mut project),
                "providers" => self.providers(value, &mut project),
                "models" => self.models(value, &mut project),
                "sandbox" => self.sandbox(value, &mut project),
                other => {
                    let known: Vec<&str> = settings::SECTIONS.iter().map(|section| section.name).collect();
                    self.report_unknown("section", other, key.span(), &known);
                }
            }
        }
        project
    }

    fn project(&mut self, value: &Value<'_>, project: &mut Project) {
        for (name, value) in self.settings(value, "[project]", settings::PROJECT).unwrap_or_default() {
            match name {
                "name" => project.name = self.text(value),
                "version" => project.version = self.text(value),
                "description" => project.description = self.text(value),
                "entry" => project.entry = self.path_in_project(value),
                "exclude" => project.exclude = self.patterns(value),
                "edition" => project.edition = self.edition(value),
                _ => {}
            }
        }
    }

    fn edition(&mut self, value: &Value<'_>) -> Option<u32> {
        let text = match value.get_ref() {
            DeValue::Integer(number) => number.to_string(),
            _ => self.text(value)?,
        };
        match unknown_edition(&text) {
            None => text.parse().ok(),
            Some(message) => {
                let d = self.value_error(value, message).label("not an edition that it knows");
                self.diagnostics.push(d);
                None
            }
        }
    }

    fn inputs(&mut self, value: &Value<'_>, project: &mut Project) {
        let Some(table) = self.table(value, "[inputs]") else { return };
        for (key, value) in table {
            let text = match value.get_ref() {
                DeValue::Boolean(value) => Some(value.to_string()),
                DeValue::Integer(number) => Some(number.to_string()),
                DeValue::Float(number) => Some(number.to_string()),
                _ => self.text(value),
            };
            project.inputs.extend(text.map(|text| (key.get_ref().to_string(), text)));
        }
    }

    fn run(&mut self, value: &Value<'_>, project: &mut Project) {
        for (name, value) in self.settings(value, "[run]", settings::RUN).unwrap_or_default() {
            match name {
                "ask_above" => project.ask_above = self.money(value),
                "bell" => project.bell = self.flag(value),
                "notify" => project.notify = self.texts(value, "notify", "[\"notify-send\", \"Cascade\"]"),
                _ => {}
            }
        }
    }

    fn flag(&mut self, value: &Value<'_>) -> bool {
        match value.get_ref() {
            DeValue::Boolean(value) => *value,
            _ => {
                let d = self.value_error(value, "expected `true` or `false`").label("neither of them");
                self.diagnostics.push(d);
                false
            }
        }
    }

    fn sandbox(&mut self, value: &Value<'_>, project: &mut Project) {
        for (name, value) in self.settings(value, "[sandbox]", settings::SANDBOX).unwrap_or_default() {
            match name {
                "allow_unenforced" => project.allow_unenforced = self.promises(value),
                "read" => project.sandbox_reads = self.texts(value, "read", "[\"/data\"]"),
                "private_hosts" => {
                    project.private_hosts = self.texts(value, "private_hosts", "[\"crates.example.net\"]")
                }
                "local_ports" => project.local_ports = self.ports(value),
                "memory" => project.sandbox_memory = self.size(value),
                _ => {}
            }
        }
    }

    /// Numbers of ports.
    fn ports(&mut self, value: &Value<'_>) -> Vec<u16> {
        let parse = |item: &Value<'_>| match item.get_ref() {
            DeValue::Integer(number) => number.to_string().parse::<u16>().ok().filter(|port| *port > 0),
            _ => None,
        };
        let ports = match value.get_ref() {
            DeValue::Array(items) => items.iter().map(parse).collect::<Option<Vec<u16>>>(),
            _ => None,
        };
        ports.unwrap_or_else(|| {
            let d = self.value_error(value, "expected a list of ports").label("such as `[5432, 6379]`");
            self.diagnostics.push(d);
            Vec::new()
        })
    }

    /// Names of promises of a sandbox.
    fn promises(&mut self, value: &Value<'_>) -> Vec<String> {
        let names = self.texts(value, "allow_unenforced", "[\"metadata\"]");
        for name in names.iter().filter(|name| !SANDBOX_PROMISES.contains(&name.as_str())) {
            let message = format!("a sandbox promises nothing of the name `{name}`");
            let label = format!("one of `{}`", SANDBOX_PROMISES.join("`, `"));
            let d = self.value_error(value, message).label(label);
            self.diagnostics.push(d);
        }
        names
    }

    /// A size: `"512MiB"`, `"4GiB"`.
    fn size(&mut self, value: &Value<'_>) -> Option<u64> {
        let text = self.text(value)?;
        let unit = |end: &str, bytes: u64| text.strip_suffix(end)?.trim().parse::<u64>().ok()?.checked_mul(bytes);
        let size = unit("MiB", 1 << 20).or_else(|| unit("GiB", 1 << 30)).filter(|size| *size > 0);
        if size.is_none() {
            let d = self.value_error(value, format!("`{text}` is no size")).label("such as `\"512MiB\"` or `\"4GiB\"`");
            self.diagnostics.push(d);
        }
        size
    }

    /// An amount of money as a program writes it: `"5usd"`.
    fn money(&mut self, value: &Value<'_>) -> Option<i64> {
        let text = self.text(value)?;
        let parsed = cascade_grammar::parse(&format!("let amount = {text}"));
        let amount = match parsed.file.items.as_slice() {
            [item] => match &item.kind {
                ItemKind::Const(ConstDecl { value: Expr { kind: ExprKind::Money(micro), .. }, .. }) => Some(*micro),
                _ => None,
            },
            _ => None,
        };
        let amount = amount.filter(|_| parsed.errors.is_empty());
        if amount.is_none() {
            let message = format!("`{text}` is no amount of money");
            let d = self.value_error(value, message).label("such as `\"5usd\"` or `\"0.50usd\"`");
            self.diagnostics.push(d);
        }
        amount
    }

    fn check(&mut self, value: &Value<'_>, project: &mut Project) {
        for (name, value) in self.settings(value, "[check]", settings::CHECK).unwrap_or_default() {
            match name {
                "levels" => self.levels(value, project),
                "baseline" => project.baseline = self.path_in_project(value),
                _ => {}
            }
        }
    }

    fn levels(&mut self, value: &Value<'_>, project: &mut Project) {
        let Some(table) = self.table(value, "[check.levels]") else { return };
        for (key, value) in table {
            let code = key.get_ref();
            let rule = Rule::parse(code);
            let level = match value.get_ref().as_str() {
                Some("allow") => Some(Level::Allow),
                Some("warn") => Some(Level::Warn),
                Some("deny") => Some(Level::Deny),
                _ => {
                    let near =
                        value.get_ref().as_str().and_then(|t| suggest::closest_name(t, ["allow", "warn", "deny"]));
                    let d =
                        self.value_error(value, "a level must be \"allow\", \"warn\" or \"deny\"").label("not a level");
                    let d = match near {
                        Some(near) => d.help(format!("did you mean \"{near}\"?")).fix(
                            format!("change to \"{near}\""),
                            span_of(value.span()),
                            format!("\"{near}\""),
                        ),
                        None => d,
                    };
                    self.diagnostics.push(d);
                    None
                }
            };
            match (rule, level) {
                (Ok(rule), Some(level)) => project.levels.set(rule, level),
                (Ok(_), None) => {}
                (Err(_), _) if codes::Code::find(code).is_some() || code.starts_with(['e', 'E']) && code.len() == 3 => {
                    let d = Diagnostic::new(
                        codes::PROJECT_VALUE,
                        self.source,
                        span_of(key.span()),
                        format!("`{code}` is an error, and errors have no level"),
                    )
                    .label("begins with `E`")
                    .help("only warnings, `W…`, can be allowed or denied");
                    self.diagnostics.push(d);
                }
                (Err(_), _) => {
                    let known: Vec<&str> = codes::ALL
                        .iter()
                        .map(|(code, _)| code.as_str())
                        .filter(|code| code.starts_with('W'))
                        .chain(["warnings"])
                        .collect();
                    self.report_unknown("warning", code, key.span(), &known);
                }
            }
        }
    }

    fn patterns(&mut self, value: &Value<'_>) -> Vec<Pattern> {
        let Some(items) = value.get_ref().as_array() else {
            let d = self.value_error(value, "`exclude` must be a list of patterns").label(describe_kind(value));
            self.diagnostics.push(d.help("write `exclude = [\"legacy\", \"*.gen.cascade\"]`"));
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items.iter() {
            let Some(text) = self.text(item) else { continue };
            match Pattern::parse(&text) {
                Ok(pattern) => out.push(pattern),
                Err(why) => {
                    let d = self.value_error(item, why).label("no pattern");
                    self.diagnostics.push(d);
                }
            }
        }
        out
    }

    /// A path within the project.
    fn path_in_project(&mut self, value: &Value<'_>) -> Option<String> {
        let text = self.text(value)?;
        if text.is_empty() || text.starts_with('/') || text.split(['/', '\\']).any(|part| part == "..") {
            let d = self
                .value_error(value, "the path must be inside of the project folder")
                .label("outside of the project");
            self.diagnostics.push(d.help("write a path such as \"flows/main.cascade\""));
            return None;
        }
        Some(text.strip_prefix("./").unwrap_or(&text).to_owned())
    }

    pub(super) fn text(&mut self, value: &Value<'_>) -> Option<String> {
        match value.get_ref().as_str() {
            Some(text) => Some(text.to_owned()),
            None => {
                let d = self.value_error(value, "expected a string").label(describe_kind(value));
                self.diagnostics.push(d.help("write the string in double quotes"));
                None
            }
        }
    }

    pub(super) fn table<'v, 't>(&mut self, value: &'v Value<'t>, what: &str) -> Option<&'v DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let d = self.value_error(value, format!("`{what}` must be a section")).label(describe_kind(value));
            self.diagnostics.push(d.help(format!("write `{what}` on a line of its own, followed by its settings")));
        }
        table
    }

    /// The settings of a section, of which those that it cannot have are reported and left out; `None` if it is none.
    pub(super) fn settings<'v, 't>(
        &mut self,
        value: &'v Value<'t>,
        section: &str,
        known: &[Setting],
    ) -> Option<Vec<(&'v str, &'v Value<'t>)>> {
        let mut found = Vec::new();
        for (key, value) in self.table(value, section)? {
            let name = &**key.get_ref();
            if known.iter().any(|setting| setting.name == name) {
                found.push((name, value));
            } else {
                self.report_unknown(&format!("setting of `{section}`"), name, key.span(), &settings::names(known));
            }
        }
        Some(found)
    }

    pub(super) fn value_error(&self, value: &Value<'_>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(codes::PROJECT_VALUE, self.source, span_of(value.span()), message)
    }

    /// Reports a key that cannot stand where it stands.
    pub(super) fn report_bad_key(&mut self, at: Range<usize>, message: String) {
        self.push(Diagnostic::new(codes::PROJECT_VALUE, self.source, span_of(at), message).label("here"));
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn report_unknown(&mut self, what: &str, name: &str, at: Range<usize>, known: &[&str]) {
        let at = span_of(at);
        let d = Diagnostic::new(codes::PROJECT_KEY, self.source, at, format!("unknown {what}: `{name}`"))
            .label("not known");
        self.diagnostics.push(match suggest::closest_name(name, known.iter().copied()) {
            Some(near) => d.help(format!("did you mean `{near}`?")).fix(format!("change to `{near}`"), at, near),
            None => {
                let all: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
                d.help(format!("valid names are {}", all.join(", ")))
            }
        });
    }
}

pub(super) fn describe_kind(value: &Value<'_>) -> String {
    match value.get_ref() {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
    .to_owned()
}
