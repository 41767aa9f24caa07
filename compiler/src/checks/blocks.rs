//! Blocks and statements: where they stand, and what they give.

use cascade_grammar::ast::{Expr, ExprKind, Name, Span, StrPart};

use crate::{
    codes,
    diagnostic::Diagnostic,
    types::{Ty, TyKind},
    world::View,
};

/// Reports a block without a value where one is needed.
pub(crate) fn block_without_value(view: View<'_>, expected: Ty, block: Span) -> Diagnostic {
    let message = format!("this block gives nothing, and `{}` is needed", view.type_text(expected));
    view.diagnostic(codes::MISMATCH, block, message)
        .label("ends without a value")
        .help("a block's value is its last expression, or else its last stage")
}

/// Reports an `if` without `else` where a value is needed.
pub(crate) fn if_without_else(view: View<'_>, expected: Ty, span: Span) -> Diagnostic {
    let message = format!("without `else` this may give nothing, and `{}` is needed", view.type_text(expected));
    view.diagnostic(codes::MISMATCH, span, message).label("no `else`")
}

/// Reports a block with stages in the middle of an expression. `in_cascade` tells whether it could
/// be a stage of its own.
pub(crate) fn block_in_expression(view: View<'_>, word: &str, span: Span, in_cascade: bool) -> Diagnostic {
    let message = format!("`{word}` cannot stand in the middle of an expression");
    let d = view.diagnostic(codes::MISPLACED, span, message);
    if in_cascade {
        d.label("give it a name of its own").help(format!("`stage name = {word} …` on a line before, then use `name`"))
    } else {
        d.label("only in a cascade").help("`map`, `filter` and `reduce` go over a list without stages")
    }
}

/// Reports `return` in a hook.
pub(crate) fn return_in_hook(view: View<'_>, span: Span) -> Diagnostic {
    view.diagnostic(codes::MISPLACED, span, "`on success`, `on failure` and `on cancel` do not return")
        .label("the cascade has ended already")
        .help("what they do changes nothing about its result")
}

/// Reports `return` in a parallel branch.
pub(crate) fn return_in_branch(view: View<'_>, span: Span) -> Diagnostic {
    view.diagnostic(codes::MISPLACED, span, "a parallel branch cannot return from the cascade")
        .label("other branches may still be running")
        .help("let the branch give a value, and return after the block")
}

/// Reports `return` without a value in a cascade that gives one.
pub(crate) fn return_without_value(view: View<'_>, result: Ty, span: Span) -> Option<Diagnostic> {
    (!view.types.nullable(result)).then(|| {
        view.diagnostic(codes::MISMATCH, span, format!("this cascade gives `{}`", view.type_text(result)))
            .label("returns nothing")
    })
}

/// Reports a `parallel first` whose stages do not compete: fewer than two, or one that waits for another.
pub(crate) fn unsuitable_for_first(view: View<'_>, word: Span, depends: bool) -> Diagnostic {
    let (message, label) = match depends {
        true => ("the stages of `parallel first` cannot use each other", "one of them waits for another"),
        false => ("`parallel first` needs at least two stages, and nothing else", "there is nothing to choose from"),
    };
    view.diagnostic(codes::MISPLACED, word, message)
        .label(label)
        .help("move what belongs together into a cascade, and call that as a stage")
}

/// Reports `return` in the block of a fn, whose value is its last expression.
pub(crate) fn return_in_fn(view: View<'_>, whole: Span, value: Span) -> Diagnostic {
    let word = Span { start: whole.start, end: value.start };
    view.diagnostic(codes::MISPLACED, word, "the value of a fn is its last expression, without `return`")
        .label("leave it out")
        .help("leave `return` out")
        .safe_fix("leave `return` out", word, "")
}

/// Reports `let { a } = x` of something that has no fields.
pub(crate) fn not_a_record(view: View<'_>, found: Ty, span: Span) -> Diagnostic {
    let shown = view.type_text(found);
    let d = view
        .diagnostic(codes::MISMATCH, span, format!("`{shown}` has no fields to take apart"))
        .label("a record is needed");
    match view.types.non_null(found) != found {
        true => d.help("say first what holds when it is null: `?? …`, or `if … == null { … }`"),
        false => d,
    }
}

/// Warns of an expression whose value nothing uses.
pub(crate) fn unused_value(view: View<'_>, e: &Expr) -> Diagnostic {
    view.diagnostic(codes::UNUSED, e.span, "this value is not used")
        .label("computed for nothing")
        .help("give it a name with `let`, or remove it; a block's value is its last expression")
}

/// Reports an assignment to what is no variable.
pub(crate) fn not_assignable(view: View<'_>, target: Span) -> Diagnostic {
    view.diagnostic(codes::NOT_ASSIGNABLE, target, "this cannot be assigned")
        .label("not a variable")
        .help("only a `var`, a field of one, or a key of a memory is assigned")
}

/// Reports `+=` on a value to which nothing can be added.
pub(crate) fn not_addable(view: View<'_>, ty: Ty, value: Span) -> Diagnostic {
    view.diagnostic(codes::OPERATOR, value, format!("nothing can be added to `{}`", view.type_text(ty)))
        .label("`+=` adds numbers, joins text and lists, merges maps")
}

/// Reports `for` over a value that is no list.
pub(crate) fn not_iterable(view: View<'_>, ty: Ty, iterable: Span) -> Diagnostic {
    let shown = view.type_text(ty);
    let d = view
        .diagnostic(codes::MISMATCH, iterable, format!("`for` goes over a list, found `{shown}`"))
        .label(format!("`{shown}`"));
    match view.types.kind(view.types.base(view.types.non_null(ty))) {
        TyKind::Map(_) => d.help("`.entries()` gives the keys and values of a map"),
        TyKind::Int => d.help("`range(n)` counts from 0 to n - 1"),
        TyKind::List(_) => d.help("give a list for null: `?? []`"),
        _ => d,
    }
}

/// Reports `max` on a `for` whose iterations do not run at once.
pub(crate) fn max_without_parallel(view: View<'_>, max: Span) -> Diagnostic {
    view.diagnostic(codes::WRONG_PLACE, max, "`max` limits how many iterations run at once")
        .label("nothing runs at once here")
        .help("write `for … parallel max n { }`")
}

/// Reports `repeat` without a bound; `head` is its word.
pub(crate) fn unbounded_repeat(view: View<'_>, head: Span) -> Diagnostic {
    view.diagnostic(codes::UNBOUNDED, head, "this loop has no bound")
        .label("could run forever, at unlimited cost")
        .help("say how often at most: `repeat max 3 { … } until …`")
}

/// Reports a setting of a sandbox's network that does not exist.
pub(crate) fn network_setting(view: View<'_>, network: &Name) -> Option<Diagnostic> {
    (!matches!(network.text.as_str(), "on" | "off" | "")).then(|| {
        view.diagnostic(codes::UNKNOWN_SETTING, network.span, format!("`network {}` means nothing", network.text))
            .label("`on` or `off`")
    })
}

/// Reports hosts of a sandbox that are written out and are no names of hosts.
pub(crate) fn wrong_hosts(view: View<'_>, hosts: &Expr) -> Vec<Diagnostic> {
    let ExprKind::List(items) = &hosts.kind else { return Vec::new() };
    let wrong = items.iter().filter_map(|item| {
        let ExprKind::Str(literal) = &item.kind else { return None };
        let [StrPart::Text { text, .. }] = literal.parts.as_slice() else { return None };
        let text = text.clone();
        let host = text.rsplit_once(':').map_or(
            text.as_str(),
            |(host, port)| {
                if port.parse::<u16>().is_ok() { host } else { "" }
            },
        );
        let name = host.strip_prefix("*.").unwrap_or(host);
        let is_name = name.split('.').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        });
        (!is_name).then_some((item.span, text))
    });
    let report = |(span, text): (Span, String)| {
        view.diagnostic(codes::UNKNOWN_SETTING, span, format!("`{text}` is no name of a host"))
            .label("no host")
            .help("a host is a name such as `crates.io`, `*.pypi.org` or `localhost:8080`, without `https://`")
    };
    wrong.map(report).collect()
}

/// Reports a statement in `parallel` that is no stage.
pub(crate) fn statement_in_parallel(view: View<'_>, stmt: Span) -> Diagnostic {
    view.diagnostic(codes::MISPLACED, stmt, "only stages stand in a `parallel` block")
        .label("has no place in a graph of stages")
        .help("put what belongs together into a cascade of its own, and call it as one stage")
}

/// Reports stages of a `parallel` that wait for each other; `way` are their names, the first one
/// again at the end.
pub(crate) fn stages_in_circle(view: View<'_>, way: &[String], closing: Span) -> Diagnostic {
    let message = match way {
        [one, _] => format!("{one} waits for itself"),
        _ => format!("these stages wait for each other: {}", way.join(" → ")),
    };
    view.diagnostic(codes::PARALLEL_CYCLE, closing, message)
        .label("closes the circle")
        .help("in `parallel` a stage starts when the stages that it names are done")
}
