//! `cascadec check`.

use cascade_compiler::{Diagnostic, FileSources, Severity, compile, render};

use crate::{
    args::{CheckArgs, Format},
    error::Stop,
    files,
};

/// Checks files; exit 1 when anything is an error.
pub fn run(args: &CheckArgs, color: bool) -> Result<u8, Stop> {
    let deny = !args.deny.is_empty();
    let format = match args.format {
        Format::Human => render::Format::Human,
        Format::Short => render::Format::Short,
        Format::Json => render::Format::Json,
        Format::Github => render::Format::Github,
    };
    let files = files::expand(&args.paths)?;
    let count = files.len();
    let mut all: Vec<Diagnostic> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (index, path) in files.iter().enumerate() {
        let (name, text) = files::read(path)?;
        let mut compiled = compile(&name, text, &FileSources);
        // A file that several others import is reported once.
        let mut diagnostics: Vec<Diagnostic> = std::mem::take(&mut compiled.diagnostics)
            .into_iter()
            .filter(|d| {
                let source = compiled.sources.get(d.primary.source);
                seen.insert((source.name.clone(), d.primary.span, d.code, d.message.clone()))
            })
            .collect();
        if deny {
            for d in &mut diagnostics {
                d.severity = Severity::Error;
            }
        }
        let text = render::render(&diagnostics, &compiled.sources, format, color);
        match args.format {
            Format::Human => eprint!("{text}"),
            _ => print!("{text}"),
        }
        all.append(&mut diagnostics);
        if index + 1 == count {
            compiled.leak();
        }
    }
    if args.format == Format::Human {
        let files = if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        match render::summary(&all) {
            Some(summary) => eprintln!("{files} checked: {summary}"),
            None => eprintln!("{files} checked: no mistakes found"),
        }
    }
    Ok(u8::from(all.iter().any(|d| d.severity == Severity::Error)))
}
