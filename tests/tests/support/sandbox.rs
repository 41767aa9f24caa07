//! A project with a git repository, and a folder of its own for copies.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value as Json;

use super::project::{Project, stderr, stdout};

/// Skills that most programs here use.
pub const SKILLS: &str = r#"
skill write(repo: path, file: string, text: string) -> string {
  run sh"mkdir -p \"$(dirname $<file>)\"; echo $<text> > $<file>; cat $<file>" in repo
}

skill append(repo: path, file: string, text: string) -> string {
  run sh"echo $<text> >> $<file>; echo ran >> $<file>.log; cat $<file>" in repo
}

skill sh_in(repo: path, script: command) -> string {
  run script in repo
}
"#;

/// A project with a repository `repo`, and a cache of its own.
pub struct World {
    pub project: Project,
}

impl World {
    pub fn new() -> Self {
        let project = Project::new();
        let repo = project.path().join("repo");
        fs::create_dir(&repo).unwrap();
        for (name, text) in [("a.txt", "one\ntwo\nthree\nfour\nfive\n"), ("b.txt", "b\n"), (".gitignore", "*.log\n")] {
            fs::write(repo.join(name), text).unwrap();
        }
        let world = Self { project };
        // Machines without namespaces cannot hold these; what is held there is tested all the same.
        world.project.write("cascade.toml", "[sandbox]\nallow_unenforced = [\"metadata\", \"processes\"]\n");
        world.git(&["init", "-q"]);
        world.git(&["add", "-A"]);
        world.git(&["commit", "-qm", "first"]);
        world
    }

    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.project.path().join("repo"))
            .args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.project.path().join("repo").join(name)).unwrap_or_default()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.project.path().join("repo").join(name), text).unwrap();
    }

    pub fn program(&self, text: &str) {
        self.project.write("flow.cascade", &format!("{SKILLS}\n{text}"));
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.project.command(args);
        command.env("CASCADE_SANDBOX_FOLDER", self.project.path().join("copies"));
        command
    }

    pub fn run(&self) -> Output {
        self.command(&["run", "-q", "flow.cascade"]).output().unwrap()
    }

    pub fn result(&self) -> Json {
        let output = self.run();
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| Json::from(stdout(&output).trim_end()))
    }

    pub fn failure(&self) -> String {
        let output = self.run();
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        stderr(&output)
    }

    /// The id of the only run.
    pub fn run_id(&self) -> String {
        let runs = self.project.store().runs().unwrap();
        assert_eq!(runs.len(), 1);
        runs[0].id.clone()
    }

    /// Copies that were left.
    pub fn copies(&self) -> usize {
        let runs = fs::read_dir(self.project.path().join("copies")).into_iter().flatten().flatten();
        runs.map(|run| fs::read_dir(run.path()).into_iter().flatten().count()).sum()
    }
}

pub fn wait_for(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain");
        thread::sleep(Duration::from_millis(2));
    }
}

/// All files below a folder.
pub fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}
