//! Journals of older versions are resumed without repeating an effect. There is one of each format (the fourth
//! has the tables of the third and the keys of the fifth),
//! made by the version that wrote it; they stay for ever.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use cascade_runtime::Begin;
use project::{Project, result_json};
use serde_json::json;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/tests/journals");

/// A project whose journal is this one, and the program of its run.
fn restore_journal(journal: &str) -> (Project, String) {
    let project = Project::new();
    std::fs::create_dir_all(project.journal().parent().unwrap()).unwrap();
    let dump = std::fs::read_to_string(format!("{FOLDER}/{journal}")).unwrap();
    rusqlite::Connection::open(project.journal()).unwrap().execute_batch(&dump).unwrap();
    // Since the fourth format, a journal is read with the key of its project.
    if let Ok(key) = std::fs::read(format!("{FOLDER}/{}", journal.replace(".sql", ".key"))) {
        std::fs::write(project.journal().with_file_name("key"), key).unwrap();
    }
    (project, std::fs::read_to_string(format!("{FOLDER}/flow.cascade")).unwrap())
}

#[test]
fn a_run_of_every_format_is_resumed_without_repeating_an_effect() {
    let journals = [
        ("format_1.sql", ""),
        ("format_2.sql", ""),
        ("format_3.sql", "2:"),
        ("format_4.sql", "3:"),
        ("format_5.sql", "3:"),
    ];
    for (journal, version) in journals {
        let (project, program) = restore_journal(journal);
        // Since the third format, keys name folders by their path in the project.
        project.write("cascade.toml", "");
        let runs = project.store().runs().unwrap();
        let run = runs.into_iter().find(|run| run.file == "flow.cascade").unwrap();
        assert_eq!((run.status.as_str(), run.cascade.as_str()), ("failed", "main"), "{journal}");
        let resume = || Begin::Resume(run.id.clone());
        // It fails once more first: what this version records keeps the version of the run, too.
        let (failed, _) = project.run_with(&program, resume(), &json!({ "token": "abcd" }), |_| {});
        assert!(failed.result.is_err(), "{journal}");
        project.write("ready", "");
        let (done, _) = project.run_with(&program, resume(), &json!({ "token": "abcd" }), |_| {});
        // The model does not exist any more: its answer comes from the record.
        assert_eq!(result_json(&done), "noted ONE 7 ready", "{journal}");
        // Only the check, which had failed, was done here.
        assert_eq!(project.lines("log"), ["a.txt", "a.txt"], "{journal}");
        let effects = project.store().effects(&run.id).unwrap();
        let keys: Vec<&str> = effects.iter().map(|e| e.key.split_once(':').map_or("", |_| &e.key[..2])).collect();
        assert_eq!(keys, [version; 5], "{journal}: a run keeps the version of its keys");
    }
}

#[test]
fn a_new_run_beside_old_ones_has_keys_of_this_version() {
    let (project, _) = restore_journal("format_2.sql");
    let text =
        "skill say() -> string { run sh\"echo hi\" }\ncascade main() -> string {\n  stage s = say()\n  return s\n}\n";
    let run = project.run(text, Begin::New);
    let effects = project.store().effects(&run.run).unwrap();
    assert!(effects.len() == 1 && effects[0].key.starts_with("4:"), "{effects:?}");
}

#[test]
fn the_hashes_of_an_older_version_are_checked() {
    let (project, _) = restore_journal("format_5.sql");
    let run = project.store().runs().unwrap().remove(0).id;
    let found = project.store().verify(&run).unwrap();
    assert!(found.faults.is_empty() && found.rows == 6, "{found:?}");
}

/// Older versions gave changes of memory other ids: by their number at a place.
#[test]
fn a_change_of_memory_of_an_older_version_is_not_made_again_after_an_edit() {
    let (project, _) = restore_journal("format_4.sql");
    project.write("cascade.toml", "");
    let program = std::fs::read_to_string(format!("{FOLDER}/memory.cascade")).unwrap();
    let runs = project.store().runs().unwrap();
    let run = runs.into_iter().find(|run| run.file == "memory.cascade").unwrap();
    let edited = program.replace("  notes.seen += [\"one\"]", "  notes.seen += [\"new\"]\n  notes.seen += [\"one\"]");
    assert_ne!(program, edited);
    for text in [&edited, &program, &edited] {
        assert!(project.run(text, Begin::Resume(run.id.clone())).result.is_err());
    }
    project.write("ready", "");
    assert_eq!(result_json(&project.run(&edited, Begin::Resume(run.id))), "new one two");
    assert_eq!(project.store().memory().unwrap()[0].value, json!(["one", "two", "new"]));
}
