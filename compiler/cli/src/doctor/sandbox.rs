//! What a sandbox holds here: each promise is attacked in one that is made for it.

use cascade_sandbox::{Promise, probe_abilities, self_test};

use super::{Finding, Surroundings, used::uses_sandbox};

pub(super) fn check_sandbox(around: &Surroundings) -> Vec<Finding> {
    // What no program needs is only told.
    let absent: fn(String, String, String) -> Finding = match around.programs.iter().any(uses_sandbox) {
        true => Finding::new_missing,
        false => Finding::new_note,
    };
    if !cfg!(target_os = "linux") {
        let remedy = "run in a container or a virtual machine where programs must be confined";
        let why = "commands are confined only on Linux so far";
        return vec![absent("sandbox".into(), why.into(), remedy.into())];
    }
    let tested = std::env::current_exe().and_then(|helper| {
        let abilities = probe_abilities(&helper)?;
        Ok((self_test(&helper, &abilities)?, abilities))
    });
    let (promises, abilities) = match tested {
        Ok(tested) => tested,
        Err(error) => {
            let detail = format!("no sandbox can be made: {error}");
            return vec![absent("sandbox".into(), detail, "see docs/sandbox.md for what it needs".into())];
        }
    };
    let mut found: Vec<Finding> = Vec::new();
    for held in promises {
        let (name, meaning) = (held.promise.name(), held.promise.meaning());
        let is_allowed = is_allowed(around, held.promise);
        found.push(match held.held {
            true => Finding::new_good(name, format!("held: {meaning} ({})", held.why)),
            false if is_allowed => {
                Finding::new_note(name, format!("not held, and allowed: {meaning}; {}", held.why), held.remedy)
            }
            false => {
                let detail = format!("not held, a sandbox is refused: {meaning}; {}", held.why);
                absent(name.into(), detail, held.remedy)
            }
        });
    }
    let landlock = match abilities.landlock {
        0 => Finding::new_note("landlock", "off", "add `landlock` to the kernel's parameter `lsm=`"),
        version => Finding::new_good("landlock", format!("on, version {version}")),
    };
    found.push(landlock);
    found
}

/// Whether the project goes without a promise.
fn is_allowed(around: &Surroundings, promise: Promise) -> bool {
    let project = around.project.as_ref();
    project.is_some_and(|found| found.project.allow_unenforced.iter().any(|name| name == promise.name()))
}
