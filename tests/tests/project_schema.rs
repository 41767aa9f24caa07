//! `docs/cascade.schema.json`, with which editors complete and check `cascade.toml`, is current and agrees with the
//! compiler.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeSet, fs};

use cascade_compiler::{Project, SourceId, project::schema};
use cascade_tests::programs::repository_root;
use serde_json::Value as Json;

fn json(text: &str) -> Json {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

#[test]
fn the_schema_is_current() {
    let path = repository_root().join("docs/cascade.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("CASCADE_WRITE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(known == text, "{} is old: CASCADE_WRITE_DOCS=1 writes it", path.display());
}

/// Each setting once.
const ALL: &str = r#"
[project]
name = "shop"
version = "1.2.0"
description = "Sells things."
edition = 1
entry = "flows/main.cascade"
exclude = ["legacy"]

[check]
baseline = "known.baseline"
levels = { W01 = "deny", W0102 = "allow", w0103 = "warn", warnings = "warn" }

[inputs]
repo = "."
threshold = 80
share = 0.5
quick = true

[run]
ask_above = "0.50usd"
bell = true
notify = ["notify-send", "Cascade"]

[providers.openai_compatible]
base_url = "http://127.0.0.1:8080/v1"
key_command = ["pass", "show", "key"]
headers = { X-Team = "env:TEAM" }
proxy = "none"

[providers.anthropic]
key_env = ["A", "B"]

[models.claude]
id = "claude"
base_url = "https://example.net"
key_env = "KEY"
context = 200_000
max_output = 8_000

[sandbox]
allow_unenforced = ["metadata"]
read = ["/data"]
private_hosts = ["crates.example.net"]
local_ports = [5432]
memory = "512MiB"
"#;

/// The names of settings in a schema: `[project] name`.
fn names(schema: &Json, above: &str, out: &mut BTreeSet<String>) {
    let inner = schema["properties"].as_object().into_iter().flatten().map(|(name, inner)| (name.clone(), inner));
    let any = Some(("*".to_owned(), &schema["additionalProperties"])).filter(|(_, any)| any["properties"].is_object());
    for (name, inner) in inner.chain(any) {
        let path = format!("{above}.{name}");
        match inner["properties"].is_object() || inner["additionalProperties"]["properties"].is_object() {
            true => names(inner, &path, out),
            false => drop(out.insert(path)),
        }
    }
}

#[test]
fn the_compiler_takes_every_setting_of_the_schema() {
    let (_, diagnostics) = Project::parse(ALL, SourceId(0));
    assert_eq!(diagnostics, []);
    let schema = schema();
    jsonschema::validate(&schema, &json(ALL)).unwrap();
    let mut known = BTreeSet::new();
    names(&schema, "", &mut known);
    let used = json(ALL);
    for path in known.iter().filter(|path| !path.starts_with(".check.levels")) {
        let parts: Vec<&str> = path.split('.').skip(1).collect();
        let written = match parts.as_slice() {
            ["providers", _, name] => {
                used["providers"].as_object().unwrap().values().any(|one| one[*name] != Json::Null)
            }
            ["models", _, name] => used["models"]["claude"][*name] != Json::Null,
            parts => parts.iter().fold(&used, |value, part| &value[*part]) != &Json::Null,
        };
        assert!(written, "{path} is not in the example of this test");
    }
}

#[test]
fn what_the_compiler_refuses_the_schema_refuses() {
    let wrong = [
        "[projects]",
        "[project]\nnames = \"a\"",
        "[project]\nname = 1",
        "[project]\nedition = 7",
        "[project]\nentry = \"../a.cascade\"",
        "[project]\nentry = \"/a.cascade\"",
        "[project]\nentry = \"a/..\"",
        "[project]\nexclude = \"legacy\"",
        "[check]\nlevels = { W0102 = \"warning\" }",
        "[check]\nlevels = { E0101 = \"allow\" }",
        "[inputs]\nrepo = [1]",
        "[run]\nask_above = 5",
        "[run]\nask_above = \"5\"",
        "[run]\nbell = \"yes\"",
        "[run]\nnotify = []",
        "[providers.open]\nproxy = \"none\"",
        "[providers.openai]\nbase_url = \"example.net\"",
        "[providers.openai]\nproxy = \"example.net\"",
        "[providers.openai]\nheaders = [\"a\"]",
        "[models.m]\ncontext = 0",
        "[models.m]\nprice = 1",
        "[sandbox]\nmemory = \"4GB\"",
        "[sandbox]\nlocal_ports = [0]",
        "[sandbox]\nlocal_ports = [\"5432\"]",
        "[sandbox]\nmemory = \"4GB\"",
    ];
    let schema = schema();
    for text in wrong {
        assert!(!Project::parse(text, SourceId(0)).1.is_empty(), "the compiler takes {text}");
        assert!(jsonschema::validate(&schema, &json(text)).is_err(), "the schema takes {text}");
    }
}
