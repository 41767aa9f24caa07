//! The tree of a run on a real terminal: questions below it, failures, Ctrl-C, sizes, no colours.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;

use project::Project;
use terminal::{Terminal, without_times};

/// A command waits for a file beside a question, so that the moments to look at are known.
const ASKING: &str = r#"skill wait_for(file: string) -> string {
  run sh"echo waiting for $<file>; while ! test -e $<file>; do sleep 0.01; done"
}

cascade main(fails: bool = false) -> bool {
  stage all = parallel {
    stage work = for name in ["src/a.rs", "src/b.rs"] parallel {
      stage check = wait_for(name.replace("src/", ""))
    }
    stage sure = approve("Deploy this?\n+ a line\n- another line")
    stage last = failing(fails)
  }
  return all.sure
}

cascade failing(fails: bool) -> string {
  stage ready = wait_for("c")
  gate not fails, "it failed meanwhile"
  return ready
}
"#;

fn project() -> Project {
    let project = Project::new();
    project.write("flow.cascade", ASKING);
    project
}

fn start(project: &Project, more: &[&str], rows: u16, columns: u16) -> Terminal {
    let args = [&["run", "flow.cascade", "--no-journal"], more].concat();
    Terminal::start(project.path(), &args, rows, columns, &[])
}

#[test]
fn a_question_stands_below_the_tree_which_goes_on() {
    for columns in [80, 200] {
        let project = project();
        let mut terminal = start(&project, &[], 24, columns);
        terminal.wait_for("yes or no>");
        for line in ["waiting for a.rs", "waiting for b.rs", "waiting for c"] {
            terminal.wait_for(line);
        }
        terminal.press("mayx\u{7f}be");
        let asked = terminal.wait_for("yes or no> maybe");
        assert!(terminal.reads_keys());
        insta::assert_snapshot!("a_question_below_the_tree", without_times(&asked));
        // The tree goes on while the line is being typed.
        project.write("a.rs", "");
        let meanwhile = terminal.wait_for("✓ [0] src/a.rs check");
        assert!(meanwhile.contains("yes or no> maybe"), "{meanwhile}");
        terminal.press("\n");
        terminal.wait_for("`maybe` is neither yes nor no");
        terminal.press("yes\n");
        terminal.wait_for("✓ sure");
        project.write("b.rs", "");
        project.write("c", "");
        let (status, screen) = terminal.finish();
        assert!(status.success(), "{screen}");
        insta::assert_snapshot!("after_the_answer", without_times(&screen));
    }
}

#[test]
fn a_question_ends_when_its_run_fails() {
    let project = project();
    let terminal = start(&project, &["fails=true"], 24, 80);
    terminal.wait_for("yes or no>");
    project.write("c", "");
    let (status, screen) = terminal.finish();
    assert_eq!(status.code(), Some(1), "{screen}");
    assert!(screen.contains("it failed meanwhile") && !screen.contains("yes or no>"), "{screen}");
    assert!(screen.contains("> no answer is needed any more"), "{screen}");
}

#[test]
fn ctrl_c_ends_a_run_that_asks() {
    let project = project();
    let mut terminal = start(&project, &[], 24, 80);
    terminal.wait_for("yes or no>");
    terminal.press("\u{3}");
    let (status, screen) = terminal.finish();
    assert_eq!(status.code(), Some(130), "{screen}");
    assert!(screen.ends_with("cancelled"), "{screen}");
}

/// What was typed before a question was shown, or after the end of the line, answers nothing.
#[test]
fn what_is_typed_ahead_is_no_answer() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        r#"skill go() -> string {
  run sh"while ! test -e go; do sleep 0.01; done"
}

cascade main() -> string {
  stage begun = go()
  stage first = ask("$<begun>the first?")
  stage second = ask("the second after $<first>?")
  return "$<first> and $<second>"
}
"#,
    );
    let mut terminal = start(&project, &[], 24, 80);
    terminal.wait_for("begun");
    terminal.press("typed ahead\n");
    project.write("go", "");
    terminal.wait_for("the first?");
    // The terminal itself has shown it; it is not in the line of the answer.
    terminal.press("one\ntwo\nthree\n");
    let screen = terminal.wait_for("the second after one?");
    assert!(!screen.contains("> two"), "{screen}");
    terminal.press("2\n");
    let (status, screen) = terminal.finish();
    assert!(status.success() && screen.ends_with("one and 2"), "{screen}");
}

#[test]
fn another_size_leaves_nothing_behind() {
    let project = project();
    let mut terminal = start(&project, &[], 24, 120);
    terminal.wait_for("yes or no>");
    for (rows, columns) in [(20, 60), (24, 90), (14, 40)] {
        terminal.resize(rows, columns);
        // Drawn at least once in the new size.
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    terminal.press("yes\n");
    for name in ["a.rs", "b.rs", "c"] {
        project.write(name, "");
    }
    let (status, screen) = terminal.finish();
    assert!(status.success(), "{screen}");
    assert_eq!(screen.matches(" main ").count(), 1, "{screen}");
}

#[test]
fn a_thousand_branches_with_retries_are_counted() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        r#"skill check(n: int) -> int {
  run sh"""
    if [ $<n> -ge 900 ]; then while ! test -e go; do sleep 0.01; done; fi
    if [ $<n> -eq 7 ] && ! test -e again; then touch again; echo "no luck" >&2; exit 3; fi
    echo $<n>
    """
    output json int
}

cascade main() -> int {
  stage all = for n in range(1_000) parallel max 8 {
    stage one = check(n)
      retry 1 backoff 1ms..1ms
  }
  return all.len()
}
"#,
    );
    for (rows, columns) in [(24, 80), (50, 200)] {
        let _ = fs::remove_file(project.path().join("go"));
        let _ = fs::remove_file(project.path().join("again"));
        let terminal = start(&project, &[], rows, columns);
        let screen = terminal.wait_for("900 of 1000 done, 8 running");
        assert!(screen.lines().count() < rows.into() && screen.contains("[907] one"), "{screen}");
        project.write("go", "");
        let (status, screen) = terminal.finish();
        assert!(status.success() && screen.ends_with("\n1000"), "{screen}");
    }
}

#[test]
fn colours_can_be_left_out() {
    for (variables, coloured, tree) in
        [(&[][..], true, true), (&[("NO_COLOR", "1")][..], false, true), (&[("TERM", "dumb")][..], false, false)]
    {
        let project = project();
        let args = ["run", "flow.cascade", "--no-journal"];
        let mut terminal = Terminal::start(project.path(), &args, 24, 80, variables);
        terminal.wait_for("yes or no>");
        assert_eq!((terminal.has_colour(), terminal.reads_keys()), (coloured, tree), "{variables:?}");
        terminal.press("yes\n");
        for name in ["a.rs", "b.rs", "c"] {
            project.write(name, "");
        }
        let (status, screen) = terminal.finish();
        assert!(status.success(), "{variables:?}: {screen}");
        assert_eq!(screen.contains("✓ main"), tree, "{variables:?}: {screen}");
    }
}

/// What the project says: a bell, and a program that gets the question.
#[test]
fn a_question_rings_when_the_project_says_so() {
    let project = project();
    let note = project.path().join("note");
    fs::write(&note, "#!/bin/sh\nprintf '%s|' \"$@\" >> told\n").unwrap();
    fs::set_permissions(&note, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    project.write("cascade.toml", &format!("[run]\nbell = true\nnotify = [\"{}\", \"Cascade\"]\n", note.display()));
    let mut terminal = start(&project, &[], 24, 80);
    terminal.wait_for("yes or no>");
    terminal.press("no\n");
    for name in ["a.rs", "b.rs", "c"] {
        project.write(name, "");
    }
    assert!(terminal.bells() > 0);
    assert!(terminal.finish().0.success());
    assert_eq!(project.lines("told"), ["Cascade|main/all/sure: Deploy this?|"]);
}

#[test]
fn a_watched_program_runs_again_with_what_is_recorded() {
    let program = |second: &str| {
        format!(
            r#"skill note(text: string) -> string {{
  run sh"echo $<text> | tee -a noted"
}}

cascade main() -> string {{
  stage first = note("one")
  stage second = note("{second}")
  return "$<first> and $<second>"
}}
"#
        )
    };
    let project = Project::new();
    project.write("flow.cascade", &program("two"));
    let mut terminal = Terminal::start(project.path(), &["run", "flow.cascade", "--watch"], 30, 80, &[]);
    terminal.wait_for("one and two\n");
    terminal.wait_for("watching the program");
    project.write("flow.cascade", &program("three"));
    terminal.wait_for("one and three\n");
    // Mistakes are shown, and it goes on.
    project.write("flow.cascade", &program("four").replace("return", "retrun"));
    terminal.wait_for("1 error");
    project.write("flow.cascade", &program("four"));
    terminal.wait_for("one and four\n");
    terminal.press("\u{3}");
    let (status, screen) = terminal.finish();
    assert_eq!(status.code(), Some(130), "{screen}");
    assert_eq!(project.lines("noted"), ["one", "two", "three", "four"]);
}

#[test]
fn a_long_record_is_folded_and_shown_by_a_pager() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        r#"skill check(n: int) -> int {
  run sh"""
    if [ $<n> -eq 60 ]; then echo "no luck" >&2; exit 3; fi
    echo $<n>
    """
    output json int
}

cascade main() -> int {
  stage all = for n in range(100) parallel max 8 {
    stage one = check(n)
      on error fallback -1
  }
  return all.len()
}
"#,
    );
    assert!(project.call(&["run", "-q", "flow.cascade"]).status.success());
    let (_, screen) = Terminal::start(project.path(), &["runs", "show"], 40, 90, &[("PAGER", "false")]).finish();
    for text in [
        "✓ all[0] one",
        "✓ all[2] one",
        "✓ all[60] one",
        "fell back",
        "… 96 more rounds of `all` are done; --full shows them",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    assert!(!screen.contains("all[3]\n"), "{screen}");
    // What does not fit goes to the pager, all of it.
    let pager = [("PAGER", "cat > paged; echo through the pager")];
    let (_, screen) = Terminal::start(project.path(), &["runs", "show", "--full"], 40, 90, &pager).finish();
    assert_eq!(screen, "through the pager");
    assert!(project.lines("paged").len() > 200);
    // Without a terminal there is none.
    let piped = project.command(&["runs", "show", "--full"]).env("PAGER", "cat > /dev/null").output().unwrap();
    assert_eq!(project::stdout(&piped).lines().count(), project.lines("paged").len());
}
