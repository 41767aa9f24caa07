//! The cost of a check grows linearly with the program: instructions, counted by valgrind where it is installed, for
//! programs that once took more.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fs, path::Path, process::Command};

use cascade_tests::binary::cascadec;

/// The largest factor of additional instructions for twice the additional input.
const MOST: f64 = 2.2;

/// Writes the files of a shape of size `n` to a folder; gives the one to check.
type Shape = fn(&Path, usize) -> &'static str;

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

fn lines(n: usize, line: impl Fn(usize) -> String) -> String {
    (0..n).map(line).collect()
}

fn wrong_fields(folder: &Path, n: usize) -> &'static str {
    let fields = lines(n, |i| format!("  field{i}: int\n"));
    let wrong = lines(n, |i| format!("    feild{i}: 1,\n"));
    write(
        folder,
        "a.cascade",
        &format!("type R {{\n{fields}}}\ncascade main() -> R {{\n  return {{\n{wrong}  }}\n}}\n"),
    );
    "a.cascade"
}

fn unknown_names(folder: &Path, n: usize) -> &'static str {
    let known = lines(n, |i| format!("fn name{i}(a: int) -> int = a\n"));
    write(folder, "a.cascade", &format!("{known}{}", lines(n, |i| format!("fn use{i}() -> int = nmae{i}(1)\n"))));
    "a.cascade"
}

fn characters_without_meaning(folder: &Path, n: usize) -> &'static str {
    write(folder, "a.cascade", &"@".repeat(4 * n));
    "a.cascade"
}

fn long_word(folder: &Path, n: usize) -> &'static str {
    let word = "a".repeat(64 * n);
    write(folder, "a.cascade", &format!("skill s(x: string) -> string {{\n  run sh\"echo {word}$<x>; true\"\n}}\n"));
    "a.cascade"
}

fn long_script(folder: &Path, n: usize) -> &'static str {
    let script = lines(n, |i| format!("    v{i}=$<x>; if [ -n \"$v{i}\" ]; then printf '%s' \"$v{i}\"; fi\n"));
    let text = format!("skill s(x: string) -> string {{\n  run sh\"\"\"\n{script}    \"\"\"\n}}\n");
    write(folder, "a.cascade", &text);
    "a.cascade"
}

fn chained_imports(folder: &Path, n: usize) -> &'static str {
    for i in 0..n {
        let import = if i + 1 < n { format!("import \"./m{}.cascade\" as next\n", i + 1) } else { String::new() };
        write(folder, &format!("m{i}.cascade"), &format!("{import}fn f{i}() -> int = 1\n"));
    }
    "m0.cascade"
}

/// Instructions that `cascadec check` executes.
fn instructions(shape: Shape, n: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let file = shape(folder.path(), n);
    let counts = folder.path().join("counts");
    let out = format!("--callgrind-out-file={}", counts.display());
    let binary = cascadec().as_ref().unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", &out])
        .arg(binary)
        .args(["check", "--format", "short", file])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text =
        fs::read_to_string(&counts).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    let total = text.lines().find_map(|line| line.strip_prefix("summary: ")).unwrap();
    total.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn checks_take_linear_time() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("valgrind is not installed: nothing was counted");
        return;
    }
    let shapes: [(&str, Shape, usize); 6] = [
        ("wrong fields", wrong_fields, 80),
        ("unknown names", unknown_names, 80),
        ("characters without meaning", characters_without_meaning, 100),
        ("a long word in a command", long_word, 80),
        ("a long script", long_script, 30),
        ("imports in a chain", chained_imports, 40),
    ];
    for (name, shape, n) in shapes {
        let [one, two, four] = [n, 2 * n, 4 * n].map(|n| instructions(shape, n));
        let (first, second) = (two - one, four - two);
        assert!(
            second <= MOST * first,
            "{name}: {first} more instructions from {n} to {}, {second} for twice that",
            2 * n
        );
    }
}

#[path = "support/project.rs"]
#[allow(dead_code)]
mod project;

/// The history of a growing list takes space for its changes only, and can be collected.
#[test]
fn the_history_of_a_memory_does_not_grow_with_the_square_of_a_list() {
    use cascade_runtime::Begin;
    let project = project::Project::new();
    let program = "memory notes: global {\n  items: list<int> = [7]\n}\n\
         cascade main(n: int) -> int {\n  for i in range(n) {\n    notes.items += [i]\n  }\n  return notes.items.len()\n}\n";
    let size = |n: usize| {
        let (done, _) = project.run_with(program, Begin::New, &serde_json::json!({ "n": n }), |_| {});
        let db = rusqlite::Connection::open(project.journal()).unwrap();
        let bytes: i64 = db
            .query_row("SELECT sum(length(change) + coalesce(length(value), 0)) FROM memory_changes", [], |r| r.get(0))
            .unwrap();
        (project::result_json(&done), bytes)
    };
    let (first, small) = size(200);
    let (second, large) = size(200);
    assert_eq!((first, second), (201.into(), 401.into()));
    assert!(large <= 3 * small, "{small} bytes after 200 changes, {large} after 400");
    // The value after each change is still shown.
    let store = project.store();
    let history = store.memory_history("notes", "items").unwrap();
    assert_eq!(history.len(), 400);
    assert_eq!(history[1].value, Some(serde_json::json!([7, 0, 1])));
    assert_eq!(history[399].value.as_ref().and_then(|v| v.as_array()).map(Vec::len), Some(401));
    // When the first run is removed, its changes are, too, and the rest keeps its first value.
    let runs = store.runs().unwrap();
    let db = rusqlite::Connection::open(project.journal()).unwrap();
    db.execute("UPDATE runs SET started = 0, ended = 0 WHERE id = ?1", [&runs[1].id]).unwrap();
    db.execute("UPDATE memory_changes SET at = 0 WHERE run = ?1", [&runs[1].id]).unwrap();
    let collected = store.collect(1_000, false).unwrap();
    assert_eq!((collected.runs, collected.changes), (1, 200));
    let left = store.memory_history("notes", "items").unwrap();
    assert_eq!(left.len(), 200);
    assert_eq!(left[0].value, history[200].value);
    assert_eq!(left[199].value, history[399].value);
    assert_eq!(store.memory().unwrap()[0].value, *history[399].value.as_ref().unwrap());
}
