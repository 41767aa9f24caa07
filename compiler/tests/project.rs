//! `cascade.toml` and baselines, as text.
#![allow(clippy::unwrap_used)]

use cascade_compiler::{
    Diagnostic, Level, MemorySources, Project, Report, Severity, SourceId, SourceMap, codes, compile,
    project::baseline::{Baseline, FilteredDiagnostics, fingerprint_of},
    render,
};

fn wrong(text: &str) -> String {
    let (_, diagnostics) = Project::parse(text, SourceId(0));
    let mut sources = SourceMap::default();
    sources.add("cascade.toml", text.into());
    render::render(&diagnostics, &sources, render::Format::Short, false)
}

#[test]
fn everything_is_read() {
    let text = r#"
[project]
name = "shop"
version = "1.2.0"
description = "Sells things."
entry = "./flows/main.cascade"
exclude = ["legacy", "*.gen.cascade"]

[check]
baseline = "known.baseline"
levels = { W01 = "deny", W0102 = "allow", warnings = "warn" }
"#;
    let (project, diagnostics) = Project::parse(text, SourceId(0));
    assert_eq!(diagnostics, []);
    assert_eq!(project.name.as_deref(), Some("shop"));
    assert_eq!(project.version.as_deref(), Some("1.2.0"));
    assert_eq!(project.description.as_deref(), Some("Sells things."));
    assert_eq!(project.entry.as_deref(), Some("flows/main.cascade"));
    assert_eq!(project.baseline.as_deref(), Some("known.baseline"));
    assert!(project.excludes("a/legacy/b.cascade") && project.excludes("b.gen.cascade"));
    assert!(!project.excludes("a/b.cascade"));
    // The most exact rule holds.
    assert_eq!(project.levels.level_of(codes::UNUSED), Some(Level::Deny));
    assert_eq!(project.levels.level_of(codes::NAMING), Some(Level::Allow));
    assert_eq!(project.levels.level_of(codes::OVER_BUDGET), Some(Level::Warn));
    assert_eq!(project.levels.level_of(codes::MISMATCH), None);
}

#[test]
fn every_mistake_has_its_place() {
    let text = r#"[project]
nmae = "shop"
version = 2
exclude = ["!a", 3, "b"]
entry = "../x.cascade"

[check.levels]
W9999 = "allow"
W0101 = "denny"
E0301 = "allow"
W0102 = "allow"

[limts]

[run]
ask_above = "5 dollars"
bell = "loud"
notify = "notify-send"

[providers.anthropc]

[providers.openai]
base_url = "gateway.example"
key_env = "A"
key_command = ["pass", "show", "b"]
proxy = "http://me:word@proxy.example:3128"
headers = { "x y" = "1", "x-z" = "ä", "x-team" = "core" }

[providers.openai_compatible]
key_command = "pass"

[models.claude]
id = "claude-next"
context = 0
price = "3usd"
"#;
    assert_eq!(
        wrong(text),
        "\
cascade.toml:2:1: error[E1002]: unknown setting of `[project]`: `nmae`
cascade.toml:3:11: error[E1003]: expected a string
cascade.toml:4:12: error[E1003]: a pattern cannot include again what another one excludes
cascade.toml:4:18: error[E1003]: expected a string
cascade.toml:5:9: error[E1003]: the path must be inside of the project folder
cascade.toml:8:1: error[E1002]: unknown warning: `W9999`
cascade.toml:9:9: error[E1003]: a level must be \"allow\", \"warn\" or \"deny\"
cascade.toml:10:1: error[E1003]: `E0301` is an error, and errors have no level
cascade.toml:13:2: error[E1002]: unknown section: `limts`
cascade.toml:16:13: error[E1003]: `5 dollars` is no amount of money
cascade.toml:17:8: error[E1003]: expected `true` or `false`
cascade.toml:18:10: error[E1003]: `notify` must be a list of texts
cascade.toml:20:12: error[E1002]: unknown provider: `anthropc`
cascade.toml:22:1: error[E1003]: the key of `openai` comes from a command or from the environment
cascade.toml:23:12: error[E1003]: an address begins with `https://` or `http://`
cascade.toml:26:9: error[E1003]: a password must not stand in `cascade.toml`
cascade.toml:27:13: error[E1003]: `x y` is no name of a header
cascade.toml:27:34: error[E1003]: a header has ASCII characters on one line
cascade.toml:29:1: error[E1003]: the settings of `openai_compatible` are for one server, and `base_url` names it
cascade.toml:30:15: error[E1003]: `key_command` must be a list of texts
cascade.toml:34:11: error[E1003]: expected a number of tokens, such as 200_000
cascade.toml:35:1: error[E1002]: unknown setting of `[models.claude]`: `price`
"
    );
    // What can be read holds all the same.
    let (project, diagnostics) = Project::parse(text, SourceId(0));
    assert!(project.excludes("b") && project.levels.level_of(codes::NAMING) == Some(Level::Allow));
    let help = |line: usize| diagnostics[line].help.clone().unwrap_or_default();
    assert_eq!((help(0).as_str(), help(6).as_str()), ("did you mean `name`?", "did you mean \"deny\"?"));
}

#[test]
fn text_that_is_no_toml() {
    for (text, place) in [("[project\nname = 1\n", "1:"), ("[project]\nname = shop\n", "2:"), ("check = 3", "1:9")] {
        let said = wrong(text);
        assert!(said.starts_with(&format!("cascade.toml:{place}")), "{said}");
    }
    assert_eq!(wrong(""), "");
}

fn found(text: &str) -> Report {
    let compiled = compile("a.cascade", text.into(), &MemorySources::default());
    let mut report = Report::default();
    report.add(&compiled.sources, compiled.diagnostics.clone());
    report.sort();
    report
}

fn baseline_of(text: &str) -> Baseline {
    let report = found(text);
    let mut known = Baseline::default();
    known.update(&report.diagnostics, &report.sources, &|name| Some(name.to_owned()), &|_| true);
    known
}

fn filter_known(known: &Baseline, text: &str) -> (Vec<Diagnostic>, FilteredDiagnostics) {
    let mut report = found(text);
    let source = report.source("known", &"".into());
    let mut diagnostics = std::mem::take(&mut report.diagnostics);
    let name = |name: &str| Some(name.to_owned());
    let result = known.filter_known(&mut diagnostics, &report.sources, source, &name, &|_| true);
    (diagnostics, result)
}

const OLD: &str = "cascade main() -> int {\n  let a = 1\n  let b = 2\n  return 3\n}\n";

#[test]
fn what_is_known_is_not_told_wherever_it_moves() {
    let known = baseline_of(OLD);
    assert_eq!(known.len(), 2);
    assert_eq!(Baseline::parse(&known.render()).unwrap().render(), known.render());
    let moved = OLD.replace("cascade main", "// One.\n// Two.\ncascade main").replace("  let b", "      let  b");
    let (left, sifted) = filter_known(&known, &moved);
    assert_eq!((left, sifted.known, sifted.stale), (vec![], 2, vec![]));
}

#[test]
fn what_is_new_is_told_and_what_is_gone_is_stale() {
    let known = Baseline::parse(&baseline_of(OLD).render()).unwrap();
    let (left, sifted) = filter_known(&known, &OLD.replace("let b = 2", "let c = 2"));
    assert_eq!(left.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(), ["`c` is never used"]);
    assert_eq!(sifted.known, 1);
    let stale: Vec<_> = sifted.stale.iter().map(|d| (d.code, d.severity, d.primary.span.start > 0)).collect();
    assert_eq!(stale, [(codes::STALE_BASELINE, Severity::Warning, true)]);
}

#[test]
fn a_mistake_that_is_made_once_more_is_new() {
    let once = "cascade main() -> int {\n  if 1 == 1 {\n    let a = 1\n  }\n  return 3\n}\n";
    let known = baseline_of(once);
    let twice = once.replace("  return", "  if 2 == 2 {\n    let a = 1\n  }\n  return");
    let (left, sifted) = filter_known(&known, &twice);
    assert_eq!((left.len(), sifted.known), (1, 1));
}

#[test]
fn text_that_is_no_baseline() {
    assert_eq!(Baseline::parse("# ok\na\tb\tc\t1\nwrong\n"), Err(3));
    assert_eq!(Baseline::parse("a\tb\tc\tmany\n"), Err(1));
    assert!(Baseline::parse("").unwrap().is_empty());
}

/// Else every baseline would be stale after an update.
#[test]
fn fingerprints_do_not_change_with_versions() {
    let report = found(OLD);
    let all: Vec<String> = report.diagnostics.iter().map(|d| fingerprint_of(d, &report.sources)).collect();
    assert_eq!(all, ["dfb5dcdf8fdb5808", "0daf00c34121cd15"]);
}
