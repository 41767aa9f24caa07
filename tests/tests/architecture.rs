//! The arrows of the architecture, as cargo sees them.

#![allow(clippy::unwrap_used)] // a test says what went wrong by failing

use std::process::Command;

fn dependencies(package: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "-p", package, "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<String> = text
        .lines()
        .filter_map(|l| l.split_whitespace().next())
        .filter(|n| n.starts_with("cascade") && *n != package)
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn arrows_run_one_way() {
    assert_eq!(dependencies("cascade-grammar"), [""; 0]);
    assert_eq!(dependencies("cascade-ir"), [""; 0]);
    assert_eq!(dependencies("cascade-stdlib"), [""; 0]);
    assert_eq!(dependencies("cascade-runtime"), ["cascade-ir"]);
    assert_eq!(dependencies("cascade-compiler"), ["cascade-grammar", "cascade-ir", "cascade-stdlib"]);
}
