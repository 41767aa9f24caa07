//! `run --watch`: runs again after every change of the program. Recorded answers are reused, so that only what an edit
//! reaches runs again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{args::RunArgs, check::watch, error::Stop, files, list, run};

/// Runs until the process is ended.
pub fn run_again_and_again(args: &RunArgs, color: bool) -> Result<u8, Stop> {
    let (file, wanted) = list::find_program(args.file.as_deref(), args.cascade.as_deref())?;
    if file.as_os_str() == "-" {
        return Err(Stop::usage_help("standard input cannot be watched", "name a file"));
    }
    let mut is_again = false;
    loop {
        let folders = folders_of(&file);
        let before = watch::read_stamps(&folders);
        match run::run_once(args, &file, wanted.as_deref(), is_again, color) {
            // Also a run that has failed has answers.
            Ok(_) => is_again = true,
            Err(stop) => {
                stop.report(color);
            }
        }
        eprintln!("watching the program; Ctrl-C ends");
        let changed = watch::wait_for_change(&folders, &before);
        eprintln!("changed: {}", watch::name_files(&changed));
    }
}

/// The folders of a program and of the files that it imports.
fn folders_of(file: &Path) -> BTreeSet<PathBuf> {
    let folder = |file: &Path| match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let mut folders = BTreeSet::from([folder(file)]);
    if let Some(program) = files::program_without_messages(file) {
        folders.extend(program.files.iter().map(Path::new).filter(|file| file.is_file()).map(folder));
    }
    watch::canonical_folders(&folders)
}
