//! The files of a project are private to their user, and names and hashes in them reveal nothing about contents.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/models.rs"]
mod models;
#[path = "support/project.rs"]
mod project;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use models::{Model, chat_reply};
use project::{Project, files_below, stderr, stdout};

#[test]
fn the_files_of_a_project_are_private() {
    let project = Project::new();
    let text = "skill big() -> string {\n  run sh\"head -c 100000 /dev/zero | tr '\\\\0' x\"\n}\n\
                cascade main() -> int {\n  stage a = big()\n  return a.len()\n}\n";
    project.write("flow.cascade", text);
    // A project of an earlier version, readable by everybody.
    let folder = project.path().join(".cascade");
    fs::create_dir_all(folder.join("artifacts")).unwrap();
    fs::write(folder.join("artifacts/old"), "old").unwrap();
    fs::write(folder.join("runs.db"), "").unwrap();
    for file in [folder.clone(), folder.join("artifacts")] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for file in ["artifacts/old", "runs.db"] {
        fs::set_permissions(folder.join(file), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let output = project.call(&["run", "-q", "flow.cascade"]);
    assert_eq!(stdout(&output), "100000\n", "{}", stderr(&output));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let all = files_below(&folder);
    assert!(all.iter().any(|file| file.ends_with("key")) && all.len() >= 5, "{all:?}");
    for file in &all {
        assert_eq!(mode(file), 0o600, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700, "{}", file.display());
    }
    // The names of artifacts depend on the key of the project.
    let other = Project::new();
    other.write("flow.cascade", text);
    other.call(&["run", "-q", "flow.cascade"]);
    let names = |project: &Project| -> Vec<String> {
        let artifacts = files_below(&project.path().join(".cascade/artifacts")).into_iter();
        artifacts
            .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
            .filter(|name| name != "old")
            .collect()
    };
    assert_eq!((names(&project).len(), names(&other).len()), (1, 1));
    assert_ne!(names(&project), names(&other));
    let keys = |project: &Project| -> Vec<String> {
        let run = project.store().runs().unwrap().remove(0).id;
        project.store().effects(&run).unwrap().into_iter().map(|effect| effect.key).collect()
    };
    assert_ne!(keys(&project), keys(&other), "and so are the keys of effects");
}

#[test]
fn plain_hashes_of_attached_files_and_programs_are_found_nowhere() {
    use sha2::{Digest, Sha256};
    let model = Model::start(|_| chat_reply("ok"));
    let project = Project::new();
    let note = "pin 4711";
    project.write("note.txt", note);
    let text = format!(
        "{}skill judge() -> string {{\n  prompt \"Judge.\"\n  attach \"note.txt\" as path\n}}\n\
         cascade main() -> string {{\n  stage a = judge()\n    using m\n  return a\n}}\n",
        model.declaration()
    );
    project.write("flow.cascade", &text);
    for _ in 0..2 {
        let output = project.call(&["run", "-q", "flow.cascade"]);
        assert_eq!(stdout(&output), "ok\n", "{}", stderr(&output));
    }
    let runs = project.store().runs().unwrap();
    assert_eq!(runs[0].program, runs[1].program, "the same program is kept once");
    let (program, _) = project.compile(&text);
    let bytes = serde_json::to_vec(&project.store().program(&runs[0].program).unwrap()).unwrap();
    assert_eq!(bytes, serde_json::to_vec(&program).unwrap());
    let connection = rusqlite::Connection::open(project.journal()).unwrap();
    let request: String = connection.query_row("SELECT request FROM effects", [], |row| row.get(0)).unwrap();
    assert!(request.contains("note.txt"), "{request}");
    for content in [note.as_bytes(), &bytes] {
        let hash: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        for file in files_below(&project.path().join(".cascade")) {
            let bytes = fs::read(&file).unwrap();
            let found = bytes.windows(hash.len()).any(|window| window == hash.as_bytes());
            assert!(!found, "{} in {}", hash, file.display());
        }
    }
}
