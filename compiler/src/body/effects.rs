//! Effects of a body: the network, edited directories, memories that are set, programs that text
//! chooses. Its own and those of what it calls are noted for its callers.

use cascade_grammar::ast::Span;
use cascade_ir as ir;
use rustc_hash::FxHashSet;

use super::{BodyChecker, CodeSite, Outcome};
use crate::{
    callees::{Directory, Edit, Effects, MemorySet, NetworkUse},
    checks::{capabilities, concurrency, taint},
    flow::{CodeReason, Flow, ParamSet, ProgramParam},
    source::SourceId,
};

impl BodyChecker<'_> {
    /// Takes over what a callee does, and reports what it may not do here.
    pub(super) fn add_effects_of_call(&mut self, effects: &Effects, args: &[ir::Expr], span: Span) {
        if let Some(network) = &effects.network {
            self.use_network(network.clone(), span);
        }
        self.outcome.effects.edits.extend(concurrency::edits_of_call(&effects.edits, args, span));
        for set in &effects.sets {
            if self.surroundings.level > 0 {
                self.context.report(concurrency::overwritten_key(self.context.view(), set, span, Some(set.at)));
            }
            self.outcome.effects.sets.push(set.clone());
        }
    }

    /// Notes a use of the network, or reports it in a sandbox without one; `span` is the place in
    /// this body.
    pub(super) fn use_network(&mut self, network: NetworkUse, span: Span) {
        match self.surroundings.network_off {
            Some(sandbox) => {
                self.context.report(capabilities::network_in_sandbox(self.context.view(), &network, span, sandbox));
            }
            None => {
                self.outcome.effects.network.get_or_insert(network);
            }
        }
    }

    /// Notes that an agent edits a directory; one that is not known could be any.
    pub(super) fn edit_directory(&mut self, directory: Option<Directory>, span: Span) {
        let Some(directory) = directory else { return };
        let agent = (self.context.source(), span);
        self.outcome.effects.edits.push(Edit { directory, span, agent, settled: false });
    }

    /// Notes `memory.key = …`, and reports it in parallel branches.
    pub(super) fn set_memory(&mut self, memory: ir::MemoryId, key: u32, span: Span) {
        let set = MemorySet { memory, key, at: (self.context.source(), span) };
        if self.surroundings.level > 0 {
            self.context.report(concurrency::overwritten_key(self.context.view(), &set, span, None));
        }
        self.outcome.effects.sets.push(set);
    }

    /// Judges text at `span` that would be code at `place`.
    pub(super) fn code_sink(&mut self, flow: &Flow, span: Span, reason: &CodeReason, place: Span) {
        let at = (self.context.source(), place);
        self.report_code_site(CodeSite { flow: flow.clone(), span, reason: reason.clone(), at });
    }

    /// Judges arguments that become code somewhere below.
    pub(super) fn call_sinks(&mut self, program: &[ProgramParam], flows: &[Flow], span: Span) {
        for param in program {
            if let Some(flow) = flows.get(param.position) {
                let (reason, at) = (param.reason.clone(), param.at);
                self.report_code_site(CodeSite { flow: flow.clone(), span, reason, at });
            }
        }
    }

    fn report_code_site(&mut self, site: CodeSite) {
        self.context.report(taint::untrusted_code(self.context.view(), &site.flow, site.span, &site.reason, site.at));
        self.outcome.note_program_params(&site.flow.params, site.at, &site.reason);
        if site.flow.untrusted.is_none() && !site.flow.variables.is_empty() {
            self.outcome.code_of_variables.push(site);
        }
    }

    /// Judges code that is made of variables, at the end of the body.
    pub(super) fn report_code_of_variables(&mut self) {
        for mut site in std::mem::take(&mut self.outcome.code_of_variables) {
            site.flow = self.outcome.with_variables(&site.flow);
            self.report_code_site(site);
        }
    }

    /// Reports a placeholder that chooses the program of a command.
    pub(super) fn placeholder_sink(&mut self, span: Span) {
        self.context.report(taint::placeholder_sink(self.context.view(), span));
    }
}

impl Outcome {
    /// Notes that a variable is given a value.
    pub(super) fn note_assignment(&mut self, slot: ir::Slot, flow: &Flow) {
        self.assigned.entry(slot.0 as usize).or_default().include(flow);
    }

    /// The flow of a value when all that its variables are given is counted.
    pub(super) fn with_variables(&self, flow: &Flow) -> Flow {
        let (mut whole, mut waiting) = (flow.clone(), vec![flow.variables.clone()]);
        let mut seen: FxHashSet<usize> = FxHashSet::default();
        while let Some(variables) = waiting.pop() {
            for slot in variables.iter().filter(|slot| seen.insert(*slot)).collect::<Vec<_>>() {
                if let Some(given) = self.assigned.get(&slot) {
                    whole.include(given);
                    waiting.push(given.variables.clone());
                }
            }
        }
        whole.variables = ParamSet::default();
        whole
    }

    /// Notes for callers that the text of parameters is code at a place.
    pub(super) fn note_program_params(&mut self, params: &ParamSet, at: (SourceId, Span), reason: &CodeReason) {
        let known = &mut self.program_params;
        for position in params.iter() {
            if !known.iter().any(|param| param.position == position) {
                known.push(ProgramParam { position, at, reason: reason.clone() });
            }
        }
    }
}
