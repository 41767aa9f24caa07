//! Untrusted text: it must not choose the program of a command.

use cascade_grammar::ast::Span;

use crate::{
    codes,
    diagnostic::Diagnostic,
    elab::body::Body,
    flow::{Flow, ParamSet, ProgramParam, Untrusted},
    source::SourceId,
    types::{Ty, TyKind},
};

impl Body<'_, '_> {
    /// Arguments that would choose a program somewhere below.
    pub fn call_sinks(&mut self, program: &[ProgramParam], flows: &[Flow], span: Span) {
        for (index, source, place) in program {
            let Some(flow) = flows.get(*index) else { continue };
            if let Some(untrusted) = flow.untrusted {
                let d = self
                    .diag(
                        codes::UNTRUSTED_PROGRAM,
                        span,
                        "text that nobody vouches for would choose the program that is run",
                    )
                    .label("passed in here")
                    .also(*source, *place, "and chooses the program here")
                    .help("`match` it against the programs that you allow");
                let d = self.way_of(d, untrusted);
                self.report(d);
            }
            self.params_choose_program(&flow.params, *source, *place);
        }
    }

    /// Untrusted text must not choose a program.
    pub fn program_sink(&mut self, flow: &Flow, span: Span) {
        if let Some(untrusted) = flow.untrusted {
            let d = self
                .diag(codes::UNTRUSTED_PROGRAM, span, "text that nobody vouches for would choose the program that is run")
                .label("the program of a command is part of the code")
                .help("write the program out, and pass the text as an argument; or `match` it against the programs that you allow");
            let d = self.way_of(d, untrusted);
            self.report(d);
        }
        let source = self.source();
        self.params_choose_program(&flow.params, source, span);
    }

    /// Whether a value of the type could hold text.
    pub fn holds_text(&self, ty: Ty) -> bool {
        let types = &self.cx.types;
        let text = |t| {
            // The keys of a map are text.
            matches!(t, Ty::STRING | Ty::PATH | Ty::JSON | Ty::COMMAND | Ty::FILE | Ty::ERROR)
                || matches!(types.kind(t), TyKind::Map(_))
        };
        types.holds(ty, &mut Vec::new(), &text)
    }

    /// Shows the way of untrusted text from where it comes to where it is.
    fn way_of(&self, d: Diagnostic, untrusted: Untrusted) -> Diagnostic {
        let (source, span) = untrusted.from;
        let d = d.also(source, span, format!("this comes from {}", untrusted.origin.description()));
        match untrusted.carried {
            Some((source, span)) => {
                let name = self.cx.map.get(source).text.get(span.range()).unwrap_or_default();
                d.also(source, span, format!("carried into `{name}` here"))
            }
            None => d,
        }
    }

    /// What a variable is made of, which from now on carries it.
    pub fn carried(&self, mut flow: Flow, span: Span) -> Flow {
        let source = self.source();
        if let Some(untrusted) = &mut flow.untrusted {
            untrusted.carried = Some((source, span));
        }
        flow
    }

    /// Reports a placeholder (`{test}`) where a program is chosen: nobody knows what is put there.
    pub fn placeholder_sink(&mut self, span: Span) {
        let d = self
            .diag(codes::UNTRUSTED_PROGRAM, span, "a placeholder would choose the program that is run")
            .label("what `with` puts there could be any program")
            .help("write the program out; a placeholder stands for an argument");
        self.report(d);
    }

    /// Remembers for callers that the parameters choose the program of a command.
    fn params_choose_program(&mut self, params: &ParamSet, source: SourceId, place: Span) {
        for position in params.iter() {
            if !self.program.iter().any(|(known, _, _)| *known == position) {
                self.program.push((position, source, place));
            }
        }
    }
}
