//! `cascadec doc`.

use std::{collections::BTreeSet, path::Path};

use cascade_compiler::{
    FileSources, compile,
    docgen::{self, About, Input},
};

use crate::{args::DocArgs, error::Stop, files, projects::Projects};

/// Writes the pages.
pub fn run_doc(args: &DocArgs) -> Result<u8, Stop> {
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        return Err(Stop::usage("documentation is written of files, not of standard input"));
    }
    let mut projects = Projects::default();
    let all = files::expand_paths(&args.paths, &mut projects)?.files;
    let first = args.paths.first().map_or(Path::new("."), |path| path.as_path());
    let project = if first.is_dir() { projects.project_of(first)? } else { projects.of_file(first)? };
    let root = project.as_ref().map(|found| found.root.clone());
    let folder = root.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let folder = folder.file_name().map_or_else(|| "Cascade".to_owned(), |name| name.to_string_lossy().into_owned());
    // Files are named by their path from the project's folder, whatever the current folder is.
    let title = |name: &str| {
        let whole = std::fs::canonicalize(name).ok();
        let inside = whole.as_ref().zip(root.as_ref()).and_then(|(whole, root)| whole.strip_prefix(root).ok());
        inside.map_or_else(|| name.to_owned(), |path| path.to_string_lossy().into_owned())
    };
    let said = project.as_ref().map(|found| found.project.clone()).unwrap_or_default();
    let mut inputs = Vec::new();
    let mut entry = None;
    for file in &all {
        let (name, text) = files::read_source(file)?;
        let compiled = compile(&name, text.clone(), &FileSources);
        if compiled.has_failed() {
            eprintln!("{name}: has errors, so its cascades have no pictures; `cascadec check` shows them");
        }
        let title = title(&name);
        if said.entry.as_deref() == Some(title.as_str()) {
            entry = Some(name.clone());
        }
        inputs.push(Input::new(&name, &title, &text, compiled.program, &FileSources));
    }
    let mut waiting: BTreeSet<String> = inputs.iter().flat_map(Input::modules).map(str::to_owned).collect();
    let mut modules = BTreeSet::new();
    while let Some(name) = waiting.pop_first() {
        let Some(text) = docgen::module(&name).filter(|_| modules.insert(name.clone())) else { continue };
        let program = compile(&name, text.into(), &FileSources).program;
        let input = Input::new(&name, &name, text, program, &FileSources);
        waiting.extend(input.modules().map(str::to_owned));
        inputs.push(input);
    }
    let about =
        About { name: said.name.unwrap_or(folder), version: said.version, description: said.description, entry };
    let pages = docgen::pages(&about, &inputs);
    std::fs::create_dir_all(&args.output).map_err(|e| Stop::file("write", &args.output, &e))?;
    for page in &pages {
        let path = args.output.join(&page.file);
        std::fs::write(&path, &page.html).map_err(|e| Stop::file("write", &path, &e))?;
    }
    eprintln!("{}: {} pages", args.output.join("index.html").display(), pages.len());
    Ok(0)
}
