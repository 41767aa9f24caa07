//! The arrows of the architecture, as cargo sees them.

#![allow(clippy::unwrap_used)] // a test says what went wrong by failing

use std::process::Command;

/// Every crate that a package is built from, itself left out.
fn all_dependencies(package: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "-p", package, "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<String> =
        text.lines().filter_map(|l| l.split_whitespace().next()).filter(|n| *n != package).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

/// The crates of this project among them.
fn dependencies(package: &str) -> Vec<String> {
    all_dependencies(package).into_iter().filter(|name| name.starts_with("cascade")).collect()
}

#[test]
fn arrows_run_one_way() {
    assert_eq!(dependencies("cascade-grammar"), [""; 0]);
    assert_eq!(dependencies("cascade-ir"), [""; 0]);
    assert_eq!(dependencies("cascade-stdlib"), [""; 0]);
    assert_eq!(dependencies("cascade-machine"), ["cascade-ir"]);
    assert_eq!(dependencies("cascade-runtime"), ["cascade-ir", "cascade-machine"]);
    assert_eq!(dependencies("cascade-compiler"), ["cascade-grammar", "cascade-ir", "cascade-stdlib"]);
}

/// What the interpreter must not be able to reach: other threads' work, databases, the network,
/// clocks, files, random numbers.
const IMPURE: &[&str] = &[
    "async-std",
    "chrono",
    "fastrand",
    "getrandom",
    "glob",
    "globset",
    "hyper",
    "ignore",
    "jiff",
    "libsqlite3-sys",
    "memmap2",
    "mio",
    "notify",
    "num_cpus",
    "quanta",
    "rand",
    "rand_core",
    "rayon",
    "redb",
    "reqwest",
    "ring",
    "rusqlite",
    "rustix",
    "rustls",
    "sled",
    "socket2",
    "tempfile",
    "time",
    "tokio",
    "tower",
    "tracing",
    "ureq",
    "uuid",
    "walkdir",
    "web-time",
];

#[test]
fn the_machine_is_built_from_nothing_impure() {
    let found: Vec<String> =
        all_dependencies("cascade-machine").into_iter().filter(|name| IMPURE.contains(&name.as_str())).collect();
    assert_eq!(found, [""; 0]);
    // The list names crates as cargo does: the runtime around the machine needs some of them.
    let runtime = all_dependencies("cascade-runtime");
    for name in ["tokio", "rusqlite", "reqwest"] {
        assert!(IMPURE.contains(&name) && runtime.iter().any(|known| known == name), "{name}");
    }
}

/// The lints that keep the interpreter pure name every door that the standard library has.
#[test]
fn lints_forbid_the_machine_to_touch_the_world() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/machine");
    let lints = std::fs::read_to_string(format!("{folder}/clippy.toml")).unwrap();
    for path in [
        "std::time::Instant::now",
        "std::time::SystemTime::now",
        "std::fs::read",
        "std::fs::File",
        "std::env::var",
        "std::process::Command",
        "std::net::TcpStream",
        "std::thread::spawn",
        "std::hash::RandomState",
    ] {
        assert!(lints.contains(&format!("\"{path}\"")), "{path}");
    }
    let lib = std::fs::read_to_string(format!("{folder}/src/lib.rs")).unwrap();
    for lint in ["disallowed_methods", "disallowed_types", "iter_over_hash_type"] {
        assert!(lib.contains(&format!("clippy::{lint}")), "{lint}");
    }
}
