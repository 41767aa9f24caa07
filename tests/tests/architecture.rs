//! The dependencies between crates, by cargo's metadata, and between modules of the compiler, by their `use`s.

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
fn dependencies_of_crates_are_acyclic() {
    assert_eq!(dependencies("cascade-grammar"), [""; 0]);
    assert_eq!(dependencies("cascade-ir"), [""; 0]);
    assert_eq!(dependencies("cascade-shell"), [""; 0]);
    assert_eq!(dependencies("cascade-stdlib"), [""; 0]);
    assert_eq!(dependencies("cascade-machine"), ["cascade-ir"]);
    assert_eq!(dependencies("cascade-sandbox"), [""; 0]);
    assert_eq!(dependencies("cascade-runtime"), ["cascade-ir", "cascade-machine", "cascade-sandbox"]);
    assert_eq!(dependencies("cascade-compiler"), ["cascade-grammar", "cascade-ir", "cascade-shell", "cascade-stdlib"]);
}

/// Crates that the interpreter must not depend on: async runtimes, databases, network, clocks, files, random numbers.
const IMPURE: &[&str] = &[
    "async-std",
    "chrono",
    "fastrand",
    "getrandom",
    "glob",
    "globset",
    "hyper",
    "ignore",
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
fn the_machine_has_no_impure_dependency() {
    let found: Vec<String> =
        all_dependencies("cascade-machine").into_iter().filter(|name| IMPURE.contains(&name.as_str())).collect();
    assert_eq!(found, [""; 0]);
    // The zones of `jiff` are bundled, and clippy forbids its clock and the zones of the system.
    assert!(all_dependencies("cascade-machine").iter().any(|name| name == "jiff"));
    let lints = std::fs::read_to_string("../runtime/machine/clippy.toml").unwrap();
    for method in ["jiff::Timestamp::now", "jiff::Zoned::now", "jiff::tz::TimeZone::system"] {
        assert!(lints.contains(method), "{method}");
    }
    // The list names crates as cargo does: the runtime around the machine needs some of them.
    let runtime = all_dependencies("cascade-runtime");
    for name in ["tokio", "rusqlite", "reqwest"] {
        assert!(IMPURE.contains(&name) && runtime.iter().any(|known| known == name), "{name}");
    }
}

/// The lints of the interpreter forbid every function of the standard library with a side effect.
#[test]
fn lints_forbid_side_effects_in_the_machine() {
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

/// The modules of the compiler (files or folders of `compiler/src`), the lowest first, each with the modules
/// that it may use. A module only uses those listed before it.
const ROOMS: &[(&str, &[&str])] = &[
    ("codes", &[]),
    ("depth_first", &[]),
    ("edition", &[]),
    ("format", &[]),
    ("graph", &[]),
    ("source", &[]),
    ("types", &[]),
    ("walk", &[]),
    ("builtins", &["types"]),
    ("diagnostic", &["codes", "source"]),
    ("docgen", &["codes", "graph", "source"]),
    ("flow", &["source"]),
    ("index", &["types"]),
    ("callees", &["flow", "index", "source"]),
    ("cost", &["codes", "diagnostic", "source"]),
    ("findings", &["diagnostic", "index"]),
    ("fixes", &["diagnostic", "source"]),
    ("report", &["diagnostic", "source"]),
    ("scope", &["flow", "index", "types"]),
    ("suggest", &["diagnostic"]),
    ("syntax", &["codes", "diagnostic", "source"]),
    ("skill_file", &["codes", "diagnostic", "source"]),
    ("module", &["codes", "depth_first", "diagnostic", "skill_file", "source", "suggest", "syntax"]),
    ("project", &["codes", "diagnostic", "edition", "source", "suggest"]),
    ("followups", &["codes", "diagnostic", "module", "source"]),
    ("render", &["codes", "diagnostic", "project", "source"]),
    ("world", &["codes", "diagnostic", "index", "module", "source", "types"]),
    (
        "checks",
        &[
            "builtins",
            "callees",
            "codes",
            "diagnostic",
            "edition",
            "findings",
            "fixes",
            "flow",
            "module",
            "scope",
            "source",
            "suggest",
            "types",
            "walk",
            "world",
        ],
    ),
    ("program", &["depth_first", "types", "world"]),
    (
        "declare",
        &[
            "builtins",
            "checks",
            "codes",
            "depth_first",
            "diagnostic",
            "findings",
            "index",
            "module",
            "suggest",
            "types",
            "walk",
            "world",
        ],
    ),
    (
        "body",
        &[
            "builtins",
            "callees",
            "checks",
            "codes",
            "cost",
            "declare",
            "depth_first",
            "diagnostic",
            "findings",
            "flow",
            "index",
            "scope",
            "source",
            "suggest",
            "types",
            "walk",
            "world",
        ],
    ),
    (
        "analyze",
        &[
            "body",
            "callees",
            "checks",
            "codes",
            "cost",
            "declare",
            "depth_first",
            "diagnostic",
            "findings",
            "index",
            "module",
            "program",
            "types",
            "walk",
            "world",
        ],
    ),
    ("compile", &["analyze", "checks", "diagnostic", "followups", "index", "module", "source", "types", "world"]),
    (
        "ide",
        &[
            "analyze",
            "body",
            "builtins",
            "checks",
            "codes",
            "compile",
            "cost",
            "declare",
            "diagnostic",
            "format",
            "index",
            "source",
            "types",
            "walk",
            "world",
        ],
    ),
    ("import", &["codes", "compile", "format", "source"]),
];

/// The names that follow `crate::` in a text, those in braces (`crate::{a, b::C}`) one by one.
fn names_after_crate(text: &str) -> Vec<String> {
    let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = Vec::new();
    for (at, path) in text.match_indices("crate::") {
        let rest = &text[at + path.len()..];
        // `pub(crate)` and `$crate::` do not match or mean the same; `cascade_ir::` is no `crate::`.
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let Some(list) = rest.strip_prefix('{') else {
            names.push(word(rest));
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (i, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && !c.is_whitespace() => {
                    names.push(word(&list[i..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn names_after_crate_are_found() {
    let text = "use crate::{\n    codes::{self, Code},\n    types::Ty,\n};\nuse crate::flow;\nlet d: crate::source::X = my_crate::y();";
    assert_eq!(names_after_crate(text), ["codes", "types", "flow", "source"]);
}

/// Every Rust file below a folder.
fn rust_files(folder: &std::path::Path, out: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn modules_of_the_compiler_have_no_cycles() {
    use std::collections::{BTreeMap, BTreeSet};

    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../compiler/src"));
    let mut files = Vec::new();
    rust_files(root, &mut files);
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap().iter().next().unwrap().to_string_lossy().into_owned();
        let name = name.trim_end_matches(".rs");
        if name == "lib" {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        // Unit tests may use all of the crate.
        let text = text.split("#[cfg(test)]").next().unwrap();
        let code: String =
            text.lines().filter(|l| !l.trim_start().starts_with("//")).map(|l| format!("{l}\n")).collect();
        let room = used.entry(name.to_owned()).or_default();
        room.extend(names_after_crate(&code));
        room.remove(name);
    }
    // The table has every room, and each may use only rooms before it.
    let rooms: Vec<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    assert_eq!(used.keys().map(String::as_str).collect::<BTreeSet<_>>(), rooms.iter().copied().collect());
    for (position, (room, may_use)) in ROOMS.iter().enumerate() {
        for other in *may_use {
            assert!(rooms[..position].contains(other), "{room} may not use {other}, which does not stand before it");
        }
        let allowed: BTreeSet<&str> = may_use.iter().copied().collect();
        let found: BTreeSet<&str> = used[*room].iter().map(String::as_str).collect();
        assert_eq!(found, allowed, "what {room} uses");
    }
}
