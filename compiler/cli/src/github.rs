//! Inside of GitHub Actions: what is found is annotated there, and the page of the run gets a summary.
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use std::{fs::OpenOptions, io::Write};

/// Whether this runs in GitHub Actions.
pub fn is_here() -> bool {
    std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true")
}

/// Adds Markdown to the summary of the job. A summary that cannot be written is no failure of the command.
pub fn add_summary(markdown: &str) {
    let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else { return };
    let written =
        OpenOptions::new().create(true).append(true).open(&file).and_then(|mut out| out.write_all(markdown.as_bytes()));
    if let Err(error) = written {
        eprintln!("the summary of the job cannot be written: {error}");
    }
}

/// A text for a cell of a table, in which nothing is markup.
pub fn escape_cell(text: &str) -> String {
    let text = cascade_ir::screen::neutral_line(text);
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '\\' | '|' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '&' | '@' | '#' | '~' | '!') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
