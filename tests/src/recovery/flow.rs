//! Small programs as data, and their generator.

use super::Chance;

/// The skills of every program: `work0` to `work2`, and `pay`, which must not be repeated blindly.
pub const SKILLS: usize = 4;
/// The skill that must not be repeated blindly.
pub const PAY: usize = 3;

/// A program. Its last cascade is `main`; each calls only those before it.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The version in the command of each skill.
    pub versions: [u32; SKILLS],
    pub cascades: Vec<Cascade>,
    /// How many names are used; the next name is made from this number.
    pub names: usize,
}

/// A cascade with the input `word`, which gives a text.
#[derive(Debug, Clone)]
pub struct Cascade {
    pub name: String,
    pub steps: Vec<Step>,
    pub on_failure: Option<Work>,
    pub on_success: Option<Work>,
}

#[derive(Debug, Clone)]
pub enum Step {
    Work(Work),
    /// `stage name = ask("…")`.
    Ask {
        name: String,
        words: Words,
    },
    /// `notes.seen += ["…"]`.
    Remember(Words),
    /// Stages at once, or with `max 1` each after the one before it.
    Parallel {
        name: String,
        one_by_one: bool,
        branches: Vec<Step>,
    },
    /// A block for each of some texts.
    For {
        name: String,
        item: String,
        rounds: usize,
        at_once: Option<usize>,
        body: Vec<Step>,
    },
    /// Another cascade.
    Call {
        name: String,
        cascade: usize,
        words: Words,
        retry: u32,
        skip: bool,
    },
}

/// A stage that calls a skill.
#[derive(Debug, Clone)]
pub struct Work {
    pub name: String,
    pub skill: usize,
    pub words: Words,
    pub retry: u32,
    pub otherwise: Otherwise,
}

/// What follows when every attempt has failed.
#[derive(Debug, Clone)]
pub enum Otherwise {
    Fail,
    FailWith,
    Skip,
    Fallback { skill: usize, word: String },
}

/// A text with values of earlier stages in it.
#[derive(Debug, Clone)]
pub struct Words {
    pub word: String,
    pub values: Vec<Source>,
}

/// A name that can be used in a text: `s1`, `p2.s3`, an item of a loop, the input `word`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    /// Whether there may be no value, since the stage may be skipped.
    pub optional: bool,
}

impl Source {
    fn of(name: &str, optional: bool) -> Self {
        Self { name: name.to_owned(), optional }
    }
}

impl Step {
    /// The name of its stage.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Work(work) => Some(&work.name),
            Self::Ask { name, .. } | Self::Parallel { name, .. } | Self::For { name, .. } | Self::Call { name, .. } => {
                Some(name)
            }
            Self::Remember(_) => None,
        }
    }

    /// The names under which the steps after it find its values.
    pub fn values(&self) -> Vec<Source> {
        match self {
            Self::Work(work) => vec![Source::of(&work.name, matches!(work.otherwise, Otherwise::Skip))],
            Self::Ask { name, .. } => vec![Source::of(name, false)],
            Self::Call { name, skip, .. } => vec![Source::of(name, *skip)],
            Self::Parallel { name, branches, .. } => {
                let inner = branches.iter().filter(|b| !matches!(b, Self::Parallel { .. } | Self::For { .. }));
                let of = |s: Source| Source::of(&format!("{name}.{}", s.name), s.optional);
                inner.flat_map(|b| b.values().into_iter().map(of)).collect()
            }
            Self::For { name, .. } => vec![Source::of(&format!("j{name}"), false)],
            Self::Remember(_) => Vec::new(),
        }
    }

    /// The blocks in it.
    pub fn blocks(&mut self) -> Option<&mut Vec<Self>> {
        match self {
            Self::Parallel { branches, .. } => Some(branches),
            Self::For { body, .. } => Some(body),
            _ => None,
        }
    }
}

/// Makes programs.
struct Maker<'c> {
    chance: &'c mut Chance,
    names: usize,
    /// How many steps may still be made.
    left: usize,
    /// Whether each cascade made so far does everything in one order.
    in_order: Vec<bool>,
    /// Whether the one that is being made does.
    now_in_order: bool,
}

/// Generates a program.
pub fn generate_flow(chance: &mut Chance) -> Flow {
    let left = 4 + chance.below(10);
    let mut maker = Maker { chance, names: 0, left, in_order: Vec::new(), now_in_order: true };
    let mut cascades = Vec::new();
    for i in 0..maker.chance.below(3) {
        let cascade = maker.any_cascade(&format!("part{i}"), 2);
        cascades.push(cascade);
        maker.in_order.push(maker.now_in_order);
    }
    maker.left = maker.left.max(3);
    cascades.push(maker.any_cascade("main", 4));
    Flow { versions: [1; SKILLS], cascades, names: maker.names }
}

impl Maker<'_> {
    fn name(&mut self, of: &str) -> String {
        self.names += 1;
        format!("{of}{}", self.names)
    }

    fn any_cascade(&mut self, name: &str, most: usize) -> Cascade {
        self.now_in_order = true;
        let known = vec![Source::of("word", false)];
        let steps = self.any_block(known, most, 2);
        let hook = |maker: &mut Self, times| {
            maker.chance.once_in(times).then(|| {
                let words = Words { word: maker.name("w"), values: Vec::new() };
                Work {
                    name: maker.name("s"),
                    skill: maker.chance.below(3),
                    words,
                    retry: 0,
                    otherwise: Otherwise::Fail,
                }
            })
        };
        let (on_failure, on_success) = (hook(self, 2), hook(self, 4));
        Cascade { name: name.to_owned(), steps, on_failure, on_success }
    }

    fn any_block(&mut self, mut known: Vec<Source>, most: usize, depth: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..1 + self.chance.below(most) {
            if self.left == 0 && !steps.is_empty() {
                break;
            }
            let step = self.any_step(&known, depth);
            known.extend(step.values());
            steps.push(step);
        }
        steps
    }

    fn words(&mut self, known: &[Source]) -> Words {
        let mut values = Vec::new();
        for _ in 0..self.chance.below(3) {
            // Mostly values of near steps.
            let back = self.chance.below(3.min(known.len()));
            values.extend(known.get(known.len().wrapping_sub(back + 1)).cloned());
        }
        values.dedup();
        Words { word: self.name("w"), values }
    }

    fn any_work(&mut self, known: &[Source]) -> Work {
        let name = self.name("s");
        let skill = if self.chance.once_in(6) { PAY } else { self.chance.below(3) };
        let retry = if skill == PAY || self.chance.once_in(2) { 0 } else { 1 + self.chance.below(2) as u32 };
        let otherwise = match self.chance.below(8) {
            0 | 1 => Otherwise::Skip,
            2 if skill != PAY => Otherwise::Fallback { skill: self.chance.below(3), word: self.name("w") },
            3 => Otherwise::FailWith,
            _ => Otherwise::Fail,
        };
        Work { name, skill, words: self.words(known), retry, otherwise }
    }

    fn any_step(&mut self, known: &[Source], depth: usize) -> Step {
        self.left = self.left.saturating_sub(1);
        let most = if depth == 0 || self.left == 0 { 7 } else { 12 };
        match self.chance.below(most) {
            0 => Step::Remember(self.words(known)),
            1 => Step::Ask { name: self.name("q"), words: self.words(known) },
            7 | 8 => self.any_parallel(known, depth),
            9 | 10 => {
                let (name, item, rounds) = (self.name("l"), self.name("x"), 1 + self.chance.below(3));
                let at_once = self.chance.once_in(2).then(|| 1 + self.chance.below(3));
                self.now_in_order &= at_once.is_none();
                let mut inner = known.to_vec();
                inner.push(Source::of(&item, false));
                let body = self.any_block(inner, 2, depth - 1);
                Step::For { name, item, rounds, at_once, body }
            }
            11 => self.any_call(known).unwrap_or_else(|| Step::Work(self.any_work(known))),
            _ => Step::Work(self.any_work(known)),
        }
    }

    /// Clauses that continue after a failure are only generated where it is determined what was done before.
    fn any_call(&mut self, known: &[Source]) -> Option<Step> {
        if self.in_order.is_empty() {
            return None;
        }
        let cascade = self.chance.below(self.in_order.len());
        let in_order = self.in_order[cascade];
        self.now_in_order &= in_order;
        let retry = if in_order && self.chance.once_in(3) { 1 } else { 0 };
        let skip = in_order && self.chance.once_in(3);
        Some(Step::Call { name: self.name("c"), cascade, words: self.words(known), retry, skip })
    }

    fn any_parallel(&mut self, known: &[Source], depth: usize) -> Step {
        self.now_in_order = false;
        let name = self.name("p");
        let one_by_one = self.chance.once_in(4);
        let mut known = known.to_vec();
        let mut branches = Vec::new();
        for _ in 0..2 + self.chance.below(3) {
            let step = match self.chance.below(8) {
                0 if depth > 1 => self.any_parallel(&known, depth - 1),
                1 => Step::Ask { name: self.name("q"), words: self.words(&known) },
                2 | 3 => self.any_call(&known).unwrap_or_else(|| Step::Work(self.any_work(&known))),
                _ => Step::Work(self.any_work(&known)),
            };
            // The values of a nested block are not visible outside of it.
            if !matches!(step, Step::Parallel { .. }) {
                known.extend(step.values());
            }
            branches.push(step);
        }
        Step::Parallel { name, one_by_one, branches }
    }
}
