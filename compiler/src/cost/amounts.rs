//! The worst-case figures of a piece of a program.

use std::sync::Arc;

use cascade_ir::Place;
use smol_str::SmolStr;

use super::figure::{Figure, Repetition};

/// An assumption behind the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// A prompt of unknown size is assumed to fill the context window of its model.
    Window,
    /// A model without a limit of its output; a default is assumed.
    Output,
    /// A model without a price is counted as free.
    Price,
    /// A service may demand longer pauses between attempts.
    Pauses,
    /// Waiting for a provider's quota is not counted.
    Quota,
    /// A prompt that no model can answer.
    NoModel,
    /// An agent, which may pass a budget before it can be stopped.
    Agent,
}

const KINDS: usize = 7;

/// The first example of each kind of note.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Notes([Option<(SmolStr, Place)>; KINDS]);

impl Notes {
    pub fn record(&mut self, kind: NoteKind, example: impl Into<SmolStr>, place: Place) {
        if let Some(slot) = self.0.get_mut(kind as usize)
            && slot.is_none()
        {
            *slot = Some((example.into(), place));
        }
    }

    pub fn has_note(&self, kind: NoteKind) -> bool {
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
        use NoteKind::{Agent, NoModel, Output, Pauses, Price, Quota, Window};
        let kinds: [NoteKind; KINDS] = [Window, Output, Price, Pauses, Quota, NoModel, Agent];
        kinds.into_iter().zip(&self.0).filter_map(|(kind, note)| note.as_ref().map(|(e, p)| (kind, e, *p)))
    }
}

/// What a stage may cost at most if one of its models answers all of its prompts.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The stage, with the cascade that it belongs to where that is called by another.
    pub stage: SmolStr,
    /// Where it is.
    pub place: Place,
    /// The model.
    pub model: SmolStr,
    /// How often it is asked.
    pub calls: Figure,
    /// What its answers cost, in millionths of a US dollar.
    pub money: Figure,
}

impl Share {
    fn is_of(&self, other: &Self) -> bool {
        self.place == other.place && self.model == other.model && self.stage == other.stage
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
    /// The time that hooks may take after a cancellation, in milliseconds.
    pub cancel: Figure,
    pub notes: Notes,
    /// The parts of the money, where they are wanted.
    pub shares: Vec<Share>,
}

impl Amounts {
    /// Adds what happens after this.
    pub fn add(&mut self, other: &Self) {
        self.add_counts(other);
        self.time.add(&other.time);
    }

    /// Adds everything except the time.
    pub fn add_counts(&mut self, other: &Self) {
        self.stages.add(&other.stages);
        self.calls.add(&other.calls);
        self.tokens.add(&other.tokens);
        self.money.add(&other.money);
        self.cancel.join(&other.cancel);
        self.notes.add(&other.notes);
        self.add_shares(&other.shares, Figure::add);
    }

    /// Puts the shares of other work to these, those of one stage and model together.
    fn add_shares(&mut self, others: &[Share], combine: fn(&mut Figure, &Figure)) {
        for other in others {
            match self.shares.iter_mut().find(|share| share.is_of(other)) {
                Some(share) => {
                    combine(&mut share.calls, &other.calls);
                    combine(&mut share.money, &other.money);
                }
                None => self.shares.push(other.clone()),
            }
        }
    }

    /// The maximum of two alternatives.
    pub fn join(&mut self, other: &Self) {
        self.stages.join(&other.stages);
        self.calls.join(&other.calls);
        self.tokens.join(&other.tokens);
        self.money.join(&other.money);
        self.time.join(&other.time);
        self.cancel.join(&other.cancel);
        self.notes.add(&other.notes);
        self.add_shares(&other.shares, Figure::join);
    }

    /// The amounts of a repetition in sequence.
    pub fn times(&self, many: &Repetition) -> Self {
        Self {
            stages: self.stages.times(many),
            calls: self.calls.times(many),
            tokens: self.tokens.times(many),
            money: self.money.times(many),
            time: self.time.times(many),
            cancel: self.cancel.clone(),
            notes: self.notes.clone(),
            shares: self
                .shares
                .iter()
                .map(|share| Share { calls: share.calls.times(many), money: share.money.times(many), ..share.clone() })
                .collect(),
        }
    }

    /// Limits the time by a timeout; after the timeout only hooks run.
    pub fn limit_time(&mut self, most: u128, clause: &'static str, place: Place) {
        if self.time.as_number().is_none_or(|ms| ms > most) {
            self.time.limit_to(most, clause, place);
            self.time.add(&self.cancel.clone());
        }
    }
}

/// A budget that the worst case exceeds.
#[derive(Debug, Clone, PartialEq)]
pub struct ExceededBudget {
    /// The stage or cascade with the budget.
    pub place: Place,
    /// The budget, in millionths of a US dollar.
    pub budget: u128,
    /// The worst case without the budget.
    pub worst: u128,
    /// The construct that dominates the worst case.
    pub peak: Option<Arc<super::figure::Peak>>,
}
