//! The renderings of the diagnostics of every program of `ui/` are valid in their formats.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::PathBuf, process::Command};

use cascade_compiler::{FileSources, Report, SourceId, compile, fixes, render};
use cascade_tests::programs::{programs_below, repository_root};
use jsonschema::Validator;
use serde_json::Value as Json;

/// The report of each program of `ui/`.
fn all_reports() -> Vec<(PathBuf, Report)> {
    let files = programs_below("tests/ui").unwrap();
    assert!(files.len() > 70);
    let one = |path: PathBuf| {
        let text = fs::read_to_string(&path).ok()?;
        let compiled = compile(&path.to_string_lossy(), text.into(), &FileSources);
        let mut report = Report::default();
        report.add(&compiled.sources, compiled.diagnostics.clone());
        report.sort();
        Some((path, report))
    };
    files.into_iter().filter_map(one).collect()
}

fn assert_valid(validator: &Validator, value: &Json) {
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).take(5).collect();
    assert!(wrong.is_empty(), "{}\n{value:#}", wrong.join("\n"));
}

#[test]
fn json_lines_are_valid_by_their_schema() {
    let schema: Json =
        serde_json::from_str(&fs::read_to_string(repository_root().join("docs/diagnostic.schema.json")).unwrap())
            .unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let mut lines = 0;
    for (_, report) in all_reports() {
        let text = render::render(&report.diagnostics, &report.sources, render::Format::Json, false);
        for line in text.lines() {
            assert_valid(&validator, &serde_json::from_str(line).unwrap());
            lines += 1;
        }
    }
    assert!(lines > 100);
    assert!(!validator.is_valid(&serde_json::json!({ "code": "E0101" })));
}

/// The schema of the standard, as the crate `serde-sarif` carries it.
fn sarif_schema() -> Json {
    let version = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    // Packages of other platforms may not be downloaded.
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--format-version", "1", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let all: Json = serde_json::from_slice(&output.stdout).unwrap();
    let package = all["packages"].as_array().unwrap().iter().find(|p| p["name"] == "serde-sarif").unwrap();
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
    let text = fs::read_to_string(manifest.with_file_name("src").join("schema.json")).unwrap();
    let mut schema: Json = serde_json::from_str(&text).unwrap();
    // The pattern for languages is not a valid regular expression; our logs name no language.
    for definition in ["run", "toolComponent"] {
        let language = schema["definitions"][definition]["properties"]["language"].as_object_mut();
        assert!(language.unwrap().remove("pattern").is_some());
    }
    schema
}

#[test]
fn sarif_is_valid() {
    let schema = sarif_schema();
    assert_eq!(schema["properties"]["version"]["enum"][0], "2.1.0", "not the schema of SARIF 2.1.0");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let mut results = 0;
    let mut whole = Report::default();
    for (_, report) in all_reports() {
        let text = render::render(&report.diagnostics, &report.sources, render::Format::Sarif, false);
        let log: Json = serde_json::from_str(&text).unwrap();
        assert_valid(&validator, &log);
        // The log is read with the types of the standard.
        let typed: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
        let run = &typed.runs[0];
        let rules = run.tool.driver.rules.as_ref().map_or(&[][..], Vec::as_slice);
        for result in run.results.iter().flatten() {
            let rule = &rules[usize::try_from(result.rule_index.unwrap()).unwrap()];
            assert_eq!(Some(&rule.id), result.rule_id.as_ref());
            assert!(rule.help.is_some() && rule.short_description.is_some());
            results += 1;
        }
        whole.add(&report.sources, report.diagnostics);
    }
    assert!(results > 100);
    whole.sort();
    for diagnostics in [&whole.diagnostics[..], &[]] {
        let text = render::render(diagnostics, &whole.sources, render::Format::Sarif, false);
        assert_valid(&validator, &serde_json::from_str(&text).unwrap());
    }
    let mut wrong: Json =
        serde_json::from_str(&render::render(&[], &whole.sources, render::Format::Sarif, false)).unwrap();
    wrong["runs"][0]["results"] = serde_json::json!([{ "level": "awful" }]);
    assert!(!validator.is_valid(&wrong));
}

/// `short` and `github` have one line for each diagnostic.
#[test]
fn short_and_github_have_one_line_for_each_diagnostic() {
    for (path, report) in all_reports() {
        for format in [render::Format::Short, render::Format::Github, render::Format::Json] {
            let text = render::render(&report.diagnostics, &report.sources, format, false);
            assert_eq!(text.lines().count(), report.diagnostics.len(), "{}", path.display());
        }
    }
}

/// Applying safe fixes adds no error, and ends.
#[test]
fn safe_fixes_remove_their_diagnostics() {
    let mut mended = 0;
    for (path, report) in all_reports() {
        let Some((id, source)) = report.sources.iter().find(|(_, s)| s.name == path.to_string_lossy()) else {
            continue;
        };
        let mut text = source.text.to_string();
        let mut diagnostics = report.diagnostics.clone();
        let mut id: SourceId = id;
        for round in 0.. {
            assert!(round < 5, "{} does not settle", path.display());
            let Some(change) = fixes::apply_fixes(&text, id, &diagnostics) else { break };
            let errors = |text: &str| cascade_grammar::parse(text).errors.len();
            assert!(errors(&change.text) <= errors(&text), "{}:\n{}", path.display(), change.text);
            mended += change.count;
            text = change.text;
            let compiled = compile(&path.to_string_lossy(), text.as_str().into(), &FileSources);
            id = compiled.sources.iter().find(|(_, s)| s.name == path.to_string_lossy()).unwrap().0;
            diagnostics = compiled.diagnostics.clone();
        }
    }
    assert!(mended >= 5, "only {mended} mistakes were mended");
}
