//! The small commands: `build`, `explain`, `graph`.

use std::{
    io::{IsTerminal, Write},
    path::Path,
    process::{Command, Stdio},
};

use cascade_compiler::{Code, codes, graph};

use crate::{
    args::{BuildArgs, ExplainArgs, GraphArgs, GraphFormat},
    error::Stop,
    files,
    generate::SHEET,
    journal,
    runs::picture::{self, RunPicture},
};

/// Writes a file, or to standard output for `-`.
pub fn write_file(path: &Path, text: &str) -> Result<(), Stop> {
    if path.as_os_str() == "-" {
        return print_text(text);
    }
    std::fs::write(path, text).map_err(|e| Stop::file("write", path, &e))
}

/// Prints to standard output; a closed pipe is no error.
pub fn print_text(text: &str) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Stop::file("write to", Path::new("standard output"), &e))
        }
        _ => Ok(()),
    }
}

/// Prints to standard output, on a terminal through `PAGER` (`less` if absent; empty or `cat` for none) when there is more
/// than fits.
pub fn page_text(text: &str) -> Result<(), Stop> {
    let rows = terminal_size::terminal_size_of(std::io::stdout()).map(|(_, rows)| usize::from(rows.0));
    let is_long = std::io::stdout().is_terminal() && rows.is_some_and(|rows| text.lines().count() >= rows);
    let pager = std::env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    if !is_long || pager.trim().is_empty() || pager == "cat" {
        return print_text(text);
    }
    // As git has it: colours as they are, no pager for what fits, the text stays on the screen.
    let mut command = Command::new("sh");
    command.args(["-c", &pager]).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.spawn() else { return print_text(text) };
    if let Some(mut stdin) = child.stdin.take() {
        // One who leaves the pager does not want the rest.
        let _ = stdin.write_all(text.as_bytes());
    }
    match child.wait() {
        // Of a program that is not there the shell says so.
        Ok(status) if status.code() == Some(127) => print_text(text),
        _ => Ok(()),
    }
}

/// `cascadec build`.
pub fn run_build(args: &BuildArgs, color: bool) -> Result<u8, Stop> {
    let program = files::load_program(&args.file, color, true)?;
    let text =
        serde_json::to_string(&program).map_err(|e| Stop::usage(format!("the program cannot be written: {e}")))?;
    let out = args.output.clone().unwrap_or_else(|| args.file.with_extension("cir"));
    write_file(&out, &text)?;
    if out.as_os_str() != "-" {
        let (cascades, skills) = (count_of(program.entries.len(), "cascade"), count_of(program.skills.len(), "skill"));
        eprintln!("{}: {cascades}, {skills}", out.display());
    }
    Ok(0)
}

/// "1 skill", "2 skills".
fn count_of(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// `cascadec explain`.
pub fn run_explain(args: &ExplainArgs) -> Result<u8, Stop> {
    let Some(wanted) = &args.code else {
        let mut text = String::new();
        for (code, _) in codes::ALL {
            text.push_str(&format!("{}  {}\n", code.as_str(), code.explanation().title()));
        }
        print_text(&text)?;
        return Ok(0);
    };
    let digits: Vec<&(Code, _)> =
        codes::ALL.iter().filter(|(code, _)| code.as_str().get(1..) == Some(wanted)).collect();
    let code = match digits.as_slice() {
        [one] => Some(one.0),
        [] => Code::find(wanted),
        several => {
            let codes: Vec<String> = several.iter().map(|(code, _)| format!("`{}`", code.as_str())).collect();
            return Err(Stop::usage_help(
                format!("`{wanted}` is not one code"),
                format!("write {}", codes.join(" or ")),
            ));
        }
    };
    match code {
        Some(code) => {
            let page = code.explanation().page;
            let (title, rest) = page.split_once('\n').unwrap_or((page, ""));
            print_text(&format!("{}: {}\n{rest}", code.as_str(), title.trim_start_matches(['#', ' '])))?;
            Ok(0)
        }
        None => {
            // A word: the pages that are about it.
            let find = |part: fn(&str) -> &str| -> Vec<String> {
                let pages = codes::ALL.iter().filter(|(code, _)| has_word(part(code.explanation().page), wanted));
                pages.map(|(code, _)| format!("{}  {}\n", code.as_str(), code.explanation().title())).collect()
            };
            // What is said counts more than what an example uses.
            let mut about = find(|page| page.split("```").next().unwrap_or(page));
            if about.is_empty() {
                about = find(|page| page);
            }
            // Rows of the language's tables whose first cell has the word.
            let rows: Vec<String> = SHEET
                .lines()
                .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "))
                .filter(|(head, _)| head.starts_with('`') && has_word(head, wanted))
                .map(|(head, rest)| format!("{head}: {}\n", rest.trim_start_matches("| ")))
                .take(10)
                .collect();
            if about.is_empty() && rows.is_empty() {
                let help = "`cascadec explain` lists all codes";
                return Err(Stop::usage_help(format!("there is no code `{wanted}`, and no page is about it"), help));
            }
            if !about.is_empty() {
                about.push("`cascadec explain CODE` prints one of them\n".to_owned());
            }
            print_text(&(rows.concat() + &about.concat()))?;
            Ok(0)
        }
    }
}

/// Whether a text has a word.
fn has_word(text: &str, word: &str) -> bool {
    let word = word.to_lowercase();
    text.to_lowercase().split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).any(|part| part == word)
}

/// `cascadec graph`.
pub fn run_graph(args: &GraphArgs, color: bool) -> Result<u8, Stop> {
    let program = files::load_program(&args.file, color, true)?;
    let cascade = files::find_entry(&program, args.cascade.as_deref())?;
    let Some(picture) = graph::draw_picture(&program, cascade) else {
        return Err(Stop::usage("this program refers to a cascade that it does not have"));
    };
    let text = match args.format {
        GraphFormat::Svg => {
            let seen = match &args.run {
                Some(run) => picture_of_run(args, run, &picture.name)?,
                None => RunPicture::default(),
            };
            let annotations =
                graph::Annotations { files: &program.files, stages: seen.stages, failed_at: seen.failed_at };
            graph::to_svg(&picture, &annotations)
        }
        GraphFormat::Mermaid | GraphFormat::Dot if args.run.is_some() => {
            return Err(Stop::usage_help("only an SVG can show a run", "add `--format svg`"));
        }
        GraphFormat::Mermaid => graph::to_mermaid(&picture),
        GraphFormat::Dot => graph::to_dot(&picture),
    };
    match &args.output {
        Some(path) => write_file(path, &text)?,
        None => print_text(&text)?,
    }
    Ok(0)
}

/// What is shown of a run: of the one with an id, or of the last one of this cascade of this file; with a note on standard
/// error when that was never run.
fn picture_of_run(args: &GraphArgs, run: &str, cascade: &str) -> Result<RunPicture, Stop> {
    let not_run = || {
        eprintln!("note: no run of `{cascade}` is recorded: the picture shows none");
        Ok(RunPicture::default())
    };
    let file = std::fs::canonicalize(&args.file).map_err(|e| Stop::file("read", &args.file, &e))?;
    let store = match journal::find_of_file(&file) {
        Some(path) => journal::open_store(&path)?,
        None if run == "last" => return not_run(),
        None => journal::open_project_store()?,
    };
    if run == "last" {
        return match journal::newest_run_of(&store.runs()?, &file, cascade) {
            Some(run) => picture::read_run(&*store, run),
            None => not_run(),
        };
    }
    let run = journal::find_run(&*store, run)?;
    if run.cascade != cascade {
        return Err(Stop::usage_help(
            format!("the run {} is one of `{}`, and the picture one of `{cascade}`", run.id, run.cascade),
            format!("name the cascade: `cascadec graph {} {}`", args.file.display(), run.cascade),
        ));
    }
    picture::read_run(&*store, &run)
}
