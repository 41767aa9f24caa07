//! Finding the projects that files belong to.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use cascade_compiler::{Diagnostic, FileSources, Project, Report, SourceId, project};

use cascade_ir::Program;
use cascade_runtime::{ProviderSettings, Providers, ProxySetting, SettingText};

use crate::{error::Stop, files};

/// A `cascade.toml` that was found.
#[derive(Debug)]
pub struct Found {
    /// Its folder, without symbolic links.
    pub root: PathBuf,
    /// What it says.
    pub project: Project,
    /// Its name in messages.
    name: String,
    text: Arc<str>,
    diagnostics: Vec<Diagnostic>,
}

/// The projects found so far, by folder.
#[derive(Debug, Default)]
pub struct Projects {
    known: HashMap<PathBuf, Option<Arc<Found>>>,
    /// Folders as they were named, without symbolic links.
    whole: HashMap<PathBuf, PathBuf>,
}

impl Projects {
    /// The project that a folder belongs to: the nearest `cascade.toml` in it or above it.
    pub fn project_of(&mut self, folder: &Path) -> Result<Option<Arc<Found>>, Stop> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if let Some(whole) = self.whole.get(folder) {
            return self.project_at(&whole.clone());
        }
        let whole = std::fs::canonicalize(folder).map_err(|e| Stop::file("read", folder, &e))?;
        self.whole.insert(folder.to_path_buf(), whole.clone());
        self.project_at(&whole)
    }

    /// The project of the folder that a file lies in; standard input lies in the current one.
    pub fn of_file(&mut self, file: &Path) -> Result<Option<Arc<Found>>, Stop> {
        if file.as_os_str() == "-" {
            return self.project_of(Path::new("."));
        }
        self.project_of(file.parent().unwrap_or(Path::new(".")))
    }

    fn project_at(&mut self, folder: &Path) -> Result<Option<Arc<Found>>, Stop> {
        if let Some(known) = self.known.get(folder) {
            return Ok(known.clone());
        }
        let file = folder.join(project::FILE);
        let found = if file.is_file() {
            let shown = from_here(&file);
            let (name, text) = files::read_source(&shown)?;
            let (project, diagnostics) = Project::parse(&text, SourceId(0));
            Some(Arc::new(Found { root: folder.to_path_buf(), project, name, text, diagnostics }))
        } else {
            match folder.parent() {
                Some(above) => self.project_at(above)?,
                None => None,
            }
        };
        self.known.insert(folder.to_path_buf(), found.clone());
        Ok(found)
    }

    /// Adds what is wrong with the projects themselves to a report.
    pub fn report(&self, report: &mut Report) {
        let all: BTreeMap<&Path, &Arc<Found>> = self.known.values().flatten().map(|f| (f.root.as_path(), f)).collect();
        for found in all.values().filter(|f| !f.diagnostics.is_empty()) {
            let mut sources = cascade_compiler::SourceMap::default();
            sources.add(&found.name, found.text.clone());
            report.add(&sources, found.diagnostics.clone());
        }
    }
}

/// The project of the file from which a program was compiled.
pub fn project_of(program: &Program) -> Option<Project> {
    let file = std::path::absolute(&program.name).unwrap_or_else(|_| program.name.clone().into());
    project::of_file(&file.to_string_lossy(), &FileSources)
}

/// Gives the models of a program the settings that the project has for them.
pub fn apply_model_settings(program: &mut Program, project: &Project) {
    for settings in &project.models {
        for model in program.models.iter_mut().filter(|model| model.name == settings.name.as_str()) {
            let project::ModelSettings { name: _, id, base_url, key_env, context, max_output } = settings;
            if let Some(id) = id {
                model.id.clone_from(id);
            }
            model.base_url = base_url.clone().or_else(|| model.base_url.take());
            model.key_env = key_env.clone().or_else(|| model.key_env.take());
            model.context = context.or(model.context);
            model.max_output = max_output.or(model.max_output);
        }
    }
}

/// How the providers of a program's models are reached: by the project of its file, which `folder` is the beginning of
/// if its name is relative.
pub fn providers_of(program: &Program, folder: Option<&Path>) -> Result<Providers, Stop> {
    if program.models.is_empty() {
        return Ok(Providers::default());
    }
    let file = folder.map_or_else(|| PathBuf::from(&program.name), |folder| folder.join(&program.name));
    let parent = file.parent().filter(|parent| parent.is_dir()).unwrap_or_else(|| folder.unwrap_or(Path::new(".")));
    match Projects::default().project_of(parent)? {
        Some(found) => found.providers(),
        None => Ok(Providers::default()),
    }
}

/// How providers are reached for what has no program: by the project of the current folder.
pub fn providers_here() -> Result<Providers, Stop> {
    match Projects::default().project_of(Path::new("."))? {
        Some(found) => found.providers(),
        None => Ok(Providers::default()),
    }
}

impl Found {
    /// How providers are reached. What `cascade.toml` says wrongly of it must not be left out silently.
    pub fn providers(&self) -> Result<Providers, Stop> {
        if let Some(wrong) = self.diagnostics.first() {
            return Err(Stop::usage_help(
                format!("`{}` has mistakes: {}", self.name, wrong.message),
                "`cascadec check` shows them all",
            ));
        }
        Ok(Providers::new(self.project.providers.iter().map(|provider| (provider.name.clone(), settings_of(provider)))))
    }
}

fn settings_of(provider: &project::Provider) -> ProviderSettings {
    let text = |text: &project::Text| match text {
        project::Text::Plain(text) => SettingText::Plain(text.clone()),
        project::Text::Variable(name) => SettingText::Variable(name.clone()),
    };
    ProviderSettings {
        base_url: provider.base_url.clone(),
        key_env: provider.key_env.clone(),
        key_command: provider.key_command.clone(),
        headers: provider.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        proxy: provider.proxy.as_ref().map(|proxy| match proxy {
            project::Text::Plain(none) if none == "none" => ProxySetting::None,
            address => ProxySetting::Address(text(address)),
        }),
    }
}

/// A path without symbolic links, as seen from the current folder.
pub fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    for (up, above) in here.ancestors().enumerate() {
        if let Ok(rest) = path.strip_prefix(above) {
            // A path that has nothing in common with the current folder is clearer from the top.
            if above.parent().is_none() && up > 0 {
                return path.to_path_buf();
            }
            let mut out: PathBuf = std::iter::repeat_n("..", up).collect();
            out.push(rest);
            return if out.as_os_str().is_empty() { PathBuf::from(".") } else { out };
        }
    }
    path.to_path_buf()
}
