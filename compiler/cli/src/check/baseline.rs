//! Known diagnostics of an old code base.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use cascade_compiler::project::baseline::{self, Baseline};

use super::all::Checked;
use crate::{args::CheckArgs, error::Stop, files, projects::from_here};

/// Where the baseline is, and the names of files in it.
struct Place {
    file: PathBuf,
    /// Whether it was named, so that it must exist.
    named: bool,
    root: PathBuf,
    /// Names in the baseline by names in messages.
    names: BTreeMap<String, String>,
    /// The names in the baseline of what was checked.
    checked: BTreeSet<String>,
}

impl Place {
    /// Where the baseline is; nothing is known of the names yet.
    fn find(args: &CheckArgs, checked: &Checked) -> Self {
        let here = || std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
        let root = checked.project.as_ref().map_or_else(here, |found| found.root.clone());
        let of_project = checked.project.as_ref().and_then(|found| found.project.baseline.as_deref());
        let file = match (&args.baseline, of_project) {
            (Some(file), _) => file.clone(),
            (None, Some(name)) => from_here(&root.join(name)),
            (None, None) => from_here(&root.join(baseline::FILE)),
        };
        let named = args.baseline.is_some() || of_project.is_some();
        Self { file, named, root, names: BTreeMap::new(), checked: BTreeSet::new() }
    }

    /// Finds out how the baseline calls what was checked.
    fn with_names(mut self, checked: &Checked) -> Self {
        let root = &self.root;
        let mut folders: BTreeMap<PathBuf, Option<PathBuf>> = BTreeMap::new();
        let mut in_it = |name: &str| {
            let path = Path::new(name);
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let known = folders.entry(folder.to_path_buf());
            let whole = known.or_insert_with(|| std::fs::canonicalize(folder).ok()).clone();
            // Standard input and the standard library are no files.
            let whole = whole.filter(|_| path.is_file())?.join(path.file_name()?);
            let inside: Vec<String> = whole
                .strip_prefix(root)
                .ok()?
                .components()
                .map(|part| part.as_os_str().to_string_lossy().into_owned())
                .collect();
            Some(inside.join("/"))
        };
        let sources = checked.report.sources.iter().map(|(_, source)| source.name.as_str());
        let names: BTreeMap<String, String> = sources
            .chain(checked.names.iter().map(String::as_str))
            .filter_map(|name| Some((name.to_owned(), in_it(name)?)))
            .collect();
        self.checked = checked.names.iter().filter_map(|name| names.get(name).cloned()).collect();
        self.names = names;
        self
    }

    fn place_text(&self) -> String {
        format!("`{}`", self.file.display())
    }

    fn read(&self) -> Result<Option<(String, std::sync::Arc<str>, Baseline)>, Stop> {
        if !self.named && !self.file.is_file() {
            return Ok(None);
        }
        let (name, text) = files::read_source(&self.file)?;
        match Baseline::parse(&text) {
            Ok(baseline) => Ok(Some((name, text, baseline))),
            Err(line) => Err(Stop::usage_help(
                format!("{} is not a baseline: line {line} is no entry", self.place_text()),
                "write it again with `cascadec check --write-baseline`",
            )),
        }
    }

    fn was_checked(&self, name: &str) -> bool {
        self.checked.contains(name) || !self.root.join(name).is_file()
    }
}

/// Drops the diagnostics that the baseline knows; returns their number and the baseline's name.
pub fn drop_known(args: &CheckArgs, checked: &mut Checked) -> Result<Option<(usize, String)>, Stop> {
    let place = Place::find(args, checked);
    let Some((name, text, known)) = place.read()? else { return Ok(None) };
    // Resolving the name of every file takes time, and few projects have a baseline.
    let place = place.with_names(checked);
    let report = &mut checked.report;
    let source = report.source(&name, &text);
    let mut diagnostics = std::mem::take(&mut report.diagnostics);
    let sifted = known.filter_known(
        &mut diagnostics,
        &report.sources,
        source,
        &|name| place.names.get(name).cloned(),
        &|name| place.was_checked(name),
    );
    let mut stale = sifted.stale;
    super::lint_levels(args, checked.project.as_deref()).apply(&mut stale);
    report.diagnostics = diagnostics;
    report.diagnostics.append(&mut stale);
    report.sort();
    Ok(Some((sifted.known, place.place_text())))
}

/// Writes all current diagnostics to the baseline.
pub fn write_baseline(args: &CheckArgs, checked: &mut Checked) -> Result<u8, Stop> {
    let place = Place::find(args, checked).with_names(checked);
    let before = if place.file.is_file() { place.read()? } else { None };
    let mut known = before.map(|(_, _, known)| known).unwrap_or_default();
    let report = &checked.report;
    known.update(&report.diagnostics, &report.sources, &|name| place.names.get(name).cloned(), &|name| {
        place.was_checked(name)
    });
    std::fs::write(&place.file, known.render()).map_err(|e| Stop::file("write", &place.file, &e))?;
    eprintln!("{}: {} known", place.file.display(), known.len());
    Ok(0)
}
