//! `cascade.toml`: what holds for all files of a project.
//!
//! The file is read once into a [`Project`]; what is wrong with it is said by diagnostics like
//! those of a program. A section for something new is a field of [`Project`] and an arm in
//! `read`; nothing that no part of the tools obeys is accepted, so that a setting never only
//! seems to hold.

pub mod baseline;
mod exclude;
mod levels;
mod read;

use std::{io, path::Path};

pub use exclude::Pattern;
pub use levels::{Level, Levels, Rule};

use crate::{
    diagnostic::Diagnostic,
    source::{SourceId, Sources},
};

/// The name of the file that makes a folder a project.
pub const FILE: &str = "cascade.toml";

/// What a `cascade.toml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// What it is called.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// One sentence about it.
    pub description: Option<String>,
    /// The file that a reader should begin with, from the project's folder.
    pub entry: Option<String>,
    /// Files and folders that are no part of it.
    pub exclude: Vec<Pattern>,
    /// What is made of each warning.
    pub levels: Levels,
    /// The file of known diagnostics, from the project's folder.
    pub baseline: Option<String>,
}

impl Project {
    /// Reads the text of a `cascade.toml`, whose index among the sources is `source`. What cannot
    /// be read is reported and left at its default.
    pub fn parse(text: &str, source: SourceId) -> (Self, Vec<Diagnostic>) {
        read::project(text, source)
    }

    /// Whether a file or folder is no part of the project; its path is from the project's folder,
    /// with `/` between the parts.
    pub fn excludes(&self, path: &str) -> bool {
        self.exclude.iter().any(|pattern| pattern.matches(path))
    }
}

/// The project that a file belongs to, looked for in the file's folder and those above it.
/// `None` when there is none, or when it cannot be read.
pub fn of_file(file: &str, sources: &dyn Sources) -> Option<Project> {
    for folder in Path::new(file).ancestors().skip(1) {
        match sources.read(&folder.join(FILE).to_string_lossy()) {
            Ok(text) => return Some(Project::parse(&text, SourceId(0)).0),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return None,
        }
    }
    None
}
