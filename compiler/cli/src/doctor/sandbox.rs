//! What this machine holds of a sandbox's promises, as a child that was started to find out says.

use std::env;

use cascade_sandbox::{Network, Promise, probe};

use super::{Finding, Surroundings, used::uses_sandbox};

pub(super) fn check(around: &Surroundings) -> Vec<Finding> {
    let needed = around.programs.iter().any(uses_sandbox);
    let absent = |name: &str, why: &str, remedy: &str| match needed {
        true => Finding::missing(name, why, remedy),
        false => Finding::note(name, why, remedy),
    };
    let found = env::current_exe().and_then(|helper| probe(&helper));
    let abilities = match found {
        Ok(abilities) => abilities,
        Err(error) => return vec![absent("sandbox", &error.to_string(), "run where this program can start itself")],
    };
    let project = around.project.as_ref().map(|found| &found.project);
    let is_waived = |promise: Promise| {
        project.is_some_and(|project| project.allow_unenforced.iter().any(|name| name == promise.name()))
    };
    abilities
        .promises(&Network::Off)
        .into_iter()
        .map(|held| {
            let name = held.promise.name();
            match held.held {
                true => Finding::good(name, held.why),
                false if is_waived(held.promise) => {
                    Finding::note(name, format!("{}; cascade.toml allows it", held.why), held.remedy)
                }
                false => absent(name, &held.why, &held.remedy),
            }
        })
        .collect()
}
