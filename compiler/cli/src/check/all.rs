//! Checks any number of files on all cores.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use cascade_compiler::{
    Diagnostic, FileSources, Levels, Report, SourceMap, compile,
    cost::{self, Cost},
};

use crate::{
    args::CheckArgs,
    error::Stop,
    files, jobs,
    projects::{Found, Projects},
};

/// What was found.
pub struct Checked {
    /// The diagnostics.
    pub report: Report,
    /// How many files were checked.
    pub files: usize,
    /// Their names.
    pub names: BTreeSet<String>,
    /// The project of the first path, or of the current folder.
    pub project: Option<Arc<Found>>,
    /// The folders in which a change can matter.
    pub folders: BTreeSet<PathBuf>,
    /// The worst cases of the cascades, and the files that they name, by file.
    pub costs: Vec<(Vec<Cost>, Vec<String>)>,
}

/// What one compilation has found.
struct One {
    name: String,
    sources: SourceMap,
    diagnostics: Vec<Diagnostic>,
    costs: Option<(Vec<Cost>, Vec<String>)>,
}

/// Which worst cases are wanted: none, those of the files' own cascades, or all.
#[derive(Clone, Copy)]
enum Wanted {
    None,
    Own,
    All,
}

/// Checks what the call names.
pub fn check_all(args: &CheckArgs) -> Result<Checked, Stop> {
    let mut projects = Projects::default();
    let found = files::expand_paths(&args.paths, &mut projects)?;
    let owners = found.files.iter().map(|file| projects.of_file(file)).collect::<Result<Vec<_>, _>>()?;
    let jobs: Vec<(&Path, Levels)> = found
        .files
        .iter()
        .zip(&owners)
        .map(|(file, owner)| (file.as_path(), super::lint_levels(args, owner.as_deref())))
        .collect();
    let mut report = Report::default();
    projects.report(&mut report);
    let mut names = BTreeSet::new();
    let mut folders: BTreeSet<PathBuf> = found.folders.into_iter().collect();
    let wanted = match (args.cost, args.all) {
        (false, _) => Wanted::None,
        (true, false) => Wanted::Own,
        (true, true) => Wanted::All,
    };
    let mut costs = Vec::new();
    let mut told = BTreeSet::new();
    for one in on_all_cores(&jobs, wanted)? {
        if let Some((mut of, files)) = one.costs {
            // The worst case of a cascade that several files import is printed once.
            of.retain(|c| told.insert((files.get(c.place.file as usize).cloned(), c.place.line, c.place.column)));
            costs.push((of, files));
        }
        for (_, source) in one.sources.iter() {
            // A module of the standard library has no folder; neither has standard input.
            if let Some(folder) = Path::new(&source.name).parent().filter(|_| source.name.ends_with(".cascade")) {
                folders.insert(folder.to_path_buf());
            }
        }
        report.add(&one.sources, one.diagnostics);
        names.insert(one.name);
    }
    report.sort();
    let project = match args.paths.first() {
        Some(path) if path.is_dir() => projects.project_of(path)?,
        Some(path) => projects.of_file(path)?,
        None => projects.project_of(Path::new("."))?,
    };
    folders.extend(project.iter().map(|found| found.root.clone()));
    Ok(Checked { report, files: found.files.len(), names, project, folders, costs })
}

/// In the order of the jobs.
fn on_all_cores(jobs: &[(&Path, Levels)], wanted: Wanted) -> Result<Vec<One>, Stop> {
    if let [(file, levels)] = jobs {
        return Ok(vec![check_file(file, levels, wanted, true)?]);
    }
    jobs::run_on_all_cores(jobs, |(file, levels)| check_file(file, levels, wanted, false)).into_iter().collect()
}

fn check_file(file: &Path, levels: &Levels, wanted: Wanted, last: bool) -> Result<One, Stop> {
    let (name, text) = files::read_source(file)?;
    let mut compiled = compile(&name, text, &FileSources);
    let mut diagnostics = std::mem::take(&mut compiled.diagnostics);
    let sources = std::mem::take(&mut compiled.sources);
    levels.apply(&mut diagnostics);
    let costs = match (wanted, &compiled.program) {
        (Wanted::None, _) | (_, None) => None,
        (wanted, Some(p)) => Some((cost::costs(p, matches!(wanted, Wanted::All)), p.files.clone())),
    };
    if last {
        compiled.leak();
    }
    Ok(One { name, sources, diagnostics, costs })
}
