//! The small commands: `build`, `explain`, `graph`, `completions`.

use std::{io::Write, path::Path};

use cascade_compiler::{Code, codes, graph};
use clap::CommandFactory;

use crate::{
    args::{BuildArgs, Cli, CompletionsArgs, ExplainArgs, GraphArgs, GraphFormat},
    error::Stop,
    files,
};

/// Writes a file, or to standard output for `-`.
pub fn write(path: &Path, text: &str) -> Result<(), Stop> {
    if path.as_os_str() == "-" {
        return print(text);
    }
    std::fs::write(path, text).map_err(|e| Stop::file("write", path, &e))
}

/// Prints to standard output; a closed pipe is no error.
pub fn print(text: &str) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Stop::file("write to", Path::new("standard output"), &e))
        }
        _ => Ok(()),
    }
}

/// `cascadec build`.
pub fn build(args: &BuildArgs, color: bool) -> Result<u8, Stop> {
    let program = files::program(&args.file, color, true)?;
    let text =
        serde_json::to_string(&program).map_err(|e| Stop::usage(format!("the program cannot be written: {e}")))?;
    let out = args.output.clone().unwrap_or_else(|| args.file.with_extension("cir"));
    write(&out, &text)?;
    if out.as_os_str() != "-" {
        let (cascades, skills) = (count(program.entries.len(), "cascade"), count(program.skills.len(), "skill"));
        eprintln!("{}: {cascades}, {skills}", out.display());
    }
    Ok(0)
}

/// "1 skill", "2 skills".
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// `cascadec explain`.
pub fn explain(args: &ExplainArgs) -> Result<u8, Stop> {
    let Some(wanted) = &args.code else {
        let mut text = String::new();
        for (code, _) in codes::ALL {
            text.push_str(&format!("{}  {}\n", code.as_str(), code.explanation().title()));
        }
        print(&text)?;
        return Ok(0);
    };
    match Code::find(wanted) {
        Some(code) => {
            let page = code.explanation().page;
            let (title, rest) = page.split_once('\n').unwrap_or((page, ""));
            print(&format!("{}: {}\n{rest}", code.as_str(), title.trim_start_matches(['#', ' '])))?;
            Ok(0)
        }
        None => Err(Stop::usage_help(format!("there is no code `{wanted}`"), "`cascadec explain` lists all codes")),
    }
}

/// `cascadec graph`.
pub fn draw(args: &GraphArgs, color: bool) -> Result<u8, Stop> {
    let program = files::program(&args.file, color, true)?;
    let cascade = files::entry(&program, args.cascade.as_deref())?;
    let Some(picture) = graph::picture(&program, cascade) else {
        return Err(Stop::usage("this program refers to a cascade that it does not have"));
    };
    let text = match args.format {
        GraphFormat::Mermaid => graph::mermaid(&picture),
        GraphFormat::Dot => graph::dot(&picture),
        GraphFormat::Svg => graph::svg(&picture),
    };
    match &args.output {
        Some(path) => write(path, &text)?,
        None => print(&text)?,
    }
    Ok(0)
}

/// `cascadec completions`.
pub fn completions(args: &CompletionsArgs) -> Result<u8, Stop> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cascadec", &mut out);
    print(&String::from_utf8_lossy(&out))?;
    Ok(0)
}
