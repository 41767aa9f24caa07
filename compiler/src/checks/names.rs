//! Names: what stands for nothing, and what nobody uses.

use cascade_grammar::{
    ast::{Arg, Name, Span},
    translate_type,
};

use crate::{
    builtins::{BASIC_TYPE_NAMES, FREE_FUNCTIONS},
    checks::elsewhere,
    codes::{self, Code},
    diagnostic::Diagnostic,
    findings::UsedNames,
    fixes,
    scope::Scope,
    suggest::{closest_name, with_suggestion},
    types::TypeDefKind,
    world::{Def, View, World},
};

/// Reports a name that another module does not give. `may_suggest` tells whether it is compared
/// with the names that the module has.
pub(crate) fn not_exported(view: View<'_>, other: usize, name: &Name, may_suggest: bool) -> Diagnostic {
    let from = &view.world.files.modules[other].name;
    let scope = &view.world.declared.scopes[other];
    let d = view.diagnostic(codes::NOT_EXPORTED, name.span, format!("`{from}` has no `{}`", name.text));
    match scope.get(&name.text) {
        Some(b) if b.imported => d.label("only imported there").help("import it from the file that declares it"),
        Some(b) => d
            .label("private to its file")
            .also_at(view.world.files.source(other), b.span, "declared here")
            .help("a name that begins with `_` cannot be imported"),
        None if !may_suggest => d.label("not declared there"),
        None => {
            let exported = scope.iter().filter(|(n, b)| !b.imported && !n.starts_with('_')).map(|(n, _)| n.as_str());
            with_suggestion(d.label("not declared there"), &name.text, name.span, exported)
        }
    }
}

/// Warns of something deprecated where it is named.
pub(crate) fn deprecated_use(view: View<'_>, def: Def, name: &str, span: Span) -> Option<Diagnostic> {
    let (_, advice) = view.world.declared.deprecated.iter().find(|(d, _)| *d == def)?;
    let d = view.diagnostic(codes::DEPRECATED, span, format!("`{name}` is deprecated")).label("used here");
    Some(if advice.is_empty() { d } else { d.help(advice.clone()) })
}

/// Words of other languages for types that have no single meaning here.
const TYPES_ELSEWHERE: &[(&str, &str)] = &[
    ("void", "leave `->` out if there is no result"),
    ("None", "leave `->` out if there is no result"),
    ("unit", "leave `->` out if there is no result"),
    ("null", "leave `->` out if there is no result"),
    ("number", "a number is an `int` or a `float`"),
    ("array", "several values are a `list<T>`"),
    ("Array", "several values are a `list<T>`"),
    ("List", "several values are a `list<T>`"),
    ("Vec", "several values are a `list<T>`"),
    ("set", "several values are a `list<T>`"),
    ("Set", "several values are a `list<T>`"),
    ("dict", "values by name are a `map<T>`, or a record `{ name: T }`"),
    ("Dict", "values by name are a `map<T>`, or a record `{ name: T }`"),
    ("Map", "values by name are a `map<T>`, or a record `{ name: T }`"),
    ("tuple", "several values together are a record: `{ first: int, second: string }`"),
    ("bytes", "what a file holds is a `file`; what a program prints is text, a `string`"),
    ("blob", "what a file holds is a `file`; what a program prints is text, a `string`"),
    ("regex", "a pattern is a `string`; `text.matches(\"…\")` applies it"),
    ("enum", "declare it with a name: `enum Level { low, high }`"),
    ("Result", "a failure as a value is an `outcome<T>`"),
    ("Promise", "a stage waits by itself: write the type of its value"),
];

/// Reports a type that is written as in another language. Its text has one meaning here.
pub(crate) fn foreign_type(view: View<'_>, name: &Name, span: Span) -> Option<Diagnostic> {
    let written = view.world.files.text(view.module, span);
    // Of one of two types by itself.
    if written == "number" {
        return None;
    }
    let here = translate_type(written).filter(|here| here != written)?;
    let message = match &name.text {
        word if word == written => format!("there is no type `{word}`"),
        _ => format!("`{written}` is written `{here}`"),
    };
    let help = match name.text.as_str() {
        "any" | "Any" | "unknown" | "object" => format!("a value whose shape is not known is `{here}`"),
        "date" | "Date" | "datetime" | "DateTime" => {
            format!("write `{here}`: an instant, with `.format(\"%Y-%m-%d\", \"UTC\")`")
        }
        "url" | "email" | "uri" | "uuid" => {
            format!("write `{here}`, perhaps with a condition: `{here} where it.matches(\"…\")`")
        }
        _ => format!("write `{here}`"),
    };
    let d = view.diagnostic(codes::UNKNOWN_TYPE, span, message).label("a type of another language").help(help);
    Some(d.safe_fix(format!("write `{here}`"), span, here))
}

/// Reports a name that stands for nothing where a declaration is `wanted` ("type", "model").
pub(crate) fn unknown_declaration(view: View<'_>, name: &Name, wanted: &str, may_suggest: bool) -> Diagnostic {
    let code = if wanted == "type" { codes::UNKNOWN_TYPE } else { codes::UNKNOWN_NAME };
    let d = view.diagnostic(code, name.span, format!("there is no {wanted} `{}`", name.text)).label("not found");
    if !may_suggest {
        return d;
    }
    let scopes = &view.world.declared.scopes;
    let known = scopes[view.module]
        .iter()
        .chain(view.world.files.prelude.iter().flat_map(|p| scopes[*p].iter()))
        .filter(|(_, b)| is_wanted(wanted, b.def))
        .map(|(n, _)| n.as_str())
        .chain(if wanted == "type" { BASIC_TYPE_NAMES.iter().copied() } else { [].iter().copied() });
    let mut d = with_suggestion(d, &name.text, name.span, known);
    if wanted == "type"
        && let Some((_, help)) = TYPES_ELSEWHERE.iter().find(|(n, _)| *n == name.text)
    {
        d.fixes.clear();
        d = d.help(*help);
    }
    if wanted == "skill or cascade"
        && let Some(help) = elsewhere::explain_function(&name.text, &[])
    {
        d.fixes.clear();
        d = d.help(help);
    }
    if d.help.is_none()
        && let Some(module) = std_module_of(&name.text)
    {
        d = d.help(format!("`import {module} {{ {} }}` gives it", name.text));
    }
    d
}

/// Warns of imports and of private declarations that nothing in their file names.
pub(crate) fn unused_names(world: World<'_>, used: &UsedNames) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (number, module) in world.files.modules.iter().enumerate() {
        if module.std || !module.parse.errors.is_empty() {
            continue;
        }
        let mut unused: Vec<_> = world.declared.scopes[number]
            .iter()
            .filter(|(name, b)| (b.imported || name.starts_with('_')) && !used.contains((number, b.number)))
            .collect();
        unused.sort_by_key(|(_, b)| b.span.start);
        for (name, binding) in unused {
            let (how, help) = if binding.imported {
                ("imported", "remove it from the import")
            } else {
                ("private to this file", "remove it; without the `_`, other files could use it")
            };
            let message = format!("`{name}` is {how} and never used");
            let d = Diagnostic::new(codes::UNUSED, module.source, binding.span, message)
                .label("not used in this file")
                .help(help);
            let parse = &module.parse;
            let removal = binding.imported.then(|| fixes::without_import(&parse.file, binding.span)).flatten();
            // A comment would go with what it stands in.
            let removal = removal.filter(|gone| !parse.trivia.comments.iter().any(|c| gone.touches(c.span.start)));
            found.push(match removal {
                Some(gone) => d.safe_fix(help, gone, ""),
                None => d,
            });
        }
    }
    found
}

/// Reports a word that is none of the `known` ones. `otherwise` is the help where none is alike.
pub(crate) fn unknown_word<'n>(
    view: View<'_>,
    code: Code,
    name: &Name,
    message: String,
    known: impl Iterator<Item = &'n str>,
    otherwise: impl Into<String>,
) -> Diagnostic {
    let d = view.diagnostic(code, name.span, message).label("not known");
    let d = with_suggestion(d, &name.text, name.span, known);
    if d.help.is_some() { d } else { d.help(otherwise) }
}

/// Reports a field of a literal that is given twice; the first one stands at `first`.
pub(crate) fn repeated_key(view: View<'_>, key: &Name, first: Span) -> Diagnostic {
    view.diagnostic(codes::DUPLICATE, key.span, format!("`{}` is given twice", key.text)).label("again here").also_at(
        view.source(),
        first,
        "first here",
    )
}

/// Reports a name that is no value here, where it is known why: a variable of a block that has
/// ended, a word of another language.
pub(crate) fn explained_unknown_value(view: View<'_>, scope: &Scope, name: &Name) -> Option<Diagnostic> {
    if let Some(span) = scope.find_ended(&name.text) {
        return Some(
            view.diagnostic(codes::MAYBE_UNSET, name.span, format!("`{}` may have no value here", name.text))
                .label("it is set only inside a block that need not have run")
                .also_at(view.source(), span, "set here, inside a block")
                .help("make the block a stage and use its value: `stage result = if … { … } else { … }`"),
        );
    }
    if let Some(help) = elsewhere::explain_word(&name.text) {
        let d = view.diagnostic(codes::UNKNOWN_NAME, name.span, format!("there is no value `{}`", name.text));
        return Some(d.label("not found").help(help));
    }
    let here = elsewhere::explain_value(&name.text)?;
    Some(
        view.diagnostic(codes::UNKNOWN_NAME, name.span, format!("there is no value `{}`", name.text))
            .label("not found")
            .help(format!("write `{here}`"))
            .fix(format!("change to `{here}`"), name.span, here),
    )
}

/// Reports a name that is no value here. `may_suggest` tells whether it is compared with the names
/// that are known.
pub(crate) fn unknown_value(view: View<'_>, scope: &Scope, name: &Name, may_suggest: bool) -> Diagnostic {
    let d = view
        .diagnostic(codes::UNKNOWN_NAME, name.span, format!("there is no value `{}`", name.text))
        .label("not found");
    if !may_suggest {
        return d;
    }
    let variants: Vec<&str> = view
        .types
        .defs
        .iter()
        .filter_map(|def| match &def.kind {
            TypeDefKind::Enum(variants) => Some(variants.iter().map(|v| v.name.as_str())),
            _ => None,
        })
        .flatten()
        .collect();
    let declared = view.world.declared.scopes[view.module].keys().map(|name| name.as_str());
    let functions = FREE_FUNCTIONS.iter().map(|(n, _)| *n);
    let d = match closest_name(&name.text, scope.visible_names().map(|n| n.as_str())) {
        Some(near) => with_suggestion(d, &name.text, name.span, [near]),
        None => with_suggestion(d, &name.text, name.span, declared.chain(variants.iter().copied()).chain(functions)),
    };
    if d.help.is_none() && variants.contains(&name.text.as_str()) {
        return d.help(format!(
            "`{}` is a variant of an enum; write `Enum.{}` where the type is not known",
            name.text, name.text
        ));
    }
    d
}

/// Reports a function that does not exist. `may_suggest` tells whether its name is compared with
/// the names that are known.
pub(crate) fn unknown_function(
    view: View<'_>,
    name: &Name,
    args: &[Arg],
    is_method: bool,
    may_suggest: bool,
) -> Diagnostic {
    let word = name.text.as_str();
    let texts: Vec<&str> = args.iter().map(|arg| view.world.files.text(view.module, arg.value.span)).collect();
    let scope = &view.world.declared.scopes[view.module];
    let declared = may_suggest.then(|| scope.keys().map(|name| name.as_str())).into_iter().flatten();
    let d =
        view.diagnostic(codes::UNKNOWN_NAME, name.span, format!("there is no function `{word}`")).label("not found");
    let mut d = with_suggestion(d, word, name.span, declared.chain(FREE_FUNCTIONS.iter().map(|(n, _)| *n)));
    if is_method {
        d.fixes.clear();
        d = d.help(match texts.split_first() {
            Some((value, rest)) => format!("`{word}` is a method: `{value}.{word}({})`", rest.join(", ")),
            None => format!("`{word}` is a method: `value.{word}(…)`"),
        });
    }
    if let Some(help) = elsewhere::explain_function(word, &texts) {
        d.fixes.clear();
        d = d.help(help);
    }
    d
}

/// Whether a declaration is of the kind that is wanted; a module may have one inside.
fn is_wanted(wanted: &str, def: Def) -> bool {
    match wanted {
        "type" => matches!(def, Def::Type(_) | Def::Module(_)),
        "model" | "model or route" => matches!(def, Def::Model(_) | Def::Route(_) | Def::Module(_)),
        "skill" => matches!(def, Def::Skill(_) | Def::Module(_)),
        "skill or cascade" => matches!(def, Def::Skill(_) | Def::Cascade(_) | Def::Module(_)),
        _ => true,
    }
}

/// The module of the standard library that declares a name at the start of a line.
fn std_module_of(name: &str) -> Option<&'static str> {
    cascade_stdlib::modules().iter().copied().filter(|m| *m != "std.prelude").find(|module| {
        cascade_stdlib::source(module).is_some_and(|text| {
            text.lines().any(|line| {
                ["type", "enum", "model", "route", "skill", "fn", "cascade"].iter().any(|keyword| {
                    line.strip_prefix(keyword)
                        .and_then(|rest| rest.strip_prefix(' '))
                        .and_then(|rest| rest.strip_prefix(name))
                        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
                })
            })
        })
    })
}
