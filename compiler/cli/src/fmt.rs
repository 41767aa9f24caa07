//! `cascadec fmt`.

use cascade_compiler::{FileSources, compile, format::format, render};
use similar::{ChangeTag, TextDiff};

use crate::{args::FmtArgs, commands::print_text, error::Stop, files, projects::Projects};

/// Formats files, or says what would change.
pub fn run_fmt(args: &FmtArgs, color: bool) -> Result<u8, Stop> {
    let files = files::expand_paths(&args.paths, &mut Projects::default())?.files;
    let mut code = 0;
    let mut changed = 0;
    for path in &files {
        let (name, text) = files::read_source(path)?;
        let stdin = path.as_os_str() == "-";
        let parse = cascade_grammar::parse(&text);
        let Some(formatted) = format(&text, &parse) else {
            // Only syntax errors keep a file from being formatted; only those are printed.
            let checked = compile(&name, text, &FileSources);
            let syntax: Vec<_> = checked
                .diagnostics
                .into_iter()
                .filter(|d| d.code.as_str().starts_with("E01") && checked.sources.get(d.primary.source).name == name)
                .collect();
            eprint!("{}", render::render(&syntax, &checked.sources, render::Format::Human, color));
            eprintln!("{name}: not formatted, since it cannot be read");
            code = 1;
            continue;
        };
        if stdin && !args.check {
            print_text(&formatted)?;
            continue;
        }
        if formatted == *text {
            continue;
        }
        changed += 1;
        if args.check {
            code = 1;
            print_text(&show_diff(&name, &text, &formatted, color))?;
        } else {
            files::replace_file(path, &formatted)?;
            eprintln!("{name}: formatted");
        }
    }
    if args.check {
        match changed {
            0 if code == 0 => eprintln!("{} formatted", count_files(files.len())),
            0 => {}
            n => eprintln!("{} would change; run `cascadec fmt` to format", count_files(n)),
        }
    }
    Ok(code)
}

fn count_files(n: usize) -> String {
    if n == 1 { "1 file".to_owned() } else { format!("{n} files") }
}

fn show_diff(name: &str, before: &str, after: &str, color: bool) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut out = format!("--- {name}\n+++ {name} (formatted)\n");
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        out.push_str(&format!("{}\n", hunk.header()));
        for change in hunk.iter_changes() {
            let (sign, paint) = match change.tag() {
                ChangeTag::Delete => ('-', "\x1b[31m"),
                ChangeTag::Insert => ('+', "\x1b[32m"),
                ChangeTag::Equal => (' ', ""),
            };
            let line = change.value().trim_end_matches(['\n', '\r']);
            if color && !paint.is_empty() {
                out.push_str(&format!("{paint}{sign}{line}\x1b[0m\n"));
            } else {
                out.push_str(&format!("{sign}{line}\n"));
            }
        }
    }
    out
}
