//! Where values come from: the data of the checks for untrusted text.
//!
//! A [`Flow`] says of a value whether it may hold text that came from a model, a command, the web
//! or a tool, and which parameters of the enclosing declaration it was made from. So a cascade is
//! checked once, and each call of it by the flows of its arguments.

use std::rc::Rc;

use cascade_grammar::ast::Span;

use cascade_shell::Reason;

use crate::source::SourceId;

/// What produced untrusted text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Model,
    Agent,
    Web,
    Tool,
    Command,
    Memory,
    Failure,
}

impl Origin {
    /// The origin in the words of a message: "this comes from …".
    pub fn description(self) -> &'static str {
        match self {
            Origin::Model => "a model",
            Origin::Agent => "an agent",
            Origin::Web => "the web",
            Origin::Tool => "a tool",
            Origin::Command => "the output of a command",
            Origin::Memory => "a memory, which models may have written",
            Origin::Failure => "the message of a failure, in which programs and models may speak",
        }
    }
}

/// Where untrusted text comes from, and which variable carries it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untrusted {
    pub origin: Origin,
    /// The stage or the key of a memory.
    pub from: (SourceId, Span),
    /// The variable that carries it now, when that is another place.
    pub carried: Option<(SourceId, Span)>,
}

/// A set of parameters by their positions, or of variables by their slots. The first 64 need no
/// memory of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ParamSet {
    /// The positions below 64, a bit each.
    first: u64,
    /// The positions from 64 on, 64 a word. The last word is not 0.
    rest: Option<Rc<Vec<u64>>>,
}

impl ParamSet {
    /// The set of one parameter.
    pub fn single(position: usize) -> Self {
        let bit = 1u64 << (position % 64);
        match position / 64 {
            0 => Self { first: bit, rest: None },
            word => {
                let mut rest = vec![0; word];
                rest[word - 1] = bit;
                Self { first: 0, rest: Some(rest.into()) }
            }
        }
    }

    /// Adds the parameters of another set.
    pub fn include(&mut self, other: &Self) {
        self.first |= other.first;
        let Some(more) = &other.rest else { return };
        self.rest = match self.rest.take() {
            None => Some(more.clone()),
            Some(own) if own == *more => Some(own),
            Some(own) => {
                let (longer, shorter) = if own.len() >= more.len() { (&own, more) } else { (more, &own) };
                let padded = shorter.iter().copied().chain(std::iter::repeat(0));
                Some(Rc::new(longer.iter().zip(padded).map(|(a, b)| a | b).collect()))
            }
        };
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.first == 0 && self.rest.is_none()
    }

    /// The positions, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let words = std::iter::once(self.first).chain(self.rest.iter().flat_map(|rest| rest.iter().copied()));
        words.enumerate().flat_map(|(word, mut bits)| {
            std::iter::from_fn(move || {
                let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                Some(word * 64 + bit)
            })
        })
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    /// The source of untrusted text in it: the first that was met.
    pub untrusted: Option<Untrusted>,
    /// Parameters whose text is in the value.
    pub params: ParamSet,
    /// Slots of variables whose text is in the value: in a loop they may be given more later, which
    /// counts too.
    pub variables: ParamSet,
}

impl Flow {
    /// The flow of a parameter.
    pub fn of_param(position: usize) -> Self {
        Self { params: ParamSet::single(position), ..Self::default() }
    }

    /// The flow of untrusted text at the place where it comes into the program.
    pub fn of_untrusted(origin: Origin, source: SourceId, span: Span) -> Self {
        let untrusted = Untrusted { origin, from: (source, span), carried: None };
        Self { untrusted: Some(untrusted), ..Self::default() }
    }

    /// The flow of a value that is made from both, or that is one of them: the worst of the two.
    pub fn join(mut self, other: &Flow) -> Flow {
        self.include(other);
        self
    }

    /// Joins another flow into this one.
    pub fn include(&mut self, other: &Flow) {
        self.untrusted = self.untrusted.or(other.untrusted);
        self.params.include(&other.params);
        self.variables.include(&other.variables);
    }

    /// The flow of a value that is made from all of them.
    pub fn join_all<'f>(flows: impl IntoIterator<Item = &'f Flow>) -> Flow {
        let mut joined = Flow::default();
        flows.into_iter().for_each(|flow| joined.include(flow));
        joined
    }
}

/// Why a text is code, or as good as code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CodeReason {
    /// For what it is in a command.
    Shell(Reason),
    /// It decides which server is asked.
    Server,
}

/// A parameter whose text is code somewhere.
#[derive(Debug, Clone)]
pub(crate) struct ProgramParam {
    /// Its position.
    pub position: usize,
    /// Where its text becomes code.
    pub at: (SourceId, Span),
    /// Why it is code there.
    pub reason: CodeReason,
}

/// What callers must know of a skill.
#[derive(Debug, Clone, Default)]
pub(crate) struct SkillFlow {
    /// What produced the answer, when that is untrusted.
    pub untrusted: Option<Origin>,
    /// Parameters that choose the program of its command.
    pub program: Vec<ProgramParam>,
}

impl SkillFlow {
    /// The flow of the answer to a call at the given place, with these arguments.
    pub fn of_call(&self, arguments: &[Flow], source: SourceId, span: Span) -> Flow {
        match self.untrusted {
            Some(origin) => Flow::of_untrusted(origin, source, span),
            None => Flow::join_all(arguments),
        }
    }
}

/// What callers must know of a cascade.
#[derive(Debug, Clone, Default)]
pub(crate) struct CascadeFlow {
    /// What its result is made of.
    pub result: Flow,
    /// Parameters that choose the program of a command somewhere below.
    pub program: Vec<ProgramParam>,
}

impl CascadeFlow {
    /// The flow of the result of a call at the given place, with these arguments. Untrusted text
    /// that the cascade brings itself comes from the call.
    pub fn of_call(&self, arguments: &[Flow], source: SourceId, span: Span) -> Flow {
        let own = self.result.untrusted.map(|own| Flow::of_untrusted(own.origin, source, span)).unwrap_or_default();
        let passed_on = self.result.params.iter().filter_map(|position| arguments.get(position));
        own.join(&Flow::join_all(passed_on))
    }
}

#[cfg(test)]
mod tests {
    use super::ParamSet;

    #[test]
    fn a_set_holds_any_position() {
        let positions = [0, 1, 63, 64, 65, 127, 128, 1000];
        let (mut set, mut reversed) = (ParamSet::default(), ParamSet::default());
        positions.iter().for_each(|position| set.include(&ParamSet::single(*position)));
        positions.iter().rev().for_each(|position| reversed.include(&ParamSet::single(*position)));
        assert_eq!(set.iter().collect::<Vec<_>>(), positions);
        assert_eq!(set, reversed);
        set.include(&ParamSet::default());
        assert_eq!(set, reversed);
        assert_eq!(ParamSet::default().iter().count(), 0);
    }
}
