//! Style and suspicion: what works, and is hardly meant.

use cascade_grammar::ast::{Expr, ExprKind, Name, Span};
use smol_str::SmolStr;

use crate::{
    builtins::FREE_FUNCTIONS,
    codes,
    diagnostic::Diagnostic,
    scope::{Local, LocalKind, Scope},
    suggest::quoted_list,
    types::Ty,
    walk,
    world::{Def, View},
};

/// Warns of a value's name that is not `snake_case`.
pub(crate) fn value_name(view: View<'_>, name: &Name) -> Option<Diagnostic> {
    name.text.chars().any(char::is_uppercase).then(|| {
        let better = to_snake(&name.text);
        view.diagnostic(codes::NAMING, name.span, format!("`{}` should be written `{better}`", name.text))
            .label("values, skills and cascades are snake_case")
            .help(format!("rename it to `{better}`"))
    })
}

/// Warns of a hole that is written as in another language.
pub(crate) fn foreign_hole(view: View<'_>, span: Span, written: &str, expression: &str) -> Diagnostic {
    view.diagnostic(codes::FOREIGN_HOLE, span, format!("`{written}` is plain text here"))
        .label("no value is inserted")
        .help(format!("write `$<{expression}>`"))
        .fix(format!("write `$<{expression}>` to insert the value"), span, format!("$<{expression}>"))
}

/// Warns of a type's name that is not `PascalCase`.
pub(crate) fn type_name(view: View<'_>, name: &Name) -> Option<Diagnostic> {
    let bare = name.text.trim_start_matches('_');
    if !bare.starts_with(char::is_lowercase) && !bare.contains('_') {
        return None;
    }
    let capitalized = |part: &str| {
        let mut chars = part.chars();
        chars.next().map(|c| c.to_uppercase().collect::<String>() + chars.as_str())
    };
    let better: String = name.text.split('_').flat_map(capitalized).collect();
    Some(
        view.diagnostic(codes::NAMING, name.span, format!("`{}` should be written `{better}`", name.text))
            .label("types are PascalCase")
            .help(format!("rename it to `{better}`")),
    )
}

/// Warns of a variable that nobody read, at the end of its scope.
pub(crate) fn unused_variable(view: View<'_>, local: &Local) -> Option<Diagnostic> {
    if local.used || local.kind == LocalKind::Stage || local.name.starts_with('_') || local.name.is_empty() {
        return None;
    }
    // What could not be read may have used it.
    if local.ty == Ty::ERROR || view.world.files.has_syntax_errors(view.module) {
        return None;
    }
    let label = match local.kind {
        LocalKind::Param => "a parameter that nothing reads",
        LocalKind::Bound => "named here, never read",
        _ => "set here, never read",
    };
    let d = view
        .diagnostic(codes::UNUSED, local.span, format!("`{}` is never used", local.name))
        .label(label)
        .help(format!("remove it, or call it `_{}`", local.name));
    // A variable may be assigned elsewhere, by its old name; an input has callers.
    Some(match local.kind {
        LocalKind::Let => d.fix(format!("call it `_{}`", local.name), local.span, format!("_{}", local.name)),
        _ => d,
    })
}

/// The parameters of a skill whose prompt reads none of them; empty when it reads one.
pub(crate) fn inputs_without_use(scope: &Scope) -> Vec<SmolStr> {
    let params = || scope.locals().iter().filter(|l| l.kind == LocalKind::Param);
    if params().any(|l| l.used) {
        return Vec::new();
    }
    params().filter(|l| !l.name.starts_with('_') && l.ty != Ty::ERROR).map(|l| l.name.clone()).collect()
}

/// Warns of a skill whose prompt says nothing of these inputs.
pub(crate) fn prompt_without_inputs(view: View<'_>, inputs: &[SmolStr], prompt: Span) -> Option<Diagnostic> {
    let first = inputs.first()?;
    let listed = quoted_list(inputs.iter().map(|n| n.as_str()));
    (!view.world.files.has_syntax_errors(view.module)).then(|| {
        view.diagnostic(codes::INPUTS_UNUSED, prompt, format!("the prompt does not use {listed}"))
            .label("the same for all inputs")
            .help(format!("put it into the text: `$<{first}>`"))
    })
}

/// Warns of a variable that takes the name of something else: of another variable, declared at
/// `previous`, or of a declaration.
pub(crate) fn shadowing(
    view: View<'_>,
    name: &str,
    span: Span,
    kind: LocalKind,
    previous: Option<Span>,
) -> Option<Diagnostic> {
    let (before, hidden) = match previous {
        Some(before) => (before, "a value"),
        None => {
            let binding = view.world.declared.scopes[view.module].get(name)?;
            // A stage, a value, may well be called as what gives it; a callee is not a value.
            if !matches!(binding.def, Def::Model(_) | Def::Route(_) | Def::Memory(_) | Def::Module(_)) {
                return None;
            }
            (binding.span, binding.def.kind_name())
        }
    };
    if name.starts_with('_') || kind == LocalKind::Param && previous.is_some() {
        return None;
    }
    Some(
        view.diagnostic(codes::SHADOWED, span, format!("`{name}` hides {hidden} of the same name"))
            .label("from here on, the name means this")
            .also_at(view.source(), before, "hidden")
            .help("give one of them another name"),
    )
}

/// Warns of an `until` that names nothing that the body of the loop could change. `changes` tells
/// whether the body declares or assigns a variable.
pub(crate) fn unchanging_until(
    view: View<'_>,
    scope: &Scope,
    until: &Expr,
    changes: impl Fn(u32) -> bool,
) -> Option<Diagnostic> {
    let mut bound: Vec<&str> = Vec::new();
    let mut may_change = false;
    walk::walk_expr(until, &mut |e| match &e.kind {
        ExprKind::Lambda { params, .. } => bound.extend(params.iter().map(|p| p.text.as_str())),
        ExprKind::Name(name) => {
            may_change |= match scope.find(&name.text) {
                Some(local) => changes(local),
                // What means nothing is reported elsewhere; a memory is changed by others too.
                None => {
                    !bound.contains(&name.text.as_str())
                        && matches!(
                            view.world.find_name(view.module, &name.text),
                            None | Some(Def::Memory(_) | Def::Missing)
                        )
                        && !FREE_FUNCTIONS.iter().any(|(n, _)| *n == name.text)
                }
            };
        }
        ExprKind::Error => may_change = true,
        _ => {}
    });
    (!may_change).then(|| {
        view.diagnostic(codes::UNCHANGING, until.span, "nothing in this loop changes its `until`")
            .label("the same after every round")
            .help("name a stage of the body, or a `var` that it sets; without `until` the loop runs `max` times")
    })
}

fn to_snake(name: &str) -> String {
    let mut out = String::new();
    let mut previous_lower = false;
    for c in name.chars() {
        if c.is_uppercase() {
            if previous_lower {
                out.push('_');
            }
            out.extend(c.to_lowercase());
            previous_lower = false;
        } else {
            out.push(c);
            previous_lower = c != '_';
        }
    }
    out
}
