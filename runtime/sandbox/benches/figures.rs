//! What a sandbox costs. `cargo bench -p cascade-sandbox`; the bars are in `docs/figures.md`.
#![allow(clippy::unwrap_used)] // a figure that cannot be taken is no figure

use std::{ffi::OsStr, path::Path, process::Command};

use cascade_sandbox::{Limits, Network, Spec, sandboxed_command, tree};

fn main() {
    divan::main();
}

const HELPER: &str = env!("CARGO_BIN_EXE_cascade-sandbox-helper");

fn spec(folder: &Path, namespaces: bool, network: Network) -> Spec {
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
        network,
        namespaces,
        watched: true,
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
    let spec = spec(folder.path(), namespaces, Network::Off);
    bencher.bench(|| run(&spec, &["true"]));
}

#[divan::bench(args = [true, false], sample_count = 200)]
fn a_command_with_the_network_on_with_namespaces(bencher: divan::Bencher<'_, '_>, namespaces: bool) {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(folder.path(), namespaces, Network::On { supervised: true, local_ports: Vec::new() });
    bencher.bench(|| run(&spec, &["true"]));
}

fn run(spec: &Spec, argv: &[&str]) {
    let status = sandboxed_command(Path::new(HELPER), spec, argv.iter().map(OsStr::new)).unwrap().status().unwrap();
    assert!(status.success());
}

/// A repository with so many files of 1 KiB, one of which is changed.
fn repository(files: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    for index in 0..files {
        let file = repo.join(format!("d{}/e{}/f{index}.txt", index % 50, index / 50 % 20));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, format!("line {index}\n").repeat(90)).unwrap();
    }
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
        assert!(Command::new("git").current_dir(&repo).args(identity).args(args).status().unwrap().success());
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-qm", "first"]);
    std::fs::write(repo.join("d0/e0/f0.txt"), "changed\n").unwrap();
    folder
}

/// Each copy is a new one, and none is removed meanwhile: ext4 is slow to use the numbers of removed files again.
#[divan::bench(args = [1_000, 50_000], sample_count = 4, sample_size = 1)]
fn opening_a_copy(bencher: divan::Bencher<'_, '_>, files: usize) {
    let folder = repository(files);
    let number = std::cell::Cell::new(0);
    bencher.bench_local(|| {
        number.set(number.get() + 1);
        let copy = folder.path().join(format!("copy{}", number.get()));
        drop(tree::open_tree(&folder.path().join("repo"), &copy, None).unwrap());
    });
}

/// Of a folder that was copied before: the copy was kept. The time in which it is put away is not counted.
#[divan::bench(args = [50_000], sample_count = 10, sample_size = 1)]
fn opening_a_copy_again(bencher: divan::Bencher<'_, '_>, files: usize) {
    let folder = repository(files);
    let (repo, spares) = (folder.path().join("repo"), folder.path().join("spares"));
    let open = |copy: &Path| tree::open_tree(&repo, copy, Some(&spares)).unwrap();
    // What was changed a moment ago would be copied again.
    std::thread::sleep(std::time::Duration::from_secs(4));
    let copy = folder.path().join("copy");
    let last = std::cell::RefCell::new(open(&copy));
    bencher
        .with_inputs(|| assert!(last.borrow().keep_as_spare(&spares).unwrap()))
        .bench_local_values(|()| last.replace(open(&copy)));
}

#[divan::bench(args = [1_000, 50_000], sample_count = 20, sample_size = 1)]
fn looking_for_changes(bencher: divan::Bencher<'_, '_>, files: usize) {
    let folder = repository(files);
    let mut tree = tree::open_tree(&folder.path().join("repo"), &folder.path().join("copy"), None).unwrap();
    bencher.bench_local(|| assert_eq!(tree.changes().unwrap(), []));
}
