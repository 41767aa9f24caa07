//! Secrets: they stand nowhere where others could read them.

use cascade_grammar::ast::Span;

use crate::{
    codes,
    diagnostic::Diagnostic,
    types::{Ty, TyKind},
    world::View,
};

/// Where a text is used; decides whether a secret may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextUse {
    /// A value of the program: with a secret in it, it is a secret.
    Value,
    /// The address of a request: it is shown as `[secret]` where a secret stands in it.
    Address,
    /// Something that others see: a prompt, a log line, a message.
    Shown(&'static str),
}

/// Reports a value that cannot be an argument of a command.
pub(crate) fn command_argument(view: View<'_>, ty: Ty, span: Span) -> Option<Diagnostic> {
    let base = view.types.base(view.types.non_null(ty));
    let message = match view.types.kind(base) {
        TyKind::Secret => "a secret in an argument can be seen by every program of the machine",
        TyKind::Model => "a model cannot be an argument of a command",
        _ if view.types.holds_secret(base) => "a secret in an argument can be seen by every program of the machine",
        _ => return None,
    };
    let secret = message.starts_with("a secret");
    let code = if secret { codes::SECRET_LEAK } else { codes::OPERATOR };
    let d = view.diagnostic(code, span, message).label(format!("`{}`", view.type_text(ty)));
    Some(if secret { d.help("give it in `env { NAME: … }` or on `stdin`") } else { d })
}

/// Reports a value that cannot stand in a text. `holds_secret` tells whether a secret is in it.
pub(crate) fn value_in_text(
    view: View<'_>,
    ty: Ty,
    holds_secret: bool,
    used: TextUse,
    span: Span,
) -> Option<Diagnostic> {
    if holds_secret {
        return match used {
            TextUse::Shown(place) => Some(
                view.diagnostic(codes::SECRET_LEAK, span, format!("a secret cannot be used in {place}"))
                    .label(format!("`{}`", view.type_text(ty)))
                    .help("secrets go into the address or the headers of `http`, the `env` or `stdin` of `run`, and nowhere else"),
            ),
            TextUse::Value | TextUse::Address if view.types.base(ty) != Ty::SECRET => Some(
                view.diagnostic(codes::SECRET_LEAK, span, "a value that contains a secret cannot be put into text")
                    .label("holds a secret")
                    .help("name the field that you mean"),
            ),
            TextUse::Value | TextUse::Address => None,
        };
    }
    matches!(view.types.base(ty), Ty::COMMAND | Ty::MODEL).then(|| {
        let shown = view.type_text(ty);
        view.diagnostic(codes::OPERATOR, span, format!("a {shown} cannot be put into text")).label(format!("`{shown}`"))
    })
}

/// Reports a secret in what a request sends in the open.
pub(crate) fn secret_in_request(view: View<'_>, ty: Ty, place: &str, span: Span) -> Option<Diagnostic> {
    view.types.holds_secret(ty).then(|| {
        view.diagnostic(codes::SECRET_LEAK, span, format!("a secret cannot be used in {place}"))
            .label(format!("`{}`", view.type_text(ty)))
            .help("put it into `headers`, where it is kept from the journal: `headers: { authorization: … }`")
    })
}
