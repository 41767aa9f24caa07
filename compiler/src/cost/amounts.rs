//! All figures of a piece of a program together.

use std::sync::Arc;

use cascade_ir::Place;
use smol_str::SmolStr;

use super::figure::{Figure, Many};

/// What has to be known to read the figures rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// A prompt of unknown size: it is taken to fill the window of its model.
    Window,
    /// A model that does not say how long its answers are.
    Output,
    /// A model without a price, which costs nothing then.
    Price,
    /// A service may ask for longer pauses between attempts.
    Pauses,
    /// Waiting for a quota of a provider.
    Quota,
    /// A prompt without any model.
    NoModel,
    /// A construct that is not run.
    NotRun,
}

const KINDS: usize = 7;

/// The first example of each kind of note.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Notes([Option<(SmolStr, Place)>; KINDS]);

impl Notes {
    pub fn put(&mut self, kind: NoteKind, example: impl Into<SmolStr>, place: Place) {
        if let Some(slot) = self.0.get_mut(kind as usize)
            && slot.is_none()
        {
            *slot = Some((example.into(), place));
        }
    }

    pub fn has(&self, kind: NoteKind) -> bool {
        self.0.get(kind as usize).is_some_and(Option::is_some)
    }

    fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }

    /// In the order of the kinds.
    pub fn iter(&self) -> impl Iterator<Item = (NoteKind, &SmolStr, Place)> {
        use NoteKind::{NoModel, NotRun, Output, Pauses, Price, Quota, Window};
        let kinds: [NoteKind; KINDS] = [Window, Output, Price, Pauses, Quota, NoModel, NotRun];
        kinds.into_iter().zip(&self.0).filter_map(|(kind, note)| note.as_ref().map(|(e, p)| (kind, e, *p)))
    }
}

/// The worst case of a piece of a program.
#[derive(Debug, Clone, Default)]
pub(super) struct Amounts {
    pub stages: Figure,
    pub calls: Figure,
    pub tokens: Figure,
    /// Millionths of a US dollar.
    pub money: Figure,
    /// Milliseconds.
    pub time: Figure,
    /// How long hooks may go on after it was cut short, in milliseconds.
    pub cancel: Figure,
    pub notes: Notes,
}

impl Amounts {
    /// One after the other.
    pub fn add(&mut self, other: &Self) {
        self.add_counts(other);
        self.time.add(&other.time);
    }

    /// Both, without their time.
    pub fn add_counts(&mut self, other: &Self) {
        self.stages.add(&other.stages);
        self.calls.add(&other.calls);
        self.tokens.add(&other.tokens);
        self.money.add(&other.money);
        self.cancel.join(&other.cancel);
        self.notes.add(&other.notes);
    }

    /// One or the other.
    pub fn join(&mut self, other: &Self) {
        self.stages.join(&other.stages);
        self.calls.join(&other.calls);
        self.tokens.join(&other.tokens);
        self.money.join(&other.money);
        self.time.join(&other.time);
        self.cancel.join(&other.cancel);
        self.notes.add(&other.notes);
    }

    /// Many times, one after the other.
    pub fn times(&self, many: &Many) -> Self {
        Self {
            stages: self.stages.times(many),
            calls: self.calls.times(many),
            tokens: self.tokens.times(many),
            money: self.money.times(many),
            time: self.time.times(many),
            cancel: self.cancel.clone(),
            notes: self.notes.clone(),
        }
    }

    /// Cut short after so many milliseconds; then only hooks go on.
    pub fn cut(&mut self, most: u128, clause: &'static str, place: Place) {
        if self.time.as_number().is_none_or(|ms| ms > most) {
            self.time.hold(most, clause, place);
            self.time.add(&self.cancel.clone());
        }
    }
}

/// A budget that a run may come to the end of.
#[derive(Debug, Clone, PartialEq)]
pub struct Over {
    /// The stage or cascade with the budget.
    pub place: Place,
    /// The budget, in millionths of a US dollar.
    pub budget: u128,
    /// The worst case without it.
    pub worst: u128,
    /// What dominates that.
    pub peak: Option<Arc<super::figure::Peak>>,
}
