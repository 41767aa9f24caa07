//! Edits of programs, as people make them between two parts of a run.

use super::{
    Chance,
    flow::{Flow, SKILLS, Source, Step, Words, Work},
};

/// What was edited.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Edit {
    /// A stage has another name.
    Rename(String),
    /// The command of a skill is another one, or the one of before.
    Skill(usize),
    /// What a stage is asked is another text.
    Words(String),
    /// Two neighbours change places.
    Swap(String),
}

/// The kinds of edits.
pub const KINDS: [&str; 4] = ["skill", "rename", "words", "swap"];

/// Makes an edit of a kind; `None` if there is nothing to edit at the chosen place.
pub fn edit(flow: &mut Flow, kind: &str, chance: &mut Chance) -> Option<Edit> {
    match kind {
        "skill" => {
            let skill = chance.below(SKILLS);
            flow.versions[skill] = 1 + (flow.versions[skill] + chance.below(2) as u32) % 3;
            Some(Edit::Skill(skill))
        }
        "rename" => rename_stage(flow, chance),
        "words" => change_words(flow, chance),
        _ => swap_neighbours(flow, chance),
    }
}

/// Calls a function for each block of a program.
fn visit_blocks(flow: &mut Flow, f: &mut impl FnMut(&mut Vec<Step>)) {
    fn walk(steps: &mut Vec<Step>, f: &mut impl FnMut(&mut Vec<Step>)) {
        f(steps);
        for step in steps {
            if let Some(inner) = step.blocks() {
                walk(inner, f);
            }
        }
    }
    for cascade in &mut flow.cascades {
        walk(&mut cascade.steps, f);
    }
}

/// Calls a function for each stage that calls a skill.
fn visit_works(flow: &mut Flow, f: &mut impl FnMut(&mut Work)) {
    for cascade in &mut flow.cascades {
        for hook in [&mut cascade.on_failure, &mut cascade.on_success].into_iter().flatten() {
            f(hook);
        }
    }
    visit_blocks(flow, &mut |steps| {
        for step in steps {
            if let Step::Work(work) = step {
                f(work);
            }
        }
    });
}

fn words_of(step: &mut Step) -> Option<&mut Words> {
    match step {
        Step::Work(work) => Some(&mut work.words),
        Step::Ask { words, .. } | Step::Remember(words) | Step::Call { words, .. } => Some(words),
        Step::Parallel { .. } | Step::For { .. } => None,
    }
}

fn rename_stage(flow: &mut Flow, chance: &mut Chance) -> Option<Edit> {
    let mut names = Vec::new();
    visit_blocks(flow, &mut |steps| names.extend(steps.iter().filter_map(|s| s.name().map(str::to_owned))));
    let old = names.get(chance.below(names.len()))?.clone();
    flow.names += 1;
    let new = format!("n{}", flow.names);
    let (joined_old, joined_new) = (format!("j{old}"), format!("j{new}"));
    let fix = |source: &mut Source| {
        let parts = source.name.split('.').map(|part| match part {
            part if part == old => new.as_str(),
            part if part == joined_old => joined_new.as_str(),
            part => part,
        });
        source.name = parts.collect::<Vec<_>>().join(".");
    };
    visit_blocks(flow, &mut |steps| {
        for step in steps {
            if let Some(words) = words_of(step) {
                words.values.iter_mut().for_each(fix);
            }
            match step {
                Step::Work(Work { name, .. })
                | Step::Ask { name, .. }
                | Step::Parallel { name, .. }
                | Step::For { name, .. }
                | Step::Call { name, .. }
                    if *name == old =>
                {
                    name.clone_from(&new);
                }
                _ => {}
            }
        }
    });
    Some(Edit::Rename(old))
}

fn change_words(flow: &mut Flow, chance: &mut Chance) -> Option<Edit> {
    let mut count = 0;
    visit_works(flow, &mut |_| count += 1);
    let chosen = chance.below(count);
    flow.names += 1;
    let new = format!("w{}", flow.names);
    let (mut at, mut found) = (0, None);
    visit_works(flow, &mut |work| {
        if at == chosen {
            work.words.word.clone_from(&new);
            found = Some(work.name.clone());
        }
        at += 1;
    });
    found.map(Edit::Words)
}

/// Swaps two neighbours of which neither needs the other.
fn swap_neighbours(flow: &mut Flow, chance: &mut Chance) -> Option<Edit> {
    let mut places = 0;
    visit_blocks(flow, &mut |steps| places += steps.len().saturating_sub(1));
    let chosen = chance.below(places);
    let (mut at, mut found) = (0, None);
    visit_blocks(flow, &mut |steps| {
        for i in 1..steps.len() {
            if at == chosen && !needs(&steps[i], &steps[i - 1]) {
                steps.swap(i - 1, i);
                found = Some(steps[i].name().unwrap_or("memory").to_owned());
            }
            at += 1;
        }
    });
    found.map(Edit::Swap)
}

/// Whether a step uses a value of another one.
fn needs(step: &Step, other: &Step) -> bool {
    let given = other.values();
    let uses = |words: &Words| words.values.iter().any(|v| given.contains(v));
    match step {
        Step::Work(work) => uses(&work.words),
        Step::Ask { words, .. } | Step::Remember(words) | Step::Call { words, .. } => uses(words),
        Step::Parallel { branches: inner, .. } | Step::For { body: inner, .. } => inner.iter().any(|s| needs(s, other)),
    }
}
