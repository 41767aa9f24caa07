//! The families of checks. Each file owns the rules of one family and how they are told; the
//! walk of `elab` calls into it where it stands before what the rule is about.

pub(crate) mod allow;
pub(crate) mod attributes;
pub(crate) mod bounds;
pub(crate) mod capabilities;
pub(crate) mod concurrency;

pub(crate) mod leaks;
pub(crate) mod names;
pub(crate) mod reachability;
pub(crate) mod style;
pub(crate) mod taint;
pub(crate) mod types;

use cascade_grammar::ast::Span;
use cascade_ir as ir;

use crate::elab::{Def, body::Body};

/// What the checks of one body remember between its statements.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Variables that were assigned so far.
    pub writes: Vec<u32>,
    /// The bounds that hold here.
    pub limits: bounds::Limits,
    /// The sandbox without network around this place.
    pub network_off: Option<Span>,
    /// The models of the cascade's own `using`.
    pub using: Option<ir::Expr>,
    /// Where that stands.
    pub using_span: Span,
    /// Variables that may have no value yet when the current hook runs.
    pub unset: Vec<u32>,
    /// What this body does.
    pub effects: Effects,
}

/// What callers must know of a skill or a cascade beside its signature.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Where it uses the network outside of models.
    pub network: Option<capabilities::Network>,
    /// Directories that its agents edit.
    pub edits: Vec<concurrency::Edit>,
    /// Keys of memories that it sets with `=`.
    pub sets: Vec<concurrency::MemorySet>,
}

impl Body<'_, '_> {
    /// Takes over what a callee does, and reports what it may not do here.
    pub fn call_effects(&mut self, callee: Def, args: &[ir::Expr], span: Span) {
        let Some(effects) = self.cx.effects(callee) else { return };
        if effects.network.is_none() && effects.edits.is_empty() && effects.sets.is_empty() {
            return;
        }
        // Nothing calls itself, so nobody misses it meanwhile.
        let effects = std::mem::take(effects);
        if let Some(network) = &effects.network {
            self.uses_network(network.clone(), span);
        }
        self.called_edits(&effects.edits, args, span);
        self.called_sets(&effects.sets, span);
        if let Some(place) = self.cx.effects(callee) {
            *place = effects;
        }
    }
}
