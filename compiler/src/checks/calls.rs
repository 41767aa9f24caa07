//! Calls: what can be called where, and with which arguments.

use cascade_grammar::ast::{Expr, ExprKind, Name, Span};

use crate::{
    codes,
    diagnostic::Diagnostic,
    suggest::{quoted_list, with_suggestion},
    types::Ty,
    world::{Def, Signature, View},
};

/// Warns of a call of something deprecated.
pub(crate) fn deprecated_call(view: View<'_>, signature: &Signature, args_span: Span) -> Option<Diagnostic> {
    let advice = signature.deprecated.as_ref()?;
    let d = view
        .diagnostic(codes::DEPRECATED, args_span, format!("`{}` is deprecated", signature.name))
        .label("called here");
    Some(if advice.is_empty() { d } else { d.help(advice) })
}

/// Reports an argument for a parameter that does not exist.
pub(crate) fn unknown_parameter(view: View<'_>, signature: &Signature, name: &Name) -> Diagnostic {
    let message = format!("`{}` has no parameter `{}`", signature.name, name.text);
    let d = view.diagnostic(codes::ARGUMENTS, name.span, message).label("not a parameter of it");
    let params = || signature.params.iter().map(|p| p.name.as_str());
    let d = with_suggestion(d, &name.text, name.span, params());
    match d.help {
        Some(_) => d,
        None => d.help(format!("its parameters are {}", quoted_list(params()))),
    }
}

/// Reports an argument without a name after one with a name.
pub(crate) fn unnamed_after_named(view: View<'_>, argument: Span) -> Diagnostic {
    view.diagnostic(codes::ARGUMENTS, argument, "an argument without a name stands before those with names")
        .label("give it its name, or move it to the front")
}

/// Reports an argument after the last parameter.
pub(crate) fn too_many_arguments(view: View<'_>, signature: &Signature, argument: Span) -> Diagnostic {
    let count = signature.params.len();
    let message = format!("`{}` takes {count} argument{}", signature.name, if count == 1 { "" } else { "s" });
    with_declaration(view, signature, view.diagnostic(codes::ARGUMENTS, argument, message).label("one too many"))
}

/// Reports a second argument for a parameter.
pub(crate) fn argument_given_twice(view: View<'_>, param: &str, argument: Span) -> Diagnostic {
    view.diagnostic(codes::ARGUMENTS, argument, format!("`{param}` is given twice")).label("again here")
}

/// Reports parameters without an argument and without a default.
pub(crate) fn missing_arguments(
    view: View<'_>,
    signature: &Signature,
    missing: &[&str],
    args_span: Span,
) -> Option<Diagnostic> {
    if missing.is_empty() {
        return None;
    }
    let message = format!("`{}` needs {}", signature.name, quoted_list(missing.iter().copied()));
    let d = view.diagnostic(codes::ARGUMENTS, args_span, message).label("missing here");
    Some(with_declaration(view, signature, d))
}

fn with_declaration(view: View<'_>, signature: &Signature, d: Diagnostic) -> Diagnostic {
    d.also_at(view.world.files.source(signature.origin.module), signature.origin.span, "declared here")
}

/// Reports a call of a variable.
pub(crate) fn call_of_value(view: View<'_>, name: &Name, ty: Ty) -> Diagnostic {
    view.diagnostic(codes::NOT_CALLABLE, name.span, format!("`{}` is a value and cannot be called", name.text))
        .label(format!("`{}`", view.type_text(ty)))
}

/// Reports a call of a type.
pub(crate) fn call_of_type(view: View<'_>, name: &Name, ty: Ty) -> Diagnostic {
    let shown = view.type_text(ty);
    view.diagnostic(codes::NOT_CALLABLE, name.span, format!("`{}` is a type and cannot be called", name.text))
        .label("a type")
        .help(format!("a `{shown}` is written `{{ field: value }}` where one is expected"))
}

/// Reports a call of a declaration that cannot be called.
pub(crate) fn call_of_declaration(view: View<'_>, name: &Name, def: Def, callee: Span) -> Diagnostic {
    let kind = def.kind_name();
    view.diagnostic(codes::NOT_CALLABLE, callee, format!("`{}` is {kind} and cannot be called", name.text)).label(kind)
}

/// Reports a skill or a cascade that is called in an expression. `in_cascade` tells whether a stage
/// could stand there.
pub(crate) fn call_without_stage(view: View<'_>, name: &Name, def: Def, call: Span, in_cascade: bool) -> Diagnostic {
    let kind = if matches!(def, Def::Skill(_)) { "skill" } else { "cascade" };
    let name = &name.text;
    let d = view
        .diagnostic(codes::STAGE_CALL, call, format!("only a stage calls a {kind}"))
        .label(format!("`{name}` is a {kind}: it costs time or money, so its call has a name"));
    d.help(if in_cascade {
        format!("`stage {name}_result = {name}(…)` on a line of its own, then use `{name}_result`")
    } else {
        "call it from a cascade, and pass the result on".to_owned()
    })
}

/// Reports a skill or a cascade that is called by the arm of a `match`.
pub(crate) fn call_in_arm(view: View<'_>, call: Span) -> Diagnostic {
    view.diagnostic(codes::STAGE_CALL, call, "only a stage calls a skill or a cascade")
        .label("its call has a name")
        .help("write a block: `-> { stage name = … }`")
}

/// Reports a question to a person in an expression.
pub(crate) fn question_without_stage(view: View<'_>, name: &Name) -> Diagnostic {
    view.diagnostic(codes::STAGE_CALL, name.span, format!("`{}` waits for a person, so it is a stage", name.text))
        .label("not here")
        .help(format!("`stage answer = {}(…)` on a line before, then use `answer`", name.text))
}

/// Reports a question to a person with too few or too many arguments.
pub(crate) fn arguments_of_question(
    view: View<'_>,
    name: &Name,
    given: usize,
    wanted: usize,
    args_span: Span,
) -> Option<Diagnostic> {
    let form = if wanted == 2 { "choose(\"question\", options)" } else { "(\"question\")" };
    (given != wanted).then(|| {
        view.diagnostic(codes::ARGUMENTS, args_span, format!("`{}` is written `{form}`", name.text))
            .label(format!("{given} given"))
    })
}

/// Reports a stage whose value is an expression.
pub(crate) fn stage_of_value(view: View<'_>, stage: &Name, value: &Expr) -> Diagnostic {
    let d = view
        .diagnostic(codes::STAGE_CALL, value.span, "a stage calls a skill or a cascade, or is a block")
        .label("nothing is called here");
    let name = &stage.text;
    d.help(if matches!(value.kind, ExprKind::Command(_)) {
        format!("a command stands in a skill: `skill {name}_skill() -> string {{ run sh\"…\" }}`, and `stage {name} = {name}_skill()`")
    } else {
        format!("a value without cost is named by `let {name} = …`")
    })
}

/// Reports a stage whose call has no effect: of a method, of a variant.
pub(crate) fn stage_of_pure_call(view: View<'_>, stage: &Name, call: &Expr) -> Diagnostic {
    view.diagnostic(codes::STAGE_CALL, call.span, "a stage calls a skill or a cascade")
        .label("this has no effect and needs no stage")
        .help(format!("write `let {} = …`", stage.text))
}

/// Reports a stage that calls a `fn`.
pub(crate) fn stage_of_fn(view: View<'_>, stage: &Name, name: &Name, callee: Span) -> Diagnostic {
    let message = format!("`{}` is a fn: it has no effect and needs no stage", name.text);
    view.diagnostic(codes::STAGE_CALL, callee, message)
        .label("pure")
        .help(format!("write `let {} = {}(…)`", stage.text, name.text))
}
