//! What a sandbox costs. `cargo bench -p cascade-sandbox`; the bars are in `docs/figures.md`.
#![allow(clippy::unwrap_used)] // a figure that cannot be taken is no figure

use std::{ffi::OsStr, path::Path, process::Command};

use cascade_sandbox::{Limits, Network, Spec, command};

fn main() {
    divan::main();
}

const HELPER: &str = env!("CARGO_BIN_EXE_cascade-sandbox-helper");

fn spec(folder: &Path, namespaces: bool) -> Spec {
    let folder_of = |name: &str| {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder.canonicalize().unwrap()
    };
    let (work, temporary) = (folder_of("work"), folder_of("tmp"));
    Spec {
        directory: work.clone(),
        writable: vec![work, temporary.clone()],
        readable: Vec::new(),
        hidden: Vec::new(),
        temporary,
        network: Network::Off,
        namespaces,
        limits: Limits::default(),
        report: folder.join("report"),
    }
}

#[divan::bench(sample_count = 200)]
fn a_command_without_a_sandbox(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| assert!(Command::new("true").status().unwrap().success()));
}

#[divan::bench(args = [true, false], sample_count = 200)]
fn a_command_in_a_sandbox_with_namespaces(bencher: divan::Bencher<'_, '_>, namespaces: bool) {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(folder.path(), namespaces);
    bencher.bench(|| {
        let status = command(Path::new(HELPER), &spec, [OsStr::new("true")]).unwrap().status().unwrap();
        assert!(status.success());
    });
}
