//! Where text comes from and where it may not go.
//!
//! A [`Flow`] says of a value whether it holds text that came from a model, the web or a tool,
//! and from which parameters of the enclosing cascade it was made. So a cascade can be judged
//! once, and its calls by what is known of it.

use cascade_grammar::ast::Span;

use crate::{
    codes,
    elab::{body::Body, text::Use},
    source::SourceId,
    types::{Ty, TyKind},
};

/// What text that nobody vouches for comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Model,
    Agent,
    Web,
    Tool,
    Command,
    Memory,
}

impl Origin {
    fn shown(self) -> &'static str {
        match self {
            Origin::Model => "a model",
            Origin::Agent => "an agent",
            Origin::Web => "the web",
            Origin::Tool => "a tool",
            Origin::Command => "the output of a command",
            Origin::Memory => "a memory, which models may have written",
        }
    }
}

/// Where untrusted text comes from, and how it came to where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untrusted {
    pub origin: Origin,
    /// The stage or the key of a memory.
    pub from: (SourceId, Span),
    /// The variable that carries it now, when that is another place.
    pub carried: Option<(SourceId, Span)>,
}

impl Untrusted {
    pub fn new(origin: Origin, source: SourceId, span: Span) -> Self {
        Self { origin, from: (source, span), carried: None }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    /// The stage that brought untrusted text.
    pub untrusted: Option<Untrusted>,
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
    pub untrusted: Option<Origin>,
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

impl<'a> Body<'_, 'a> {
    /// Arguments that would choose a program somewhere below.
    pub fn call_sinks(&mut self, program: &[(usize, SourceId, Span)], flows: &[Flow], span: Span) {
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
            for i in 0..64 {
                if flow.params & (1 << i) != 0 && !self.program.iter().any(|(p, _, _)| *p == i) {
                    self.program.push((i, *source, *place));
                }
            }
        }
    }

    /// Untrusted text must not choose a program.
    pub fn program_sink(&mut self, flow: Flow, span: Span) {
        if let Some(untrusted) = flow.untrusted {
            let d = self
                .diag(codes::UNTRUSTED_PROGRAM, span, "text that nobody vouches for would choose the program that is run")
                .label("the program of a command is part of the code")
                .help("write the program out, and pass the text as an argument; or `match` it against the programs that you allow");
            let d = self.way_of(d, untrusted);
            self.report(d);
        }
        let source = self.source();
        for index in 0..64 {
            if flow.params & (1 << index) != 0 && !self.program.iter().any(|(i, _, _)| *i == index) {
                self.program.push((index, source, span));
            }
        }
    }

    /// Checks that a value can be an argument of a command.
    pub fn argument_type(&mut self, ty: Ty, span: Span) {
        let base = self.cx.types.base(self.cx.types.non_null(ty));
        let bad = match self.cx.types.kind(base) {
            TyKind::Secret => Some("a secret in an argument can be seen by every program of the machine"),
            TyKind::Command => Some("a command cannot be a part of another"),
            TyKind::Model => Some("a model cannot be an argument of a command"),
            _ if self.cx.types.holds_secret(base) => {
                Some("a secret in an argument can be seen by every program of the machine")
            }
            _ => None,
        };
        if let Some(message) = bad {
            let secret = message.starts_with("a secret");
            let code = if secret { codes::SECRET_LEAK } else { codes::OPERATOR };
            let shown = self.show(ty);
            let d = self.diag(code, span, message).label(format!("`{shown}`"));
            let d = if secret { d.help("give it in `env { NAME: … }` or on `stdin`") } else { d };
            self.report(d);
        }
    }

    /// Checks that a value can stand in a text; whether it makes the text a secret.
    pub fn hole_type(&mut self, ty: Ty, used: Use, span: Span) -> bool {
        if self.cx.types.holds_secret(ty) {
            if let Use::Shown(place) = used {
                let shown = self.show(ty);
                let d = self
                    .diag(codes::SECRET_LEAK, span, format!("a secret cannot stand in {place}"))
                    .label(format!("`{shown}`"))
                    .help("secrets go into the headers of `http`, the `env` or `stdin` of `run`, and nowhere else");
                self.report(d);
            } else if self.cx.types.base(ty) != Ty::SECRET {
                let d = self
                    .diag(codes::SECRET_LEAK, span, "a value that holds a secret cannot stand in text")
                    .label("holds a secret")
                    .help("name the field that you mean");
                self.report(d);
            }
            return true;
        }
        if matches!(self.cx.types.base(ty), Ty::COMMAND | Ty::MODEL) {
            let shown = self.show(ty);
            let d =
                self.diag(codes::OPERATOR, span, format!("a {shown} cannot stand in text")).label(format!("`{shown}`"));
            self.report(d);
        }
        false
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
    fn way_of(&self, d: crate::Diagnostic, untrusted: Untrusted) -> crate::Diagnostic {
        let (source, span) = untrusted.from;
        let d = d.also(source, span, format!("this comes from {}", untrusted.origin.shown()));
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

    /// Reports a secret in what a request sends in the open.
    pub fn secret_in_request(&mut self, ty: Ty, place: &str, span: Span) {
        if self.cx.types.holds_secret(ty) {
            let shown = self.show(ty);
            let d = self
                .diag(codes::SECRET_LEAK, span, format!("a secret cannot stand in {place}"))
                .label(format!("`{shown}`"))
                .help("put it into `headers`, where it is kept from the journal: `headers: { authorization: … }`");
            self.report(d);
        }
    }
}
