//! Ten mistakes in realistic programs: each is one error of the check, and nothing is started.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use cascade_compiler::{FileSources, Severity, compile};
use cascade_tests::{
    binary::cascadec,
    programs::{programs_below, repository_root},
};

const SEEDED: &[(&str, &str)] = &[
    ("01_misspelt_stage", "E0201"),
    ("02_misspelt_field", "E0202"),
    ("03_wrong_type", "E0301"),
    ("04_unreachable_stage", "E0402"),
    ("05_unbounded_loop", "E0801"),
    ("06_missing_branch", "E0401"),
    ("07_maybe_unset", "E0403"),
    ("08_misspelt_enum_value", "E0204"),
    ("09_two_parallel_writers", "E0701"),
    ("10_text_chooses_program", "E0601"),
];

#[test]
fn each_mistake_is_one_error() {
    let files = programs_below("tests/ui/seeded").unwrap();
    let names: Vec<_> = files.iter().map(|f| f.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, SEEDED.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (file, (name, code)) in files.iter().zip(SEEDED) {
        let text = fs::read_to_string(file).unwrap();
        assert!((20..=45).contains(&text.lines().count()), "{name} is no realistic program");
        let compiled = compile(&file.to_string_lossy(), text.into(), &FileSources);
        let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
        let found: Vec<_> = errors.iter().map(|d| (d.code.as_str(), &d.message)).collect();
        assert!(matches!(found.as_slice(), [(c, _)] if c == code), "{name}: {found:?}");
        assert!(compiled.program.is_none());
    }
}

/// The programs call `ruff`, `make`, `./probe` …; here each of these would leave a file behind.
#[test]
fn nothing_is_started() {
    let cascadec = cascadec().as_ref().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let traps = folder.path().join("bin");
    fs::create_dir(&traps).unwrap();
    for program in ["sh", "bash", "ruff", "pytest", "du", "make", "ls", "curl"] {
        write_trap(&traps.join(program));
    }
    for file in programs_below("tests/ui/seeded").unwrap() {
        let output = Command::new(cascadec)
            .args(["run", &file.to_string_lossy()])
            .env("PATH", &traps)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", file.display());
        assert!(output.stdout.is_empty());
        let said = String::from_utf8(output.stderr).unwrap();
        let at = format!("{}:", file.strip_prefix(repository_root()).unwrap().display());
        assert!(said.contains(at.as_str()) && said.contains("1 error"), "{said}");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["bin"], "{} left something behind", file.display());
    }
}

fn write_trap(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, "#!/bin/sh\n: > \"$PWD/started\"\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
