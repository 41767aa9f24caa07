//! Every sample program of the repository reads without an error.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

fn programs() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/workflows");
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cascade"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn the_sample_programs_have_no_errors() {
    let programs = programs();
    assert!(programs.len() >= 9, "the sample programs are missing");
    for path in programs {
        let text = std::fs::read_to_string(&path).unwrap();
        let parse = cascade_grammar::parse(&text);
        assert_eq!(parse.errors, [], "{}", path.display());
        assert!(!parse.file.items.is_empty(), "{}", path.display());
    }
}
