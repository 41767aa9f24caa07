//! A real repository with all that makes one dirty.
#![allow(dead_code)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use cascade_sandbox::tree::{self, Change, Tree};
use tempfile::TempDir;

pub fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A repository with a commit, and on top of it everything that makes one dirty.
pub struct World {
    pub folder: TempDir,
    pub repo: PathBuf,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repo = folder.path().canonicalize().unwrap().join("repo");
        for (name, text) in [
            ("src/a.txt", "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"),
            ("src/b.txt", "b\n"),
            ("gone.txt", "gone\n"),
            ("crlf.txt", "x\r\ny\r\n"),
            (".gitignore", "*.log\nbuild/\n"),
            ("run.sh", "#!/bin/sh\n"),
        ] {
            write(&repo.join(name), text);
        }
        fs::set_permissions(repo.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("src/a.txt", repo.join("link")).unwrap();
        git(&repo, &["init", "-q"]);
        git(&repo, &["add", "-A"]);
        git(&repo, &["commit", "-qm", "first"]);
        write(&repo.join("src/b.txt"), "b, edited\n");
        write(&repo.join("staged.txt"), "staged\n");
        git(&repo, &["add", "staged.txt"]);
        write(&repo.join("new file \u{e4}.txt"), [0xff, 0, 1]);
        write(&repo.join("build/out.o"), "ignored");
        write(&repo.join("x.log"), "ignored");
        fs::remove_file(repo.join("gone.txt")).unwrap();
        Self { folder, repo }
    }

    pub fn open(&self, name: &str) -> Tree {
        tree::open_tree(&self.repo, &self.folder.path().join(name), None).unwrap()
    }
}

/// All files below a folder with their contents and modes, but for those that `skip` names.
pub fn snapshot(folder: &Path, skip: &[&str]) -> BTreeMap<String, (Vec<u8>, u32)> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(here) = waiting.pop() {
        for entry in fs::read_dir(&here).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            let meta = fs::symlink_metadata(&path).unwrap();
            if skip.contains(&name.as_str()) {
            } else if meta.is_dir() {
                waiting.push(path);
            } else if meta.file_type().is_symlink() {
                found.insert(name, (fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(), 0));
            } else {
                found.insert(name, (fs::read(&path).unwrap(), meta.permissions().mode() & 0o777));
            }
        }
    }
    found
}

pub fn paths(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.path.as_str()).collect()
}
