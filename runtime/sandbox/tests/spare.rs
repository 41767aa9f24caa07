//! Copies of large folders that were kept: the next one is the same as a new one, whatever was done in the last.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test says what went wrong by failing

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use cascade_sandbox::tree::{self, Tree};
use tempfile::TempDir;

const FILES: usize = 2_100;

struct World {
    _folder: TempDir,
    repo: PathBuf,
    spares: PathBuf,
    boxes: PathBuf,
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn git(folder: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(folder).args(["-c", "user.name=T", "-c", "user.email=t@example.org"]).args(args);
    let output = git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        let repo = top.join("repo");
        for index in 0..FILES {
            write(&repo.join(format!("d{}/e{}/f{index}.txt", index % 7, index % 3)), format!("{index}\n"));
        }
        write(&repo.join(".gitignore"), "*.log\n");
        symlink("d0", repo.join("link")).unwrap();
        git(&repo, &["init", "-q"]);
        git(&repo, &["add", "-A"]);
        git(&repo, &["commit", "-qm", "first"]);
        // What was changed a moment ago is not taken from a kept copy.
        std::thread::sleep(Duration::from_millis(3_100));
        Self { repo, spares: top.join("spares"), boxes: top.join("boxes"), _folder: folder }
    }

    fn open(&self, name: &str) -> Tree {
        tree::open_tree(&self.repo, &self.boxes.join(name), Some(&self.spares)).unwrap()
    }

    /// The copies that are kept.
    fn kept(&self) -> Vec<PathBuf> {
        let below = |folder: &Path| {
            fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
        };
        below(&self.spares).iter().flat_map(|folder| below(folder)).collect()
    }

    /// A copy is the same as the folder, and git inside sees what git outside sees.
    fn assert_same(&self, tree: &mut Tree) {
        assert_eq!(snapshot(&tree.work()), snapshot(&self.repo));
        let status = |folder: &Path| git(folder, &["status", "--porcelain", "--branch"]);
        assert_eq!(status(&tree.work()), status(&self.repo));
        assert_eq!(tree.changes().unwrap(), []);
        assert_eq!(tree.all_changes().unwrap(), []);
    }
}

/// All files with their contents and modes, but for `.git` and what is ignored.
fn snapshot(folder: &Path) -> BTreeMap<String, (Vec<u8>, u32)> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(here) = waiting.pop() {
        for entry in fs::read_dir(&here).unwrap().flatten() {
            let (path, meta) = (entry.path(), entry.metadata().unwrap());
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if name == ".git" || name.ends_with("of the user.log") {
            } else if meta.is_dir() {
                found.insert(format!("{name}/"), (Vec::new(), meta.mode() & 0o777));
                waiting.push(path);
            } else if meta.is_symlink() {
                found.insert(name, (fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(), 0));
            } else {
                found.insert(name, (fs::read(&path).unwrap(), meta.mode() & 0o777));
            }
        }
    }
    found
}

fn inode(tree: &Tree, path: &str) -> u64 {
    fs::symlink_metadata(tree.work().join(path)).unwrap().ino()
}

#[test]
fn a_kept_copy_is_taken_once_and_has_what_the_folder_has_by_then() {
    let world = World::new();
    let tree = world.open("first");
    let same = inode(&tree, "d1/e1/f1.txt");
    assert!(tree.keep_as_spare(&world.spares).unwrap());
    assert_eq!(world.kept().len(), 1);
    // The folder changes in every way.
    write(&world.repo.join("d0/e0/f0.txt"), "edited\n");
    write(&world.repo.join("new/file.txt"), "new\n");
    write(&world.repo.join("of the user.log"), "ignored\n");
    fs::remove_file(world.repo.join("d2/e2/f2.txt")).unwrap();
    fs::set_permissions(world.repo.join("d3/e0/f3.txt"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(world.repo.join("link")).unwrap();
    write(&world.repo.join("link/inner"), "a folder now\n");
    fs::remove_dir_all(world.repo.join("d4/e1")).unwrap();
    write(&world.repo.join("d4/e1"), "a file now\n");
    git(&world.repo, &["checkout", "-q", "-b", "other"]);
    let mut tree = world.open("second");
    assert_eq!(world.kept(), Vec::<PathBuf>::new(), "it is in use");
    world.assert_same(&mut tree);
    assert_eq!(inode(&tree, "d1/e1/f1.txt"), same, "what is the same was not copied again");
    // What is merged and shown afterwards compares with what it was when this copy was opened.
    write(&tree.work().join("d0/e0/f0.txt"), "edited inside\n");
    write(&tree.work().join("d1/e1/f1.txt"), "one\n");
    let changes = tree.changes().unwrap();
    let text = tree.patch_text(&changes).unwrap();
    assert!(text.contains("-edited\n+edited inside") && text.contains("-1\n+one"), "{text}");
    tree::apply_changes(&tree, &changes, "id").unwrap();
    assert_eq!(fs::read_to_string(world.repo.join("d1/e1/f1.txt")).unwrap(), "one\n");
}

#[test]
fn nothing_that_was_done_in_a_kept_copy_is_left() {
    let world = World::new();
    let mut tree = world.open("first");
    tree.settle();
    let work = tree.work();
    let same = inode(&tree, "d1/e1/f1.txt");
    write(&work.join("d0/e0/f0.txt"), "changed\n");
    // The same length, and the times as they were.
    let file = work.join("d1/e2/f8.txt");
    let times = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, "9\n").unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(times).unwrap();
    fs::hard_link(work.join("d2/e0/f9.txt"), work.join("kept.log")).unwrap();
    write(&work.join("target/debug/planted.log"), "planted");
    write(&work.join(".git/hooks/post-checkout"), "#!/bin/sh\ntouch /tmp/planted\n");
    write(&work.join("d3/.git/config"), "[core]\n\tfsmonitor = planted\n");
    fs::set_permissions(work.join("d5"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(work.join("d6/e0/f6.txt"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::remove_file(work.join("d4/e1/f4.txt")).unwrap();
    fs::remove_file(work.join("link")).unwrap();
    symlink("/etc", work.join("link")).unwrap();
    git(&work, &["add", "-A"]);
    git(&work, &["commit", "-qm", "inside"]);
    tree.changes().unwrap();
    assert!(tree.keep_as_spare(&world.spares).unwrap());
    let mut tree = world.open("second");
    world.assert_same(&mut tree);
    assert!(!tree.work().join(".git/hooks").exists());
    assert_eq!(inode(&tree, "d1/e1/f1.txt"), same, "it was taken from the kept copy");
    // Also what a command does that has outlived the sandbox.
    assert!(tree.keep_as_spare(&world.spares).unwrap());
    let work = world.kept()[0].join("work");
    write(&work.join("d0/e0/f0.txt"), "late\n");
    write(&work.join("late.log"), "late");
    let mut tree = world.open("third");
    world.assert_same(&mut tree);
}

#[cfg(target_os = "linux")]
#[test]
fn a_kept_copy_with_inherited_attributes_is_made_anew() {
    let world = World::new();
    let tree = world.open("first");
    let same = inode(&tree, "d1/e1/f1.txt");
    assert!(tree.keep_as_spare(&world.spares).unwrap());
    let folder = world.kept()[0].join("work/d0");
    let name = std::ffi::CString::new(folder.to_str().unwrap()).unwrap();
    rustix::fs::setxattr(name.as_c_str(), c"user.planted", b"1", rustix::fs::XattrFlags::empty()).unwrap();
    let mut tree = world.open("second");
    world.assert_same(&mut tree);
    assert_ne!(inode(&tree, "d1/e1/f1.txt"), same);
}

#[test]
fn a_copy_that_is_interrupted_is_made_anew() {
    let world = World::new();
    assert!(world.open("first").keep_as_spare(&world.spares).unwrap());
    // Killed after the copy was taken, and before it was compared with the folder.
    fs::create_dir_all(&world.boxes).unwrap();
    fs::rename(&world.kept()[0], world.boxes.join("second")).unwrap();
    write(&world.repo.join("d0/e0/f0.txt"), "edited\n");
    world.assert_same(&mut world.open("second"));
    // Damaged: its files are those of the folder nevertheless.
    assert!(world.open("third").keep_as_spare(&world.spares).unwrap());
    fs::write(world.kept()[0].join("looks"), [1; 100]).unwrap();
    world.assert_same(&mut world.open("fourth"));
    assert_eq!(world.kept(), Vec::<PathBuf>::new());
}

#[test]
fn small_copies_are_not_kept_and_no_more_than_two_of_a_folder_for_a_week() {
    let world = World::new();
    for (name, is_kept) in [("first", true), ("second", true), ("third", false)] {
        let tree = tree::open_tree(&world.repo, &world.boxes.join(name), None).unwrap();
        assert_eq!(tree.keep_as_spare(&world.spares).unwrap(), is_kept, "{name}");
        assert_eq!(world.boxes.join(name).exists(), !is_kept);
    }
    let old = fs::File::options().write(true).open(world.kept()[0].join("looks")).unwrap();
    old.set_modified(SystemTime::now() - Duration::from_secs(8 * 24 * 3600)).unwrap();
    let small = world.boxes.join("small");
    fs::create_dir_all(world.boxes.join("source")).unwrap();
    let tree = tree::open_tree(&world.boxes.join("source"), &small, Some(&world.spares)).unwrap();
    assert!(!tree.keep_as_spare(&world.spares).unwrap());
    assert_eq!(world.kept().len(), 1);
}
