//! Types: how a value that does not fit is reported. Whether it fits is found while types are
//! inferred, in `body`.

use cascade_grammar::ast::{Name, Span};
use smol_str::SmolStr;

use crate::{
    builtins::method_names,
    checks::elsewhere,
    codes,
    diagnostic::Diagnostic,
    suggest::{quoted_list, with_suggestion},
    types::{Ty, TyKind},
    world::View,
};

/// Reports a value of the wrong type.
pub(crate) fn mismatch(view: View<'_>, found: Ty, expected: Ty, span: Span) -> Diagnostic {
    let types = view.types;
    let (found_text, expected_text) = (view.type_text(found), view.type_text(expected));
    let non_null = types.non_null(found);
    if non_null != found && non_null != Ty::NEVER && types.fits(non_null, expected) {
        return view
            .diagnostic(codes::MAY_BE_NULL, span, format!("this may be null, and `{expected_text}` is needed"))
            .label(format!("`{found_text}`"))
            .help("give a value for null with `?? …`, or test it first: `if x != null { … }`");
    }
    let d = view
        .diagnostic(codes::MISMATCH, span, format!("expected `{expected_text}`, found `{found_text}`"))
        .label(format!("`{found_text}`"));
    let written = view.world.files.text(view.module, span);
    let number = !written.is_empty() && written.chars().all(|c| c.is_ascii_digit() || matches!(c, '_' | '.'));
    match (types.base(found), types.base(types.non_null(expected))) {
        (Ty::INT, Ty::DURATION) if number => d.help(format!("a duration has a unit: `{written}s`, `{written}m`")),
        (Ty::INT | Ty::FLOAT, Ty::MONEY) if number => d.help(format!("write `{written}usd`")),
        (Ty::STRING, Ty::DURATION | Ty::MONEY) => {
            d.help(format!("write it without quotes: `{}`", written.trim_matches('"').replace(' ', "")))
        }
        (Ty::STRING, Ty::COMMAND) if written.starts_with('"') => {
            let shown = match written.contains('\n') {
                true => "with `sh` before its quotes".to_owned(),
                false => format!("`sh{written}`"),
            };
            let start = Span { end: span.start, ..span };
            d.help(format!("a command is written {shown}")).safe_fix("write `sh` before it", start, "sh")
        }
        (Ty::SECRET, Ty::STRING) => {
            d.help("a secret stays a `secret`; it goes into a command's `env { … }`, a header or an address only")
        }
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
    }
}

/// Reports a field or method of something that may be null.
pub(crate) fn access_of_null(view: View<'_>, ty: Ty, name: &Name, receiver: Span) -> Diagnostic {
    let text = view.world.files.text(view.module, receiver);
    let short = (text.len() <= 40 && !text.contains('\n')).then_some(text);
    let subject = short.map_or("this".to_owned(), |text| format!("`{text}`"));
    let tested = short.unwrap_or("x");
    let message = format!("{subject} may be null, and null has no `.{}`", name.text);
    view.diagnostic(codes::MAY_BE_NULL, receiver, message).label(format!("`{}`", view.type_text(ty))).help(format!(
        "read it only if it is there, `?.{}`, or test it first: `if {tested} != null {{ … }}`",
        name.text
    ))
}

/// Reports a field that a type does not have.
pub(crate) fn unknown_field(view: View<'_>, ty: Ty, name: &Name) -> Diagnostic {
    if ty == Ty::JSON {
        return view
            .diagnostic(codes::JSON_READ, name.span, "`json` has no known fields")
            .label("say what the json is first")
            .help(format!(
                "`(… as {{ {}: string }}).{}`, or `.get(\"{}\")` for a `json?`",
                name.text, name.text, name.text
            ));
    }
    let message = format!("`{}` has no field `{}`", view.type_text(ty), name.text);
    let d = view.diagnostic(codes::UNKNOWN_FIELD, name.span, message).label("not found");
    if let Some(help) = how_to_match(view, ty) {
        return d.help(help);
    }
    let fields: Vec<SmolStr> = view.types.fields(ty).unwrap_or_default().into_iter().map(|(n, _)| n).collect();
    let methods = method_names(view.types.kind(view.types.base(ty)));
    if methods.contains(&name.text.as_str()) {
        return d.help(format!("`{}` is a method: call it with `()`", name.text)).safe_fix(
            "call it",
            name.span,
            format!("{}()", name.text),
        );
    }
    let known = fields.iter().map(SmolStr::as_str);
    if fields.is_empty()
        && let Some(help) = elsewhere::method(&name.text)
    {
        return d.help(help);
    }
    let d = with_suggestion(d, &name.text, name.span, known.clone().chain(methods.iter().copied()));
    if d.help.is_none() && !fields.is_empty() {
        return d.help(format!("its fields are {}", quoted_list(known)));
    }
    d
}

/// Reports a method that a type does not have.
pub(crate) fn unknown_method(view: View<'_>, ty: Ty, name: &Name) -> Diagnostic {
    let known = method_names(view.types.kind(ty));
    let message = format!("`{}` has no method `{}`", view.type_text(ty), name.text);
    let d = view.diagnostic(codes::UNKNOWN_FIELD, name.span, message).label("not found");
    if let Some(help) = how_to_match(view, ty) {
        return d.help(help);
    }
    if view.types.field(ty, &name.text).is_some() {
        return d.help(format!("`{}` is a field: read it without `()`", name.text));
    }
    if known.contains(&name.text.as_str()) {
        return d;
    }
    match elsewhere::method(&name.text) {
        Some(help) => d.help(help),
        None => with_suggestion(d, &name.text, name.span, known.iter().copied()),
    }
}

/// How a value is read whose fields depend on its variant; `None` for other types.
pub(crate) fn how_to_match(view: View<'_>, ty: Ty) -> Option<String> {
    const SHOWN: usize = 3;
    let variants = view.types.variants(view.types.base(ty))?;
    if variants.iter().all(|variant| variant.fields.is_empty()) {
        return None;
    }
    let arms = variants.iter().take(SHOWN).map(|variant| match variant.fields.as_slice() {
        [] => format!("{} -> …", variant.name),
        fields => {
            let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            format!("{} {{ {} }} -> …", variant.name, names.join(", "))
        }
    });
    let more = if variants.len() > SHOWN { ", _ -> …" } else { "" };
    Some(format!("what it has depends on its variant: `match … {{ {}{more} }}`", arms.collect::<Vec<_>>().join(", ")))
}

/// Reports a variant that an enum does not have.
pub(crate) fn unknown_variant(view: View<'_>, ty: Ty, name: &Name) -> Diagnostic {
    let message = format!("`{}` has no variant `{}`", view.type_text(ty), name.text);
    let d = view.diagnostic(codes::UNKNOWN_VARIANT, name.span, message).label("not one of its variants");
    let variants = || view.types.variants(ty).into_iter().flatten().map(|v| v.name.as_str());
    let d = with_suggestion(d, &name.text, name.span, variants());
    match d.help {
        Some(_) => d,
        None => d.help(format!("its variants are {}", quoted_list(variants()))),
    }
}

/// Reports a variable whose type its value does not tell: null, an empty list.
pub(crate) fn open_type(view: View<'_>, ty: Ty, span: Span) -> Option<Diagnostic> {
    let open = match view.types.kind(ty) {
        TyKind::List(e) | TyKind::Map(e) | TyKind::Optional(e) => *e == Ty::NEVER,
        TyKind::Null => true,
        _ => false,
    };
    open.then(|| {
        let value = if ty == Ty::NULL { "null" } else { "an empty list" };
        view.diagnostic(codes::CANNOT_INFER, span, format!("the type of {value} cannot be inferred"))
            .label("of what?")
            .help("write the type after the name: `name: list<string> = []`")
    })
}

/// Reports two ways through a construct whose values have no type in common.
pub(crate) fn different_types(view: View<'_>, a: Ty, b: Ty, span: Span) -> Diagnostic {
    let (a, b) = (view.type_text(a), view.type_text(b));
    view.diagnostic(codes::MISMATCH, span, format!("the branches have different types: `{a}` and `{b}`"))
        .label("one type is needed")
        .help("let each branch end in a value of the same type")
}
