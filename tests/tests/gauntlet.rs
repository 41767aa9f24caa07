//! Real workflows, written from the documentation alone: they check, are formatted, and their tests pass in whatever
//! order their mocks answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, process::Command};

use cascade_compiler::{FileSources, compile, format::format};
use cascade_tests::{
    binary::cascadec,
    programs::{programs_below, repository_root, shown_path},
};

#[test]
fn workflows_check_with_known_warnings() {
    let files = programs_below("tests/gauntlet").unwrap();
    assert!(files.len() >= 20, "only {} workflows were found", files.len());
    let mut said = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = shown_path(&file);
        assert!(text.starts_with("//! "), "{name} does not say what it is");
        assert_eq!(format(&text, &cascade_grammar::parse(&text)).as_ref(), Some(&text), "{name} is not formatted");
        let compiled = compile(&file.to_string_lossy(), text.into(), &FileSources);
        for d in &compiled.diagnostics {
            let (line, _) = compiled.sources.get(d.primary.source).position(d.primary.span.start);
            said.push_str(&format!("{name}:{line}: {}: {}\n", d.code.as_str(), d.message));
        }
    }
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("warnings_of_the_gauntlet", said);
    });
}

#[test]
fn tests_of_workflows_pass_in_any_order() {
    let arguments = ["test", "tests/gauntlet", "--times", "20", "--format", "json"];
    let output =
        Command::new(cascadec().as_ref().unwrap()).args(arguments).current_dir(repository_root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for file in programs_below("tests/gauntlet").unwrap() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(said.contains(&format!("{name}\",\"name\"")), "{name} has no test");
    }
}
