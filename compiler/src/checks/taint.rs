//! Untrusted text: it must not choose the program of a command.

use cascade_grammar::ast::Span;
use cascade_shell::Reason;

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
                    .diag(codes::UNTRUSTED_PROGRAM, span, "untrusted text would decide which program runs")
                    .label("passed in here")
                    .also(*source, *place, "and becomes code here")
                    .help("`match` it against what you allow, or vouch for it there with `as trusted`");
                let d = self.way_of(d, untrusted);
                self.report(d);
            }
            self.params_choose_program(&flow.params, *source, *place);
        }
    }

    /// Reports untrusted text that would be code; `span` is the place of the text, and `place`
    /// that where it would become code.
    pub fn code_sink(&mut self, flow: &Flow, span: Span, reason: &Reason, place: Span) {
        let source = self.source();
        if let Some(untrusted) = flow.untrusted {
            let (message, label, help) = describe(reason);
            let mut d = self.diag(codes::UNTRUSTED_PROGRAM, span, message).label(label).help(help);
            if place.start > span.end || place.end < span.start {
                d = d.also(source, place, "becomes code here");
            }
            let d = self.way_of(d, untrusted);
            self.report(d);
        }
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

/// The message, the label and the way out for text that would be code.
fn describe(reason: &Reason) -> (String, &'static str, &'static str) {
    const PROGRAM: &str = "write the program out and pass the text as an argument, `match` it against the programs that \
                           you allow, or vouch for it with `as trusted`";
    const CODE: &str = "pass the text as an argument that is read as data, or vouch for it with `as trusted`";
    match reason {
        Reason::Program => {
            ("untrusted text would decide which program runs".to_owned(), "the program of a command is code", PROGRAM)
        }
        Reason::Code(program) => (
            format!("`{program}` would read untrusted text as code"),
            "an answer of a model, or of a program, could run anything",
            CODE,
        ),
        Reason::Option(program) => (
            format!("`{program}` could read untrusted text as an option that runs a program"),
            "could begin with `-`",
            "write `--` before it if the program understands that, or begin the word with literal text (`./$<…>`); \
             or vouch for it with `as trusted`",
        ),
        Reason::Variable(name) => (
            format!("untrusted text in `{name}` would decide which program runs"),
            "this variable chooses programs",
            "write the value out, or vouch for it with `as trusted`",
        ),
        Reason::Arithmetic => (
            "a shell could run untrusted text in arithmetic".to_owned(),
            "some shells run commands in it",
            "calculate with `int` values outside of the command",
        ),
        Reason::UnknownProgram => (
            "untrusted text would be an argument of a program that is not known here".to_owned(),
            "the program could read it as code",
            PROGRAM,
        ),
        Reason::Directory => (
            "untrusted text would decide which program runs".to_owned(),
            "the program is looked for in this directory",
            "name the program by an absolute path, or vouch for the directory with `as trusted`",
        ),
        Reason::File(name) => {
            (format!("untrusted text in the file `{name}` would be run"), "written to the file", CODE)
        }
    }
}
