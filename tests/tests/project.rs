//! Checks of projects with many files: one report, and `--watch`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use cascade_tests::binary::cascadec;

fn cascadec_in(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(cascadec().as_ref().unwrap());
    command.args(args).current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn write_file(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// An error in a file that many files import is reported once; the report is sorted and deterministic.
#[test]
fn many_files_give_one_report() {
    let folder = tempfile::tempdir().unwrap();
    write_file(folder.path(), "cascade.toml", "[project]\nexclude = [\"not_this\"]\n");
    write_file(folder.path(), "shared.cascade", "type Shared { n: int }\nfn wrong() -> int = nothing\n");
    write_file(folder.path(), "not_this/a.cascade", "fn wrong() -> int = nothing\n");
    write_file(folder.path(), ".hidden/a.cascade", "fn wrong() -> int = nothing\n");
    write_file(folder.path(), "target/a.cascade", "fn wrong() -> int = nothing\n");
    for i in 0..200 {
        let wrong = if i % 10 == 0 { "fn more() -> int = missing\n" } else { "" };
        let text =
            format!("import \"../shared.cascade\" {{ Shared }}\n\nfn own(s: Shared) -> int = s.n + {i}\n{wrong}");
        write_file(folder.path(), &format!("flows/f{i:03}.cascade"), &text);
    }
    let mut all = Vec::new();
    for (below, args) in [
        ("", &["check", "--format", "short"][..]),
        ("", &["check", "--format", "short", "."]),
        ("flows", &["check", "--format", "short"]),
    ] {
        let output = cascadec_in(&folder.path().join(below), args).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stdout).unwrap().replace("../", "");
        all.push(text.replace("flows/flows/", "flows/"));
    }
    let lines: Vec<&str> = all[0].lines().collect();
    assert_eq!(lines.len(), 21, "{}", all[0]);
    assert!(
        lines.is_sorted() && lines.iter().filter(|l| l.starts_with("shared.cascade:2:21: error[E0201]")).count() == 1
    );
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}

/// A process that is killed when the test ends.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watching {
    fn start(folder: &Path) -> Self {
        let mut child =
            cascadec_in(folder, &["check", "--watch"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    /// The output until the process waits for changes.
    fn read_round(&self) -> String {
        let mut out = String::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60)).expect(&out);
            let waits = line.starts_with("watching ");
            out.push_str(&line);
            out.push('\n');
            if waits {
                return out;
            }
        }
    }

    /// Reads rounds until one contains a text: one change can cause several rounds.
    fn read_until(&self, wanted: &str) -> String {
        loop {
            let said = self.read_round();
            if said.contains(wanted) {
                return said;
            }
        }
    }
}

#[test]
fn watch_reports_every_kind_of_change() {
    let folder = tempfile::tempdir().unwrap();
    let good = "fn one() -> int = 1\n";
    write_file(folder.path(), "cascade.toml", "");
    write_file(folder.path(), "a.cascade", good);
    let watching = Watching::start(folder.path());
    assert_eq!(watching.read_round(), "1 file checked: no mistakes found\nwatching 1 file; Ctrl-C ends\n");
    // An error is made and corrected.
    write_file(folder.path(), "a.cascade", "fn one() -> int = two\n");
    assert!(watching.read_until("1 file checked: 1 error").contains("changed: a.cascade\n[E0201] Error: "));
    write_file(folder.path(), "a.cascade", good);
    watching.read_until("1 file checked: no mistakes found");
    // A new file in a new folder, which is watched from then on.
    write_file(folder.path(), "deep/b.cascade", good);
    watching.read_until("2 files checked: no mistakes found");
    write_file(folder.path(), "deep/b.cascade", "fn one() -> int = two\n");
    watching.read_until("2 files checked: 1 error");
    // A file is replaced by renaming, as editors do, and removed.
    write_file(folder.path(), "deep/b.cascade~", good);
    fs::rename(folder.path().join("deep/b.cascade~"), folder.path().join("deep/b.cascade")).unwrap();
    watching.read_until("2 files checked: no mistakes found");
    fs::remove_file(folder.path().join("deep/b.cascade")).unwrap();
    watching.read_until("1 file checked: no mistakes found");
    // `cascade.toml` changes.
    write_file(folder.path(), "cascade.toml", "[chekc]\n");
    assert!(watching.read_until("1 file checked: 1 error").contains("did you mean `check`?"));
}
