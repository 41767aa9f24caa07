//! Where the system has few open files, programs wait for each other instead of failing.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::process::Command;

use cascade_tests::binary::cascadec;
use project::Project;

#[test]
fn programs_wait_while_there_are_no_more_open_files() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        "skill job(n: int) -> string {\n  run sh\"sleep 0.02; echo $<n>\"\n}\n\
         cascade main() -> int {\n  stage all = for n in range(40) parallel max 24 {\n    stage a = job(n)\n    a\n  }\n  \
         return all.len()\n}\n",
    );
    let binary = cascadec().as_ref().unwrap().display().to_string();
    let script = format!("ulimit -n 40; exec '{binary}' run -q -j 24 flow.cascade");
    let output = Command::new("sh").args(["-c", &script]).current_dir(project.path()).output().unwrap();
    assert_eq!(project::stdout(&output), "40\n", "{}", project::stderr(&output));
}
