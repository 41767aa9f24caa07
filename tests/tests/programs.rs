//! The sample programs check, are formatted stably, and run without their sources when they are built.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cascade_compiler::{FileSources, Severity, compile, format::format};
use cascade_ir::Program;
use cascade_tests::{
    binary::cascadec,
    programs::{programs_below, shown_path},
};

/// The programs of `examples/workflows`, without their tests.
fn workflows() -> Vec<PathBuf> {
    let mut files = programs_below("examples/workflows").unwrap();
    files.retain(|file| !file.ends_with("workflows_test.cascade"));
    files
}

#[test]
fn programs_check_with_known_warnings() {
    let mut said = String::new();
    let files = workflows();
    assert!(files.len() >= 9);
    for file in files {
        let compiled = compile(&file.to_string_lossy(), fs::read_to_string(&file).unwrap().into(), &FileSources);
        let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", shown_path(&file));
        for d in &compiled.diagnostics {
            let (line, _) = compiled.sources.get(d.primary.source).position(d.primary.span.start);
            said.push_str(&format!("{}:{line}: {}: {}\n", shown_path(&file), d.code.as_str(), d.message));
            assert!(matches!(d.code.as_str(), "W0101" | "W0501"), "{said}");
        }
    }
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("warnings_of_the_programs", said);
    });
}

#[test]
fn formatting_is_idempotent_and_keeps_the_program() {
    for folder in ["tests/run", "tests/gauntlet", "examples"] {
        for file in programs_below(folder).unwrap() {
            let text = fs::read_to_string(&file).unwrap();
            let once = format(&text, &cascade_grammar::parse(&text)).expect("it can be read");
            let twice = format(&once, &cascade_grammar::parse(&once)).expect("it can still be read");
            assert_eq!(once, twice, "{}", shown_path(&file));
            // Only the positions differ.
            assert_eq!(without_places(&text, &file), without_places(&once, &file), "{}", shown_path(&file));
        }
    }
}

/// The compiled program without its lines and columns.
fn without_places(text: &str, file: &Path) -> serde_json::Value {
    fn strip(json: &mut serde_json::Value) {
        match json {
            serde_json::Value::Object(map) => {
                map.retain(|key, _| !matches!(key.as_str(), "line" | "column" | "place"));
                map.values_mut().for_each(strip);
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let compiled = compile(&file.to_string_lossy(), text.into(), &FileSources);
    let mut json = serde_json::to_value(compiled.program.expect("it has no error")).unwrap();
    strip(&mut json);
    json
}

#[test]
fn built_programs_round_trip() {
    for folder in ["tests/run", "tests/gauntlet", "examples"] {
        for file in programs_below(folder).unwrap() {
            let compiled = compile(&file.to_string_lossy(), fs::read_to_string(&file).unwrap().into(), &FileSources);
            let program = compiled.program.expect("it has no error");
            let text = serde_json::to_string(&program).unwrap();
            let again: Program = serde_json::from_str(&text).unwrap();
            assert_eq!(again, program, "{}", shown_path(&file));
            assert_eq!(serde_json::to_string(&again).unwrap(), text, "{}", shown_path(&file));
        }
    }
}

fn cascadec_in(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(cascadec().as_ref().unwrap()).args(args).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn built_programs_need_no_sources() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let files = workflows();
    let audit = files.iter().find(|f| f.ends_with("deep_quality_audit.cascade")).unwrap();
    for file in &files {
        // One of them imports another.
        fs::copy(audit, here.join("deep_quality_audit.cascade")).unwrap();
        let compiled = compile(&file.to_string_lossy(), fs::read_to_string(file).unwrap().into(), &FileSources);
        let program = compiled.program.unwrap();
        let cascade = &program.cascades[program.entries[0].index()].name;
        fs::copy(file, here.join("copy.cascade")).unwrap();
        let drawn = cascadec_in(here, &["graph", "copy.cascade", cascade]);
        assert_eq!(cascadec_in(here, &["build", "copy.cascade", "-o", "copy.cir"]).0, Some(0));
        fs::remove_file(here.join("copy.cascade")).unwrap();
        fs::remove_file(here.join("deep_quality_audit.cascade")).unwrap();
        assert_eq!(cascadec_in(here, &["graph", "copy.cir", cascade]), drawn, "{}", shown_path(file));
        assert_eq!(drawn.0, Some(0), "{}", drawn.2);
    }
    let program =
        "import \"./lib.cascade\" { greet }\ncascade main() -> string {\n  stage g = greet(\"you\")\n  return g\n}\n";
    let lib = "skill greet(name: string) -> string {\n  run sh\"echo hello, $<name>\"\n}\n";
    fs::write(here.join("main.cascade"), program).unwrap();
    fs::write(here.join("lib.cascade"), lib).unwrap();
    assert_eq!(cascadec_in(here, &["build", "main.cascade"]).0, Some(0));
    fs::remove_file(here.join("main.cascade")).unwrap();
    fs::remove_file(here.join("lib.cascade")).unwrap();
    let ran = cascadec_in(here, &["run", "-q", "--no-journal", "main.cir"]);
    assert_eq!(ran, (Some(0), "hello, you\n".to_owned(), String::new()));
}
