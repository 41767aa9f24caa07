//! The pictures of the README are what a terminal shows.
//!
//! `CASCADE_WRITE_DOCS=1 cargo test -p cascade-tests --test pictures` draws them again. Times are not compared.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;
#[path = "support/svg.rs"]
mod svg;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;

use cascade_tests::programs::repository_root;
use project::Project;
use terminal::Terminal;

/// The program `file` of the first page that a reader opens.
fn program_of_tour(file: &str) -> String {
    let page = fs::read_to_string(repository_root().join("docs/five-minutes.md")).unwrap();
    let begin = format!("```cascade {file}\n");
    let text = page.split_once(&begin).unwrap_or_else(|| panic!("the page has no {file}")).1;
    text.split_once("```").unwrap().0.to_owned()
}

/// A picture without the figures that differ from run to run.
fn comparable(picture: &str) -> String {
    let lines = picture.lines().map(|line| {
        let Some((head, text)) = line.split_once('>').filter(|_| line.starts_with("<text")) else {
            return line.to_owned();
        };
        // A time of another length is as wide as it is.
        let head = head.split_once(" textLength").map_or(head, |(head, _)| head);
        format!("{head}{}", terminal::without_times(text.trim_end_matches("</text>")))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn compare_or_write(name: &str, title: &str, screen: &vt100::Screen) {
    for theme in &svg::THEMES {
        let path = repository_root().join(format!("docs/pictures/{name}-{}.svg", theme.name));
        let picture = svg::draw(screen, title, theme);
        if std::env::var_os("CASCADE_WRITE_DOCS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &picture).unwrap();
        }
        let known = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            comparable(&known) == comparable(&picture),
            "{} is old: CASCADE_WRITE_DOCS=1 draws it.\n{}",
            path.display(),
            screen.contents()
        );
    }
}

#[test]
fn a_diagnostic() {
    let project = Project::new();
    project.write("broken.cascade", &program_of_tour("broken.cascade"));
    let terminal = Terminal::start(project.path(), &["check", "broken.cascade"], 24, 64, &[]);
    let (status, screen) = terminal.finish_with_screen();
    assert_eq!(status.code(), Some(1));
    compare_or_write("diagnostic", "cascadec check: `Commit` has no field `auhtor`, did you mean `author`?", &screen);
}

/// The moment at which a person is asked, while files are still being checked and one is tried again.
const RELEASE: &str = r#"skill lint(file: path) -> string {
  run sh"""
    echo "reading $<file>"
    while ! test -e finished; do sleep 0.01; done
    """
}

skill check(file: path) -> string {
  run sh"echo ok"
}

skill upload(name: string) -> string {
  run sh"""
    test -e finished || { echo "503 from the registry" >&2; exit 1; }
    """
}

cascade release(version: string = "1.4.0") -> string {
  stage checks = parallel {
    stage format = for file in ["src/lib.rs", "src/main.rs"] {
      stage ok = check(file)
    }
    stage lints = for file in ["src/lib.rs", "src/main.rs", "build.rs"] parallel max 2 {
      stage findings = lint(file)
    }
    stage draft = upload("draft-$<version>")
      retry 5 backoff 30s..90s
    stage sure = approve("Publish $<version>?\nThree files have changed since 1.3.2.")
  }
  return version
}
"#;

#[test]
fn a_tree() {
    let project = Project::new();
    project.write("release.cascade", RELEASE);
    let args = ["run", "release.cascade", "--no-journal"];
    let mut terminal = Terminal::start(project.path(), &args, 24, 78, &[]);
    for text in ["reading src/lib.rs", "reading src/main.rs", "goes on within", "yes or no>"] {
        terminal.wait_for(text);
    }
    terminal.press("ye");
    terminal.wait_for("yes or no> ye");
    let screen = terminal.screen();
    compare_or_write("tree", "cascadec run: a tree of stages with a question below it", &screen);
}
