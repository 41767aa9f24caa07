//! Private copies of real repositories: what comes along, what is told to have changed, and how it is applied.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test says what went wrong by failing

#[path = "support/repository.rs"]
mod repository;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use cascade_sandbox::tree::{self, Content, Kind, TreeError};
use repository::{World, git, paths, snapshot, write};

#[test]
fn a_copy_of_a_dirty_repository_has_all_that_is_not_ignored() {
    let world = World::new();
    let before = snapshot(&world.repo, &[]);
    let mut tree = world.open("box");
    assert_eq!(snapshot(&tree.work(), &[".git"]), snapshot(&world.repo, &[".git", "build", "x.log"]));
    assert_eq!(tree.changes().unwrap(), []);
    // Git inside sees what git outside sees, and can commit.
    let status = |folder: &Path| git(folder, &["status", "--porcelain"]);
    assert_eq!(status(&tree.work()), status(&world.repo));
    git(&tree.work(), &["add", "-A"]);
    git(&tree.work(), &["commit", "-qm", "inside"]);
    git(&tree.work(), &["gc", "-q"]);
    let mut after = snapshot(&world.repo, &[]);
    // The status outside renews the times in the index.
    after.insert(".git/index".into(), before[".git/index"].clone());
    assert_eq!(after, before, "the user's repository is as it was");
    assert!(tree.readable().contains(&world.repo.join(".git/objects")));
}

#[test]
fn a_file_in_place_of_a_folder_and_the_other_way_round_are_copied() {
    let world = World::new();
    fs::remove_dir_all(world.repo.join("src")).unwrap();
    write(&world.repo.join("src"), "a file now\n");
    fs::remove_file(world.repo.join("run.sh")).unwrap();
    write(&world.repo.join("run.sh/inner"), "a folder now\n");
    let mut tree = world.open("box");
    assert_eq!(snapshot(&tree.work(), &[".git"]), snapshot(&world.repo, &[".git", "build", "x.log"]));
    assert_eq!(tree.changes().unwrap(), []);
}

#[test]
fn a_link_in_place_of_a_folder_is_copied_and_not_followed() {
    let world = World::new();
    let elsewhere = world.folder.path().join("elsewhere");
    write(&elsewhere.join("a.txt"), "not of the repository\n");
    fs::remove_dir_all(world.repo.join("src")).unwrap();
    symlink(&elsewhere, world.repo.join("src")).unwrap();
    let tree = world.open("box");
    assert_eq!(fs::read_link(tree.work().join("src")).unwrap(), elsewhere);
}

#[test]
fn changes_are_told_once_and_in_full() {
    let world = World::new();
    let mut tree = world.open("box");
    let work = tree.work();
    write(&work.join("src/a.txt"), "new\n");
    write(&work.join("deep/er/new.txt"), "n");
    write(&work.join("build/ignored.o"), "ignored");
    fs::remove_file(work.join("staged.txt")).unwrap();
    fs::set_permissions(work.join("src/b.txt"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(work.join("link")).unwrap();
    symlink("elsewhere", work.join("link")).unwrap();
    let first = tree.changes().unwrap();
    assert_eq!(paths(&first), ["deep/er/new.txt", "link", "src/a.txt", "src/b.txt", "staged.txt"]);
    assert_eq!(first[1].after, Some(Content { kind: Kind::Link, bytes: b"elsewhere".to_vec() }));
    assert_eq!(tree.changes().unwrap(), []);
    // Back to what it was: a change of what was told, and none of the whole.
    write(&work.join("src/a.txt"), fs::read(world.repo.join("src/a.txt")).unwrap());
    assert_eq!(paths(&tree.changes().unwrap()), ["src/a.txt"]);
    assert_eq!(paths(&tree.all_changes().unwrap()), ["deep/er/new.txt", "link", "src/b.txt", "staged.txt"]);
    let text = tree.patch_text(&tree.all_changes().unwrap()).unwrap();
    assert!(text.contains("new file mode 100644\n--- /dev/null\n+++ b/deep/er/new.txt\n"), "{text}");
    assert!(text.contains("old mode 100644\nnew mode 100755\n"), "{text}");
}

/// After the first look only what looks different is read; nothing is missed for it.
#[test]
fn every_kind_of_change_is_seen_also_later() {
    let world = World::new();
    let mut tree = world.open("box");
    let work = tree.work();
    assert_eq!(tree.changes().unwrap(), []);
    let mut step = |what: &dyn Fn(), expected: &[&str]| {
        tree.settle();
        what();
        assert_eq!(paths(&tree.changes().unwrap()), expected);
        assert_eq!(tree.changes().unwrap(), []);
    };
    step(&|| write(&work.join("src/b.txt"), "B, edited\n"), &["src/b.txt"]);
    step(&|| write(&work.join("src/b.txt"), "b, edited\n"), &["src/b.txt"]);
    step(&|| fs::set_permissions(work.join("src/b.txt"), fs::Permissions::from_mode(0o700)).unwrap(), &["src/b.txt"]);
    step(&|| write(&work.join("src/new/deep.txt"), "x"), &["src/new/deep.txt"]);
    step(&|| write(&work.join("src/new/deep.txt"), "y"), &["src/new/deep.txt"]);
    step(&|| fs::create_dir(work.join("src/empty")).unwrap(), &[]);
    step(&|| write(&work.join("src/empty/no.txt"), "no longer"), &["src/empty/no.txt"]);
    step(
        &|| fs::rename(work.join("src/new"), work.join("src/old")).unwrap(),
        &["src/new/deep.txt", "src/old/deep.txt"],
    );
    step(&|| write(&work.join("build/more.o"), "ignored"), &[]);
    step(&|| write(&work.join(".gitignore"), "*.log\nother/\n"), &[".gitignore", "build/more.o"]);
    step(&|| write(&work.join(".git/info/exclude"), "late.txt\n"), &[]);
    step(&|| write(&work.join("late.txt"), "ignored"), &[]);
    step(&|| fs::write(work.join(".git/info/exclude"), "").unwrap(), &["late.txt"]);
    step(&|| fs::remove_file(work.join("link")).unwrap(), &["link"]);
    step(&|| symlink("run.sh", work.join("link")).unwrap(), &["link"]);
    step(
        &|| {
            fs::remove_dir_all(work.join("src")).unwrap();
            symlink("/etc", work.join("src")).unwrap();
        },
        &["src", "src/a.txt", "src/b.txt", "src/empty/no.txt", "src/old/deep.txt"],
    );
}

#[test]
fn a_restored_change_in_another_copy_is_the_same_change() {
    let world = World::new();
    let mut first = world.open("box");
    write(&first.work().join("src/a.txt"), "new\n");
    fs::remove_file(first.work().join("staged.txt")).unwrap();
    write(&first.work().join("staged.txt/inner"), "a folder where a file was\n");
    let one = first.changes().unwrap();
    write(&first.work().join("src/a.txt"), "newer\n");
    let two = first.changes().unwrap();
    let mut second = world.open("other");
    second.restore(&one).unwrap();
    second.restore(&two).unwrap();
    assert_eq!(snapshot(&second.work(), &[".git"]), snapshot(&first.work(), &[".git"]));
    assert_eq!(second.all_changes().unwrap(), first.all_changes().unwrap());
    assert_eq!(second.changes().unwrap(), []);
    // In a copy where the file is a third thing, nothing is touched.
    let mut third = world.open("third");
    write(&third.work().join("src/a.txt"), "third\n");
    third.changes().unwrap();
    assert!(matches!(third.restore(&two), Err(TreeError::Conflict(files)) if files == ["src/a.txt"]));
}

#[test]
fn a_copy_that_was_left_is_as_at_first_when_it_is_opened_again() {
    let world = World::new();
    let tree = world.open("box");
    let (work, first) = (tree.work(), snapshot(&tree.work(), &[".git"]));
    drop(tree);
    write(&work.join("half"), "written");
    write(&work.join("build/kept.o"), "ignored files stay");
    write(&work.join("src/a.txt"), "torn");
    fs::remove_file(work.join("run.sh")).unwrap();
    // A link where a folder was, hidden from the look at what has changed.
    let victim = world.folder.path().join("victim");
    fs::create_dir(&victim).unwrap();
    write(&work.join(".gitignore"), "src\n");
    fs::remove_dir_all(work.join("src")).unwrap();
    symlink(&victim, work.join("src")).unwrap();
    // What the user changes meanwhile is not in the copy.
    write(&world.repo.join("run.sh"), "edited");
    let mut tree = world.open("box");
    assert_eq!(snapshot(&tree.work(), &[".git", "build"]), first);
    assert!(work.join("build/kept.o").exists());
    assert_eq!(tree.changes().unwrap(), []);
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0, "nothing was written through the link");
}

#[test]
fn modes_links_removals_and_folders_are_applied() {
    let world = World::new();
    let mut tree = world.open("box");
    let work = tree.work();
    fs::set_permissions(world.repo.join("src/b.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(work.join("src/b.txt"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::remove_file(work.join("run.sh")).unwrap();
    fs::remove_file(work.join("link")).unwrap();
    write(&work.join("link/is/a/folder.txt"), "now\n");
    fs::remove_dir_all(work.join("src")).unwrap();
    symlink("link/is", work.join("src")).unwrap();
    tree.changes().unwrap();
    tree::apply_changes(&tree, &tree.all_changes().unwrap(), "x").unwrap();
    assert!(!world.repo.join("run.sh").exists());
    assert_eq!(fs::read_to_string(world.repo.join("link/is/a/folder.txt")).unwrap(), "now\n");
    assert_eq!(fs::read_link(world.repo.join("src")).unwrap(), Path::new("link/is"));

    // Whether it can be executed is a part of the change, other bits are not.
    let world = World::new();
    let mut tree = world.open("box");
    fs::set_permissions(world.repo.join("src/b.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(tree.work().join("src/b.txt"), fs::Permissions::from_mode(0o6777)).unwrap();
    tree.changes().unwrap();
    tree::apply_changes(&tree, &tree.all_changes().unwrap(), "x").unwrap();
    let mode = fs::metadata(world.repo.join("src/b.txt")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o700);
}

#[test]
fn no_change_leads_out_of_the_folder() {
    for path in [
        "../x",
        "/etc/x",
        "a/../../x",
        "",
        ".",
        "a/",
        ".git/config",
        "sub/.git/hooks/x",
        ".GIT/config",
        "a/.git",
        ".git./x",
        "git~1/x",
        "x\0y",
        ".g\u{200c}it/x",
    ] {
        assert!(matches!(tree::check_path(path), Err(TreeError::Denied(_))), "{path:?}");
    }
    for path in ["a", "a/b", ".github/x", ".gitignore", "...", "git/x", "a b\u{e4}"] {
        assert!(tree::check_path(path).is_ok(), "{path:?}");
    }
    for (link, target, is_refused) in [
        ("l", "/etc/passwd", true),
        ("src/l", "../../x", true),
        ("l", "..", true),
        ("src/l", "a/../../../x", true),
        ("src/l", "../src/a.txt", false),
        ("l", "src/./a.txt", false),
    ] {
        let world = World::new();
        let mut tree = world.open("box");
        symlink(target, tree.work().join(link)).unwrap();
        tree.changes().unwrap();
        let applied = tree::apply_changes(&tree, &tree.all_changes().unwrap(), "x");
        assert_eq!(matches!(applied, Err(TreeError::Denied(_))), is_refused, "{link} -> {target}: {applied:?}");
        assert_eq!(fs::symlink_metadata(world.repo.join(link)).is_err(), is_refused);
    }
    // A folder of the user that is a link is not written through.
    let world = World::new();
    let mut tree = world.open("box");
    write(&tree.work().join("src/a.txt"), "inside\n");
    tree.changes().unwrap();
    let elsewhere = world.folder.path().join("elsewhere");
    fs::rename(world.repo.join("src"), &elsewhere).unwrap();
    symlink(&elsewhere, world.repo.join("src")).unwrap();
    assert!(matches!(tree::apply_changes(&tree, &tree.all_changes().unwrap(), "x"), Err(TreeError::Denied(_))));
    assert!(fs::read_to_string(elsewhere.join("a.txt")).unwrap().starts_with("one"));
}

/// What a command may plant so that git obeys it later: nothing of it is obeyed, and nothing reaches the user.
#[test]
fn git_outside_obeys_nothing_that_was_planted_inside() {
    let world = World::new();
    let mut tree = world.open("box");
    let (work, fired) = (tree.work(), world.folder.path().join("fired"));
    let command = format!("touch {}", fired.display());
    let script = format!("#!/bin/sh\n{command}\n");
    for hook in ["post-checkout", "post-index-change", "pre-commit", "reference-transaction", "fsmonitor-watchman"] {
        write(&work.join(".git/hooks").join(hook), &script);
        fs::set_permissions(work.join(".git/hooks").join(hook), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let config = format!(
        "[core]\n\tfsmonitor = \"{command}\"\n\tsshCommand = \"{command}\"\n\thooksPath = \"{}\"\n[filter \"x\"]\n\t\
         clean = \"{command}; cat\"\n\tsmudge = \"{command}; cat\"\n[diff \"x\"]\n\ttextconv = \"{command}\"\n",
        work.join(".git/hooks").display()
    );
    for nested in ["", "nested", "src/deep"] {
        write(&work.join(nested).join(".git/config"), &config);
        write(&work.join(nested).join(".git/HEAD"), "ref: refs/heads/main\n");
        fs::create_dir_all(work.join(nested).join(".git/objects")).unwrap();
        fs::create_dir_all(work.join(nested).join(".git/refs")).unwrap();
        write(&work.join(nested).join(".gitattributes"), "* filter=x diff=x\n");
        write(&work.join(nested).join("some.txt"), "text\n");
    }
    // Where it looks for objects is of no use to a command either.
    write(&work.join(".git/objects/info/alternates"), "/root/.ssh\n");
    let before = snapshot(&world.repo.join(".git"), &[]);
    let changes = tree.changes().unwrap();
    assert!(changes.iter().all(|change| !change.path.contains(".git/")), "{:?}", paths(&changes));
    assert_eq!(tree.find_nested_repositories(), ["nested/.git", "src/deep/.git"]);
    assert!(!tree.readable().iter().any(|path| path.ends_with(".ssh")));
    tree.patch_text(&changes).unwrap();
    // Attributes are files of the working tree and may name a filter; the user's configuration has none.
    tree::apply_changes(&tree, &changes, "x").unwrap();
    assert_eq!(snapshot(&world.repo.join(".git"), &[]), before, "refs, hooks, configuration are as they were");
    tree::commit_on_branch(&tree, &changes[..1], "made", "message", 0).unwrap();
    git(&world.repo, &["status"]);
    assert!(!fired.exists(), "something that was planted was executed");
    assert!(!world.repo.join("nested/.git").exists());
}

#[test]
fn a_branch_is_made_from_outside_and_once() {
    let world = World::new();
    let mut tree = world.open("box");
    let work = tree.work();
    let text = fs::read_to_string(work.join("src/a.txt")).unwrap();
    write(&work.join("src/a.txt"), text.replace("one", "ONE"));
    write(&work.join("new.sh"), "#!/bin/sh\n");
    fs::set_permissions(work.join("new.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(work.join("run.sh")).unwrap();
    tree.changes().unwrap();
    let files = snapshot(&world.repo, &[".git"]);
    let index = fs::read(world.repo.join(".git/index")).unwrap();
    let changes = tree.all_changes().unwrap();
    for _ in 0..2 {
        tree::commit_on_branch(&tree, &changes, "fix/one", "Repaired", 1_700_000_000).unwrap();
        let shown = git(&world.repo, &["diff", "--no-renames", "--name-status", "HEAD", "fix/one"]);
        assert_eq!(shown, "A\tnew.sh\nD\trun.sh\nM\tsrc/a.txt");
    }
    assert_eq!(git(&world.repo, &["log", "--format=%s", "HEAD..fix/one"]), "Repaired");
    assert_eq!(git(&world.repo, &["ls-tree", "fix/one", "new.sh"]).split(' ').next(), Some("100755"));
    assert_eq!(snapshot(&world.repo, &[".git"]), files);
    assert_eq!(fs::read(world.repo.join(".git/index")).unwrap(), index);
    // Others are not overwritten, and wrong names are told.
    let error = |branch: &str| tree::commit_on_branch(&tree, &changes, branch, "x", 0).unwrap_err().to_string();
    assert_eq!(error("main"), "there is a branch `main` already");
    assert_eq!(error("../x"), "`../x` is no name for a branch");
    // What builds on edits that are not committed is no commit of its own.
    write(&work.join("src/b.txt"), "b, edited inside\n");
    tree.changes().unwrap();
    let conflict = tree::commit_on_branch(&tree, &tree.all_changes().unwrap(), "other", "x", 0);
    assert!(matches!(conflict, Err(TreeError::Conflict(files)) if files == ["src/b.txt"]));
}

#[test]
fn installed_packages_are_those_of_the_user_and_no_change() {
    let world = World::new();
    let repo = &world.repo;
    write(&repo.join(".gitignore"), "*.log\nbuild/\nnode_modules/\n.venv\n");
    for name in ["node_modules/a/index.js", "src/node_modules/b/index.js", ".venv/pyvenv.cfg", "venv/notes.txt"] {
        write(&repo.join(name), name);
    }
    write(&repo.join("lib/node_modules/vendored.js"), "known to git\n");
    git(repo, &["add", "-f", "lib"]);
    let root = world.folder.path().join("box");
    for _ in 0..2 {
        // The second time as after a kill.
        let mut tree = tree::open_tree(repo, &root, None).unwrap();
        let work = tree.work();
        for name in ["node_modules", "src/node_modules", ".venv"] {
            assert_eq!(fs::read_link(work.join(name)).unwrap(), repo.join(name));
            assert!(tree.readable().contains(&repo.join(name)), "{:?}", tree.readable());
        }
        assert!(fs::symlink_metadata(work.join("lib/node_modules")).unwrap().is_dir());
        assert_eq!(fs::read_to_string(work.join("venv/notes.txt")).unwrap(), "venv/notes.txt");
        let status = git(&work, &["status", "--porcelain"]);
        assert!(!status.contains("?? node_modules") && !status.contains("?? .venv"), "{status}");
        assert_eq!(tree.changes().unwrap(), []);
        // A folder of its own in place of a link is ignored as it would be outside, and so is another link.
        fs::remove_file(work.join("node_modules")).unwrap();
        write(&work.join("node_modules/own.js"), "own\n");
        fs::remove_file(work.join("src/node_modules")).unwrap();
        symlink("../build", work.join("src/node_modules")).unwrap();
        assert_eq!(tree.changes().unwrap(), []);
        fs::remove_file(work.join("src/node_modules")).unwrap();
        fs::remove_dir_all(work.join("node_modules")).unwrap();
    }
    assert_eq!(fs::read_to_string(repo.join("node_modules/a/index.js")).unwrap(), "node_modules/a/index.js");
}

#[test]
fn a_folder_without_repository_is_copied_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("plain");
    write(&source.join("a/b.txt"), "b");
    write(&source.join("x.log"), "x");
    write(&source.join(".gitignore"), "*.log\n");
    write(&source.join(".cascade/journal.db"), "state");
    fs::create_dir_all(source.join("empty/inner")).unwrap();
    let mut tree = tree::open_tree(&source, &folder.path().join("box"), None).unwrap();
    assert_eq!(snapshot(&tree.work(), &[]), snapshot(&source, &[".cascade"]));
    assert!(tree.work().join("empty/inner").is_dir());
    write(&tree.work().join("y.log"), "y");
    write(&tree.work().join(".cascade/evil"), "y");
    assert_eq!(paths(&tree.changes().unwrap()), ["y.log"]);
    tree::apply_changes(&tree, &tree.all_changes().unwrap(), "1").unwrap();
    assert_eq!(fs::read_to_string(source.join("y.log")).unwrap(), "y");
    assert!(!source.join(".cascade/evil").exists());
    let branch = tree::commit_on_branch(&tree, &[], "x", "x", 0).unwrap_err().to_string();
    assert!(branch.contains("is in no git repository"), "{branch}");
}

#[test]
fn a_copy_of_a_copy_is_applied_to_the_first() {
    let world = World::new();
    let mut outer = world.open("box");
    write(&outer.work().join("src/new.txt"), "outer\n");
    outer.changes().unwrap();
    let mut inner = tree::open_tree(&outer.work(), &world.folder.path().join("inner"), None).unwrap();
    assert_eq!(snapshot(&inner.work(), &[".git"]), snapshot(&outer.work(), &[".git"]));
    assert_eq!(git(&inner.work(), &["log", "--format=%s"]), "first");
    write(&inner.work().join("src/new.txt"), "inner\n");
    inner.changes().unwrap();
    tree::apply_changes(&inner, &inner.all_changes().unwrap(), "i").unwrap();
    assert_eq!(paths(&outer.changes().unwrap()), ["src/new.txt"]);
    assert!(!world.repo.join("src/new.txt").exists());
}

/// Not a test: applies a change, and is killed.
#[test]
#[ignore = "it is started by the next one, and killed"]
fn apply_and_be_killed() {
    let Some(folder) = std::env::var_os("TREE_FOLDER").map(PathBuf::from) else { return };
    let mut tree = tree::open_tree(&folder.join("repo"), &folder.join("box"), None).unwrap();
    for index in 0..300 {
        write(&tree.work().join(format!("d{}/f{index}.txt", index % 7)), format!("new {index}\n"));
    }
    for index in 300..400 {
        fs::remove_file(tree.work().join(format!("d{}/f{index}.txt", index % 7))).unwrap();
    }
    tree.changes().unwrap();
    let changes = tree.all_changes().unwrap();
    println!("READY");
    tree::apply_changes(&tree, &changes, "k").unwrap();
}

/// A folder of 400 files, and a process that is about to apply a change of all of them.
fn start_application(folder: &Path) -> std::process::Child {
    use std::io::{BufRead, BufReader};
    for index in 0..400 {
        write(&folder.join(format!("repo/d{}/f{index}.txt", index % 7)), format!("old {index}\n"));
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "apply_and_be_killed", "--ignored", "--nocapture"])
        .env("TREE_FOLDER", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().ends_with("READY") {}
    child
}

#[test]
fn an_application_that_is_killed_is_done_in_full_or_not_at_all() {
    let (mut before, mut after, mut torn) = (0, 0, 0);
    for round in 0..16u64 {
        let folder = tempfile::tempdir().unwrap();
        let repo = folder.path().join("repo");
        let mut child = start_application(folder.path());
        // Half of them are killed while they prepare, the others when it is decided.
        let decided = repo.join(".cascade/apply-k/commit");
        while round % 2 == 1 && !decided.exists() && !repo.join(".cascade/applied-k").exists() {
            std::thread::sleep(Duration::from_micros(100));
        }
        std::thread::sleep(Duration::from_micros(round * 1000));
        child.kill().unwrap();
        child.wait().unwrap();
        let count_new = || {
            let is_new = |index: &usize| {
                let file = repo.join(format!("d{}/f{index}.txt", index % 7));
                !fs::read_to_string(file).is_ok_and(|text| text.starts_with("old"))
            };
            (0..400).filter(is_new).count()
        };
        torn += usize::from(!matches!(count_new(), 0 | 400));
        tree::recover_applies(&repo).unwrap();
        match count_new() {
            0 => before += 1,
            400 => after += 1,
            other => assert!(other == 0, "{other} of 400 files are new"),
        }
        let left: Vec<_> =
            fs::read_dir(repo.join(".cascade")).into_iter().flatten().flatten().map(|e| e.file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("apply-")), "{left:?}");
    }
    assert!(before > 0 && after > 0, "{before} and {after}");
    println!("killed before: {before}, after: {after}, amid the files: {torn}");
}
