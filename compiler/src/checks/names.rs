//! Names: what stands for nothing, and what nobody uses.

use cascade_grammar::ast::{Name, Span};

use crate::{
    codes,
    elab::{Cx, Def, body::Body, call::FREE_FUNCTIONS, typeexpr::BASIC_NAMES, with_suggestion},
};

impl<'a> Cx<'a> {
    /// Reports a name that a module does not give.
    pub fn not_exported(&mut self, module: usize, other: usize, name: &Name) {
        let from = self.modules[other].name.clone();
        let may_suggest = self.may_suggest(module);
        let mut d = self.diag(module, codes::NOT_EXPORTED, name.span, format!("`{from}` has no `{}`", name.text));
        match self.scopes[other].get(&name.text) {
            Some(b) if b.imported => {
                d = d.label("only imported there").help("import it from the file that declares it")
            }
            Some(b) => {
                let (source, span) = (self.source(other), b.span);
                d = d
                    .label("private to its file")
                    .also(source, span, "declared here")
                    .help("a name that begins with `_` cannot be imported");
            }
            None if !may_suggest => d = d.label("not declared there"),
            None => {
                let names: Vec<&str> = self.scopes[other]
                    .iter()
                    .filter(|(n, b)| !b.imported && !n.starts_with('_'))
                    .map(|(n, _)| n.as_str())
                    .collect();
                d = d.label("not declared there");
                d = with_suggestion(d, &name.text, name.span, names);
            }
        }
        self.report(d);
    }

    /// Warns of something deprecated where it is named.
    pub fn warn_deprecated(&mut self, module: usize, def: Def, name: &str, span: Span) {
        let Some((_, advice)) = self.deprecated.iter().find(|(d, _)| *d == def) else { return };
        let advice = advice.clone();
        let mut d = self.diag(module, codes::DEPRECATED, span, format!("`{name}` is deprecated")).label("used here");
        if !advice.is_empty() {
            d = d.help(advice);
        }
        self.report(d);
    }

    /// Reports a name that nothing has.
    pub fn unknown(&mut self, module: usize, name: &Name, wanted: &str) {
        let (code, message) = match wanted {
            "type" => (codes::UNKNOWN_TYPE, format!("there is no type `{}`", name.text)),
            _ => (codes::UNKNOWN_NAME, format!("there is no {wanted} `{}`", name.text)),
        };
        let d = self.diag(module, code, name.span, message).label("not found");
        if !self.may_suggest(module) {
            return self.report(d);
        }
        let names: Vec<&str> = self.scopes[module]
            .iter()
            .chain(self.prelude.iter().flat_map(|p| self.scopes[*p].iter()))
            .filter(|(_, b)| wanted_fits(wanted, b.def))
            .map(|(n, _)| n.as_str())
            .chain(if wanted == "type" { BASIC_NAMES.iter().copied() } else { [].iter().copied() })
            .collect();
        let mut d = with_suggestion(d, &name.text, name.span, names);
        const ELSEWHERE: &[(&str, &str)] = &[
            ("void", "what gives nothing has no `->`"),
            ("None", "what gives nothing has no `->`"),
            ("unit", "what gives nothing has no `->`"),
            ("str", "text is a `string`"),
            ("String", "text is a `string`"),
            ("text", "text is a `string`"),
            ("number", "a number is an `int` or a `float`"),
            ("integer", "a whole number is an `int`"),
            ("double", "a fraction is a `float`"),
            ("boolean", "`true` and `false` are a `bool`"),
            ("array", "several values are a `list<T>`"),
            ("Array", "several values are a `list<T>`"),
            ("dict", "values by name are a `map<T>`, or a record `{ name: T }`"),
            ("object", "values by name are a `map<T>`, or a record `{ name: T }`"),
            ("any", "a value whose shape is not known is `json`"),
        ];
        if wanted == "type"
            && let Some((_, help)) = ELSEWHERE.iter().find(|(n, _)| *n == name.text)
        {
            d.fixes.clear();
            d = d.help(*help);
        }
        if d.help.is_none()
            && let Some(module) = cascade_std_home(&name.text)
        {
            d = d.help(format!("`import {module} {{ {} }}` gives it", name.text));
        }
        self.report(d);
    }

    /// Warns of imports and of private declarations that nothing in their file names.
    pub fn unused_names(&mut self) {
        for module in 0..self.modules.len() {
            if self.modules[module].std || !self.modules[module].parse.errors.is_empty() {
                continue;
            }
            let mut unused: Vec<_> = self.scopes[module]
                .iter()
                .filter(|(name, b)| !b.used && (b.imported || name.starts_with('_')))
                .map(|(name, b)| (name.clone(), b.span, b.imported))
                .collect();
            unused.sort_by_key(|(_, span, _)| span.start);
            for (name, span, imported) in unused {
                let (how, help) = if imported {
                    ("imported", "remove it from the import")
                } else {
                    ("private to this file", "remove it; without the `_`, other files could use it")
                };
                let d = self
                    .diag(module, codes::UNUSED, span, format!("`{name}` is {how} and never used"))
                    .label("not used in this file")
                    .help(help);
                let parse = &self.modules[module].parse;
                let removal = imported.then(|| crate::fixes::without_import(&parse.file, span)).flatten();
                // A comment would go with what it stands in.
                let removal = removal.filter(|gone| !parse.trivia.comments.iter().any(|c| gone.touches(c.span.start)));
                self.report(match removal {
                    Some(gone) => d.safe_fix(help, gone, ""),
                    None => d,
                });
            }
        }
    }
}

impl<'a> Body<'_, 'a> {
    /// Reports a name that means nothing here.
    pub fn unknown_value(&mut self, name: &Name) {
        if self.header_broken || self.broken.contains(&name.text) {
            return;
        }
        if let Some(span) = self.ended.get(&name.text).copied() {
            let source = self.source();
            let d = self
                .diag(codes::MAYBE_UNSET, name.span, format!("`{}` may have no value here", name.text))
                .label("it is set only inside a block that need not have run")
                .also(source, span, "set here, inside a block")
                .help("make the block a stage and use its value: `stage result = if … { … } else { … }`");
            self.report(d);
            return;
        }
        const ELSEWHERE: &[(&str, &str)] = &[
            ("None", "null"),
            ("nil", "null"),
            ("undefined", "null"),
            ("NULL", "null"),
            ("True", "true"),
            ("False", "false"),
        ];
        if let Some((_, here)) = ELSEWHERE.iter().find(|(n, _)| *n == name.text) {
            let d = self
                .diag(codes::UNKNOWN_NAME, name.span, format!("there is no value `{}`", name.text))
                .label("not found")
                .help(format!("write `{here}`"))
                .fix(format!("change to `{here}`"), name.span, *here);
            return self.report(d);
        }
        if !self.cx.may_suggest(self.module) {
            let message = format!("there is no value `{}`", name.text);
            let d = self.diag(codes::UNKNOWN_NAME, name.span, message).label("not found");
            return self.report(d);
        }
        let visible = self.visible();
        let scope: Vec<String> = self.cx.scopes[self.module].keys().map(ToString::to_string).collect();
        let variants: Vec<String> = self
            .cx
            .types
            .defs
            .iter()
            .filter_map(|d| match &d.kind {
                crate::types::TypeDefKind::Enum(v) => Some(v.iter().map(|v| v.name.to_string())),
                _ => None,
            })
            .flatten()
            .collect();
        let d =
            self.diag(codes::UNKNOWN_NAME, name.span, format!("there is no value `{}`", name.text)).label("not found");
        let near_local = crate::suggest::closest(&name.text, visible.iter().map(|n| n.as_str())).map(str::to_owned);
        let mut d = match near_local {
            Some(near) => with_suggestion(d, &name.text, name.span, [near.as_str()]),
            None => with_suggestion(
                d,
                &name.text,
                name.span,
                scope.iter().chain(&variants).map(String::as_str).chain(FREE_FUNCTIONS.iter().map(|(n, _)| *n)),
            ),
        };
        if d.help.is_none() && variants.contains(&name.text.to_string()) {
            d = d.help(format!(
                "`{}` is a variant of an enum; write `Enum.{}` where the type is not known",
                name.text, name.text
            ));
        }
        self.report(d);
    }
}

fn wanted_fits(wanted: &str, def: Def) -> bool {
    match wanted {
        "type" => matches!(def, Def::Type(_) | Def::Module(_)),
        "model" | "model or route" => matches!(def, Def::Model(_) | Def::Route(_) | Def::Module(_)),
        "skill" => matches!(def, Def::Skill(_) | Def::Module(_)),
        "skill or cascade" => matches!(def, Def::Skill(_) | Def::Cascade(_) | Def::Module(_)),
        _ => true,
    }
}

/// The module of the standard library that declares a name at the start of a line.
fn cascade_std_home(name: &str) -> Option<&'static str> {
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
