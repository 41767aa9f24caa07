//! Types: how a value that does not fit is told. Whether it fits is found while types are
//! inferred, in `elab`.

use cascade_grammar::ast::{Name, Span};
use smol_str::SmolStr;

use crate::{
    codes,
    elab::{
        body::{Body, Typed},
        literal, methods, with_suggestion,
    },
    types::{Ty, TyKind},
};

impl<'a> Body<'_, 'a> {
    /// Reports a value of the wrong type.
    pub fn mismatch(&mut self, found: Ty, expected: Ty, span: Span) {
        let (found_text, expected_text) = (self.show(found), self.show(expected));
        let non_null = self.cx.types.non_null(found);
        if non_null != found && non_null != Ty::NEVER && self.cx.types.fits(non_null, expected) {
            let d = self
                .diag(codes::MAY_BE_NULL, span, format!("this may be null, and `{expected_text}` is needed"))
                .label(format!("`{found_text}`"))
                .help("give a value for null with `?? …`, or test it first: `if x != null { … }`");
            self.report(d);
            return;
        }
        let mut d = self
            .diag(codes::MISMATCH, span, format!("expected `{expected_text}`, found `{found_text}`"))
            .label(format!("`{found_text}`"));
        let base_found = self.cx.types.base(found);
        let base_expected = self.cx.types.base(self.cx.types.non_null(expected));
        d = match (base_found, base_expected) {
            (Ty::JSON, _) => d.help(format!("say what it is: `… as {expected_text}`")),
            (Ty::INT | Ty::FLOAT | Ty::BOOL | Ty::PATH, Ty::STRING) => {
                d.help("put it into text: `\"$<value>\"`, or `value.to_text()`")
            }
            (Ty::FLOAT, Ty::INT) => d.help("`round(x)`, `x.floor()` or `x.ceil()` make an int"),
            (Ty::STRING, Ty::INT) => d.help("`text.to_int()` reads a number, or gives null"),
            (Ty::STRING, Ty::MODEL) => d.help("a model is named without quotes: `using claude`"),
            (Ty::STRING, Ty::COMMAND) => d.help("a command is written `sh\"…\"`"),
            (Ty::COMMAND, Ty::STRING) => d.help("text is written without `sh`"),
            _ => d,
        };
        self.report(d);
    }

    /// Reports a field or method of something that may be null.
    pub fn null_access(&mut self, ty: Ty, name: &Name, receiver: Span) {
        let shown = self.show(ty);
        let text = self.cx.text(self.module, receiver).to_owned();
        let short = (text.len() <= 40 && !text.contains('\n')).then_some(text);
        let what = short.as_ref().map_or("this".to_owned(), |text| format!("`{text}`"));
        let tested = short.as_deref().unwrap_or("x");
        let d = self
            .diag(
                codes::MAY_BE_NULL,
                receiver,
                format!("{what} may be null, so `.{}` may have nothing to read", name.text),
            )
            .label(format!("`{shown}`"))
            .help(format!(
                "read it only if it is there, `?.{}`, or test it first: `if {tested} != null {{ … }}`",
                name.text
            ));
        self.report(d);
    }

    pub fn no_field(&mut self, ty: Ty, name: &Name) {
        let shown = self.show(ty);
        if ty == Ty::JSON {
            let d = self
                .diag(codes::JSON_READ, name.span, "`json` has no known fields")
                .label("say what the json is first")
                .help(format!(
                    "`(… as {{ {}: string }}).{}`, or `.get(\"{}\")` for a `json?`",
                    name.text, name.text, name.text
                ));
            self.report(d);
            return;
        }
        let d = self
            .diag(codes::UNKNOWN_FIELD, name.span, format!("`{shown}` has no field `{}`", name.text))
            .label("not found");
        let fields: Vec<SmolStr> = self.cx.types.fields(ty).unwrap_or_default().into_iter().map(|(n, _)| n).collect();
        let methods = methods::names(self.cx.types.kind(self.cx.types.base(ty)));
        let d = if methods.contains(&name.text.as_str()) {
            d.help(format!("`{}` is a method: call it with `()`", name.text)).safe_fix(
                "call it",
                name.span,
                format!("{}()", name.text),
            )
        } else {
            let known = fields.len();
            let mut d = with_suggestion(
                d,
                &name.text,
                name.span,
                fields.iter().map(SmolStr::as_str).chain(methods.iter().copied()),
            );
            if d.help.is_none() && known > 0 {
                d = d.help(format!("its fields are {}", literal::names(fields.iter().map(SmolStr::as_str))));
            }
            d
        };
        self.report(d);
    }

    pub fn no_method(&mut self, ty: Ty, name: &Name) {
        let shown = self.show(ty);
        let known = methods::names(self.cx.types.kind(ty));
        let is_field = self.cx.types.field(ty, &name.text).is_some();
        let d = self
            .diag(codes::UNKNOWN_FIELD, name.span, format!("`{shown}` has no method `{}`", name.text))
            .label("not found");
        let d = if is_field {
            d.help(format!("`{}` is a field: read it without `()`", name.text))
        } else {
            let d = with_suggestion(d, &name.text, name.span, known.iter().copied());
            match (d.help.is_none(), name.text.as_str()) {
                (true, "length" | "size" | "count") => d.help("its size is `len()`"),
                (true, "push" | "append" | "add") => d.help("values do not change; `xs + [x]` is a new list"),
                _ => d,
            }
        };
        self.report(d);
    }

    /// Reports a variable whose type would stay open.
    pub fn known(&mut self, typed: Typed, span: Span) -> Typed {
        let open = |body: &Self, t: Ty| match body.cx.types.kind(t) {
            TyKind::List(e) | TyKind::Map(e) | TyKind::Optional(e) => *e == Ty::NEVER,
            TyKind::Null => true,
            _ => false,
        };
        if open(self, typed.ty) {
            let what = if typed.ty == Ty::NULL { "null" } else { "an empty list" };
            let d = self
                .diag(codes::CANNOT_INFER, span, format!("the type of {what} is not known by itself"))
                .label("of what?")
                .help("write the type after the name: `name: list<string> = []`");
            self.report(d);
            return Typed { ty: Ty::ERROR, ..typed };
        }
        typed
    }

    /// Joins the values of two ways to one type.
    pub fn join_values(&mut self, a: (Ty, bool), b: (Ty, bool), span: Span) -> Ty {
        match (a, b) {
            ((_, true), (_, true)) => Ty::NEVER,
            ((_, true), (ty, false)) | ((ty, false), (_, true)) => ty,
            ((x, false), (y, false)) => match self.cx.types.join(x, y) {
                Some(ty) => ty,
                None => {
                    let (p, q) = (self.show(x), self.show(y));
                    let d = self
                        .diag(
                            codes::MISMATCH,
                            span,
                            format!("the ways through this give different types: `{p}` and `{q}`"),
                        )
                        .label("one type is needed")
                        .help("let each way end in a value of the same type");
                    self.report(d);
                    Ty::ERROR
                }
            },
        }
    }
}
