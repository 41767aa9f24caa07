//! What changed in a copy and what changed outside meanwhile are merged, or are a conflict.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test says what went wrong by failing

#[path = "support/repository.rs"]
mod repository;

use std::{fs, os::unix::fs::PermissionsExt};

use cascade_sandbox::tree::{self, Applied, TreeError};
use repository::{World, git, snapshot, write};

#[test]
fn both_sides_are_merged_and_what_does_not_go_together_is_a_conflict() {
    let world = World::new();
    let mut tree = world.open("box");
    let work = tree.work();
    let text = fs::read_to_string(work.join("src/a.txt")).unwrap();
    write(&work.join("src/a.txt"), text.replace("one", "ONE"));
    write(&work.join("src/b.txt"), "inside\n");
    tree.changes().unwrap();
    write(&world.repo.join("src/a.txt"), text.replace("seven", "SEVEN"));
    write(&world.repo.join("src/b.txt"), "outside\n");
    let before = snapshot(&world.repo, &[]);
    let changes = tree.all_changes().unwrap();
    let conflict = tree::apply_changes(&tree, &changes, "x").unwrap_err();
    assert!(matches!(&conflict, TreeError::Conflict(files) if *files == ["src/b.txt"]), "{conflict}");
    assert_eq!(snapshot(&world.repo, &[]), before, "nothing was touched");
    // Without the conflict both changes are in.
    write(&world.repo.join("src/b.txt"), "b, edited\n");
    let index = fs::read(world.repo.join(".git/index")).unwrap();
    let applied = tree::apply_changes(&tree, &changes, "x").unwrap();
    assert_eq!(applied, Applied::Now(vec!["src/a.txt".into(), "src/b.txt".into()]));
    let merged = text.replace("one", "ONE").replace("seven", "SEVEN");
    assert_eq!(fs::read_to_string(world.repo.join("src/a.txt")).unwrap(), merged);
    assert_eq!(fs::read(world.repo.join(".git/index")).unwrap(), index, "the index is the user's");
    // It is not done twice, even if the user has changed it back.
    write(&world.repo.join("src/b.txt"), "changed back\n");
    assert_eq!(tree::apply_changes(&tree, &changes, "x").unwrap(), Applied::Before);
    assert_eq!(fs::read_to_string(world.repo.join("src/b.txt")).unwrap(), "changed back\n");
}

#[test]
fn a_renamed_file_takes_the_change_of_the_other_side() {
    let world = World::new();
    let text = fs::read_to_string(world.repo.join("src/a.txt")).unwrap();
    // Renamed outside, changed inside; and the other way round. Git was not told of either.
    write(&world.repo.join("old \"name\".txt"), text.replace('o', "0"));
    let mut tree = world.open("box");
    let work = tree.work();
    write(&work.join("src/a.txt"), text.replace("one", "ONE"));
    fs::rename(work.join("old \"name\".txt"), work.join("new name \u{e4}.txt")).unwrap();
    write(&work.join("added.txt"), "added\n");
    write(&work.join(".gitattributes"), "*.txt merge=union\n");
    fs::remove_file(work.join("crlf.txt")).unwrap();
    tree.changes().unwrap();
    fs::create_dir(world.repo.join("moved")).unwrap();
    fs::rename(world.repo.join("src/a.txt"), world.repo.join("moved/there.txt")).unwrap();
    fs::set_permissions(world.repo.join("moved/there.txt"), fs::Permissions::from_mode(0o640)).unwrap();
    write(&world.repo.join("old \"name\".txt"), text.replace('o', "0").replace("seven", "SEVEN"));
    let index = fs::read(world.repo.join(".git/index")).unwrap();
    tree::apply_changes(&tree, &tree.all_changes().unwrap(), "x").unwrap();
    let read = |name: &str| fs::read_to_string(world.repo.join(name)).unwrap_or_else(|_| "none".to_owned());
    assert_eq!(read("moved/there.txt"), text.replace("one", "ONE"));
    assert_eq!(fs::metadata(world.repo.join("moved/there.txt")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(read("new name \u{e4}.txt"), text.replace('o', "0").replace("seven", "SEVEN"));
    assert_eq!([read("src/a.txt"), read("old \"name\".txt"), read("crlf.txt")], ["none", "none", "none"]);
    assert_eq!([read("added.txt"), read("x.log")], ["added\n", "ignored"]);
    assert_eq!(read(".gitattributes"), "*.txt merge=union\n");
    assert_eq!(fs::read(world.repo.join(".git/index")).unwrap(), index, "the index is the user's");
}

#[test]
fn git_merges_by_no_rule_of_either_side() {
    let world = World::new();
    let text = fs::read_to_string(world.repo.join("src/a.txt")).unwrap();
    let mut tree = world.open("box");
    let work = tree.work();
    // Lines of both sides would be kept by this rule, and a program called by that one.
    write(&work.join(".gitattributes"), "*.txt merge=union\n*.sh merge=planted\n");
    write(&work.join("src/a.txt"), text.replace("one", "inside"));
    write(&work.join("run.sh"), "#!/bin/sh\ninside\n");
    tree.changes().unwrap();
    write(&world.repo.join("src/a.txt"), text.replace("one", "outside"));
    write(&world.repo.join("run.sh"), "#!/bin/sh\noutside\n");
    let planted = world.folder.path().join("planted");
    git(&world.repo, &["config", "merge.planted.driver", &format!("touch {}", planted.display())]);
    let before = snapshot(&world.repo, &[]);
    let conflict = tree::apply_changes(&tree, &tree.all_changes().unwrap(), "x").unwrap_err();
    assert!(matches!(&conflict, TreeError::Conflict(files) if *files == ["run.sh", "src/a.txt"]), "{conflict}");
    assert_eq!(snapshot(&world.repo, &[]), before, "nothing was touched");
    assert!(!planted.exists());
}

#[test]
fn a_merge_overwrites_nothing_that_git_ignores() {
    let world = World::new();
    let text = fs::read_to_string(world.repo.join("src/a.txt")).unwrap();
    let mut tree = world.open("box");
    fs::rename(tree.work().join("src/a.txt"), tree.work().join("kept.txt")).unwrap();
    tree.changes().unwrap();
    write(&world.repo.join("src/a.txt"), text.replace("seven", "SEVEN"));
    write(&world.repo.join(".gitignore"), "*.log\nbuild/\nkept.txt\n");
    write(&world.repo.join("kept.txt"), "the user's");
    let conflict = tree::apply_changes(&tree, &tree.all_changes().unwrap(), "x").unwrap_err();
    assert!(matches!(&conflict, TreeError::Conflict(files) if *files == ["kept.txt"]), "{conflict}");
    assert_eq!(fs::read_to_string(world.repo.join("kept.txt")).unwrap(), "the user's");
}
