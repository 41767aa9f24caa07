//! `cascade.toml`: the settings of a project.
//!
//! The file is parsed once into a [`Project`]; mistakes in it are reported as diagnostics, like
//! those of a program. A new setting is an entry in `settings`, a field of [`Project`] and an arm in `read`. Settings that
//! no tool uses are refused, so that a setting never silently has no effect.

pub mod baseline;
mod exclude;
mod levels;
mod models;
mod providers;
mod read;
mod settings;

use std::{io, path::Path};

pub use exclude::Pattern;
pub use levels::{Level, Levels, Rule};
pub use models::ModelSettings;
pub use providers::{Provider, Text};
pub use settings::schema;

use crate::{
    diagnostic::Diagnostic,
    source::{SourceId, Sources},
};

/// The name of the project file.
pub const FILE: &str = "cascade.toml";

/// The contents of a `cascade.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// The name of the project.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// A description of one sentence.
    pub description: Option<String>,
    /// The edition of the language of its files.
    pub edition: Option<u32>,
    /// The file that a reader should start with, relative to the project folder.
    pub entry: Option<String>,
    /// Files and folders that are not part of it.
    pub exclude: Vec<Pattern>,
    /// The levels of warnings.
    pub levels: Levels,
    /// The baseline, relative to the project folder.
    pub baseline: Option<String>,
    /// Inputs of cascades that are not given otherwise, as `--input` takes them.
    pub inputs: Vec<(String, String)>,
    /// A run whose worst case may cost more than this, in millionths of a US dollar, is shown and asked for first.
    pub ask_above: Option<i64>,
    /// `[run] bell`: the terminal rings when a run asks a person.
    pub bell: bool,
    /// `[run] notify`: a program with its arguments that is started when a run asks a person.
    pub notify: Vec<String>,
    /// `[sandbox] allow_unenforced`: promises of sandboxes that need not be held.
    pub allow_unenforced: Vec<String>,
    /// `[sandbox] read`: folders and files that commands in sandboxes may read besides the system.
    pub sandbox_reads: Vec<String>,
    /// `[sandbox] private_hosts`: hosts that may have addresses of private networks.
    pub private_hosts: Vec<String>,
    /// `[sandbox] local_ports`: ports of this machine that commands in sandboxes with the network on may reach.
    pub local_ports: Vec<u16>,
    /// `[sandbox] memory`: what the processes of a command in a sandbox may use together, in bytes.
    pub sandbox_memory: Option<u64>,
    /// How the providers of models are reached.
    pub providers: Vec<Provider>,
    /// Other settings of models.
    pub models: Vec<ModelSettings>,
}

impl Project {
    /// Parses the text of a `cascade.toml`, whose id among the sources is `source`. What cannot be
    /// parsed is reported and keeps its default.
    pub fn parse(text: &str, source: SourceId) -> (Self, Vec<Diagnostic>) {
        read::read_project(text, source)
    }

    /// Whether a file or folder is not part of the project; the path is relative to the project folder,
    /// with `/` between the components.
    pub fn excludes(&self, path: &str) -> bool {
        self.exclude.iter().any(|pattern| pattern.matches(path))
    }
}

/// The project that a file belongs to: the nearest `cascade.toml` in its folder or a parent folder.
/// `None` if there is none, or if it cannot be read.
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
