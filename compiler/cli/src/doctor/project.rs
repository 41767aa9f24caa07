//! The project file and its programs.

use cascade_ir::Program;

use super::{Finding, Surroundings};

pub(super) fn check_project(around: &Surroundings) -> Vec<Finding> {
    let mut out = Vec::new();
    match (&around.project, &around.providers) {
        (_, Err(why)) => out.push(Finding::new_missing("cascade.toml", why, "`cascadec check` shows the mistakes")),
        (Some(found), Ok(_)) => out.push(Finding::new_good("cascade.toml", found.root.display().to_string())),
        (None, Ok(_)) => {
            out.push(Finding::new_good("cascade.toml", "none: the files of this folder belong to no project"));
        }
    }
    for file in &around.broken {
        out.push(Finding::new_missing(file, "has mistakes", format!("`cascadec check {file}` shows them")));
    }
    let settings = around.project.iter().flat_map(|found| &found.project.models);
    for settings in settings {
        let is_known = |program: &Program| program.models.iter().any(|model| model.name == settings.name.as_str());
        if !around.programs.iter().any(is_known) {
            let name = format!("models.{}", settings.name);
            out.push(Finding::new_note(
                name,
                "no program has a model of this name",
                "correct the name, or remove the section",
            ));
        }
    }
    let programs = around.programs.len();
    if programs > 0 {
        out.push(Finding::new_good("programs", format!("{programs} without mistakes")));
    }
    out
}
