//! Style and suspicion: what works, and is hardly meant.

use cascade_grammar::ast::Name;

use crate::{
    codes,
    elab::{
        Cx,
        body::{Body, Local, LocalKind},
    },
    types::Ty,
};

impl<'a> Cx<'a> {
    /// Warns of a value's name that is not `snake_case`.
    pub fn snake(&mut self, module: usize, name: &Name) {
        if name.text.chars().any(char::is_uppercase) {
            let better = to_snake(&name.text);
            let d = self
                .diag(module, codes::NAMING, name.span, format!("`{}` should be written `{better}`", name.text))
                .label("values, skills and cascades are snake_case")
                .help(format!("rename it to `{better}`"));
            self.report(d);
        }
    }

    pub fn pascal(&mut self, module: usize, name: &Name) {
        let first_lower = name.text.trim_start_matches('_').chars().next().is_some_and(char::is_lowercase);
        if first_lower || name.text.trim_start_matches('_').contains('_') {
            let better: String = name
                .text
                .split('_')
                .flat_map(|part| {
                    let mut chars = part.chars();
                    chars.next().map(|c| c.to_uppercase().collect::<String>() + chars.as_str())
                })
                .collect();
            let d = self
                .diag(module, codes::NAMING, name.span, format!("`{}` should be written `{better}`", name.text))
                .label("types are PascalCase")
                .help(format!("rename it to `{better}`"));
            self.report(d);
        }
    }
}

impl<'a> Body<'_, 'a> {
    pub fn warn_unused(&mut self, local: &Local) {
        let names = matches!(local.kind, LocalKind::Let | LocalKind::Var);
        // What could not be read may have used it.
        let readable = self.cx.modules[self.module].parse.errors.is_empty();
        if readable && names && !local.used && !local.name.starts_with('_') && local.ty != Ty::ERROR {
            let d = self
                .diag(codes::UNUSED, local.span, format!("`{}` is never used", local.name))
                .label("set here, never read")
                .help(format!("remove it, or call it `_{}`", local.name));
            self.report(d);
        }
    }
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
