//! The settings that `cascade.toml` may have: their names, kinds and meanings. The reader takes no other names, its
//! messages list these, and the JSON Schema of the file, which editors complete and check it with, is made of them.

use cascade_ir::limits::SANDBOX_PROMISES;
use serde_json::{Map, Value as Json, json};

use crate::{codes, edition::NEWEST};

/// A section of the file.
pub(super) struct Section {
    /// Its name without brackets.
    pub name: &'static str,
    meaning: &'static str,
    keys: Keys,
}

/// What stands in a section.
enum Keys {
    /// These settings.
    Settings(&'static [Setting]),
    /// Sections of these names, each with these settings.
    Named(&'static [&'static str], &'static [Setting]),
    /// Sections of any name, each with these settings.
    Any(&'static [Setting]),
    /// Any name, with a text, a number, or true or false.
    Values,
}

/// A setting.
pub(super) struct Setting {
    /// Its name.
    pub name: &'static str,
    kind: Kind,
    meaning: &'static str,
}

/// What a setting may be.
enum Kind {
    Text,
    Flag,
    /// A positive number.
    Number,
    /// A list of texts that has one at least.
    Texts,
    /// A list of numbers of ports.
    Ports,
    /// A text, or such a list.
    TextOrTexts,
    /// A list of some of these texts.
    SomeOf(&'static [&'static str]),
    Patterns,
    Edition,
    /// A text of this form, an ECMA regular expression.
    Form(&'static str),
    /// Names with texts.
    Headers,
    /// Codes of warnings with levels.
    Levels,
}

const fn setting(name: &'static str, kind: Kind, meaning: &'static str) -> Setting {
    Setting { name, kind, meaning }
}

const ADDRESS: Kind = Kind::Form("^https?://");
/// A path that does not begin with `/` and has no part `..`.
const INSIDE: Kind = Kind::Form(r"^(?!/)(?!(.*[/\\])?\.\.([/\\]|$)).+$");

pub(super) const PROJECT: &[Setting] = &[
    setting("name", Kind::Text, "The name of the project."),
    setting("version", Kind::Text, "Its version."),
    setting("description", Kind::Text, "What it is for, in one sentence."),
    setting("edition", Kind::Edition, "The edition of the language of its files."),
    setting("entry", INSIDE, "The file that `cascadec run` runs when none is named."),
    setting("exclude", Kind::Patterns, "Files and folders that are not part of it, in the style of `.gitignore`."),
];

pub(super) const CHECK: &[Setting] = &[
    setting("levels", Kind::Levels, "Warnings that are allowed or denied: a code, a family as `W01`, or `warnings`."),
    setting("baseline", INSIDE, "The file with the known diagnostics, which are counted and not reported."),
];

pub(super) const RUN: &[Setting] = &[
    setting(
        "ask_above",
        Kind::Form(r"^[0-9][0-9_]*(\.[0-9]+)?usd$"),
        "A run that may cost more than this is shown and asked for first: `\"5usd\"`.",
    ),
    setting("bell", Kind::Flag, "Whether the terminal rings when a run asks a person."),
    setting("notify", Kind::Texts, "A program with its arguments that is started when a run asks a person."),
];

pub(super) const SANDBOX: &[Setting] = &[
    setting(
        "allow_unenforced",
        Kind::SomeOf(&SANDBOX_PROMISES),
        "Promises of sandboxes that this machine need not be able to hold.",
    ),
    setting("read", Kind::Texts, "Folders and files that commands in sandboxes may read besides the system."),
    setting("private_hosts", Kind::Texts, "Hosts that may have addresses of private networks."),
    setting("local_ports", Kind::Ports, "Ports of this machine that commands with `network on` may reach by TCP."),
    setting(
        "memory",
        Kind::Form("^[0-9]+ *(MiB|GiB)$"),
        "What the processes of a command in a sandbox may use together: `\"512MiB\"`.",
    ),
];

/// The providers of models over HTTP.
pub(super) const PROVIDERS: &[&str] = &["anthropic", "openai", "openai_compatible", "google"];

pub(super) const PROVIDER: &[Setting] = &[
    setting("base_url", ADDRESS, "The address of its API."),
    setting("key_env", Kind::TextOrTexts, "The environment variables that may hold the key."),
    setting("key_command", Kind::Texts, "A program with its arguments that prints the key."),
    setting("headers", Kind::Headers, "Headers of each request; `env:NAME` is the value of a variable."),
    setting(
        "proxy",
        Kind::Form("^(https?://|env:|none$)"),
        "The address of a proxy, `env:NAME` for a variable that has it, or `none`.",
    ),
];

pub(super) const MODEL: &[Setting] = &[
    setting("id", Kind::Text, "The provider's own name of the model."),
    setting("base_url", ADDRESS, "The address of its API."),
    setting("key_env", Kind::Text, "The environment variable that holds its key."),
    setting("context", Kind::Number, "Its context window, in tokens."),
    setting("max_output", Kind::Number, "The most tokens of one answer."),
];

pub(super) const SECTIONS: &[Section] = &[
    Section { name: "project", meaning: "What the project is.", keys: Keys::Settings(PROJECT) },
    Section { name: "check", meaning: "How its files are checked.", keys: Keys::Settings(CHECK) },
    Section { name: "inputs", meaning: "Inputs of cascades that are not given otherwise.", keys: Keys::Values },
    Section { name: "run", meaning: "How its cascades are run.", keys: Keys::Settings(RUN) },
    Section {
        name: "providers",
        meaning: "How providers of models are reached.",
        keys: Keys::Named(PROVIDERS, PROVIDER),
    },
    Section {
        name: "models",
        meaning: "Other settings of models that programs declare or import, by their names.",
        keys: Keys::Any(MODEL),
    },
    Section { name: "sandbox", meaning: "What confines commands on this machine.", keys: Keys::Settings(SANDBOX) },
];

/// The names of settings.
pub(super) fn names(settings: &[Setting]) -> Vec<&'static str> {
    settings.iter().map(|setting| setting.name).collect()
}

/// The JSON Schema of `cascade.toml`, for editors.
pub fn schema() -> Json {
    let sections = SECTIONS.iter().map(|section| (section.name, section.schema()));
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "cascade.toml",
        "description": "The settings of a Cascade project.",
        "type": "object",
        "properties": sections.map(|(name, schema)| (name.to_owned(), schema)).collect::<Map<_, _>>(),
        "additionalProperties": false,
    })
}

fn table(settings: &[Setting]) -> Json {
    let properties: Map<String, Json> =
        settings.iter().map(|setting| (setting.name.to_owned(), setting.schema())).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn described(mut schema: Json, meaning: &str) -> Json {
    if let Json::Object(fields) = &mut schema {
        fields.insert("description".to_owned(), meaning.into());
    }
    schema
}

impl Section {
    fn schema(&self) -> Json {
        let schema = match &self.keys {
            Keys::Settings(settings) => table(settings),
            Keys::Named(names, settings) => {
                let properties: Map<String, Json> =
                    names.iter().map(|name| ((*name).to_owned(), table(settings))).collect();
                json!({ "type": "object", "properties": properties, "additionalProperties": false })
            }
            Keys::Any(settings) => json!({ "type": "object", "additionalProperties": table(settings) }),
            Keys::Values => json!({
                "type": "object",
                "additionalProperties": { "type": ["string", "number", "boolean"] },
            }),
        };
        described(schema, self.meaning)
    }
}

impl Setting {
    fn schema(&self) -> Json {
        let texts = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
        let schema = match self.kind {
            Kind::Text => json!({ "type": "string" }),
            Kind::Flag => json!({ "type": "boolean" }),
            Kind::Number => json!({ "type": "integer", "minimum": 1 }),
            Kind::Texts => texts,
            Kind::TextOrTexts => json!({ "anyOf": [{ "type": "string" }, texts] }),
            Kind::SomeOf(names) => json!({ "type": "array", "items": { "enum": names }, "minItems": 1 }),
            Kind::Patterns => json!({ "type": "array", "items": { "type": "string" } }),
            Kind::Ports => {
                let port = json!({ "type": "integer", "minimum": 1, "maximum": 65_535 });
                json!({ "type": "array", "items": port })
            }
            Kind::Edition => json!({ "enum": [NEWEST, NEWEST.to_string()] }),
            Kind::Form(pattern) => json!({ "type": "string", "pattern": pattern }),
            Kind::Headers => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            Kind::Levels => levels(),
        };
        described(schema, self.meaning)
    }
}

/// Warnings with their levels. Families and other cases of letters are taken, too.
fn levels() -> Json {
    let level = json!({ "enum": ["allow", "warn", "deny"] });
    let warnings = codes::ALL.iter().filter(|(code, _)| code.as_str().starts_with('W'));
    let named = |(code, _): &(codes::Code, &str)| {
        (code.as_str().to_owned(), described(level.clone(), code.explanation().title()))
    };
    let mut known: Map<String, Json> = warnings.map(named).collect();
    known.insert("warnings".to_owned(), described(level.clone(), "All warnings."));
    json!({
        "type": "object",
        "properties": known,
        "patternProperties": { "^[Ww][0-9][0-9]([0-9][0-9])?$": level },
        "additionalProperties": false,
    })
}
