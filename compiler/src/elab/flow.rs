//! Where text comes from and where it may not go.
//!
//! A [`Flow`] says of a value whether it holds text that came from a model, the web or a tool,
//! and from which parameters of the enclosing cascade it was made. So a cascade can be judged
//! once, and its calls by what is known of it.

use cascade_grammar::ast::Span;

use crate::source::SourceId;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    /// The stage that brought untrusted text.
    pub untrusted: Option<(SourceId, Span)>,
    /// Parameters (by position, the first 64) whose text is in the value.
    pub params: u64,
}

impl Flow {
    /// Of a parameter.
    pub fn param(index: usize) -> Self {
        Self { untrusted: None, params: if index < 64 { 1 << index } else { 0 } }
    }
    /// Of a value made of both.
    pub fn with(self, other: Flow) -> Flow {
        Flow { untrusted: self.untrusted.or(other.untrusted), params: self.params | other.params }
    }
}

/// What callers must know of a skill.
#[derive(Debug, Clone, Default)]
pub(crate) struct SkillFlow {
    /// The answer holds text that nobody vouches for.
    pub untrusted: bool,
    /// Parameters that choose the program of its command, with the place.
    pub program: Vec<(usize, SourceId, Span)>,
}

/// What callers must know of a cascade.
#[derive(Debug, Clone, Default)]
pub(crate) struct CascadeFlow {
    /// What its result is made of.
    pub result: Flow,
    /// Parameters that choose the program of a command somewhere below, with the place.
    pub program: Vec<(usize, SourceId, Span)>,
}
