//! Secrets: they stand nowhere where others could read them.

use cascade_grammar::ast::Span;

use crate::{
    codes,
    elab::{body::Body, text::Use},
    types::{Ty, TyKind},
};

impl Body<'_, '_> {
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
