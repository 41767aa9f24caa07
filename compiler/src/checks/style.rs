//! Style and suspicion: what works, and is hardly meant.

use cascade_grammar::ast::{Expr, ExprKind, Name, Span};

use crate::{
    codes,
    elab::{
        Cx, Def,
        body::{Body, Local, LocalKind, Target},
        call::FREE_FUNCTIONS,
        literal,
    },
    types::Ty,
    walk,
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
    /// Warns of a variable that nobody read, at the end of its scope.
    pub fn warn_unused(&mut self, local: &Local) {
        if local.used || local.kind == LocalKind::Stage || local.name.starts_with('_') || local.name.is_empty() {
            return;
        }
        // What could not be read may have used it.
        if local.ty == Ty::ERROR || !self.cx.modules[self.module].parse.errors.is_empty() {
            return;
        }
        let label = match local.kind {
            LocalKind::Param => "a parameter that nothing reads",
            LocalKind::Bound => "named here, never read",
            _ => "set here, never read",
        };
        let d = self
            .diag(codes::UNUSED, local.span, format!("`{}` is never used", local.name))
            .label(label)
            .help(format!("remove it, or call it `_{}`", local.name));
        // A variable may be assigned elsewhere, by its old name; an input has callers.
        let d = match local.kind {
            LocalKind::Let => d.fix(format!("call it `_{}`", local.name), local.span, format!("_{}", local.name)),
            _ => d,
        };
        self.report(d);
    }

    /// Warns of a skill whose prompt says nothing of what the skill is given.
    pub fn prompt_without_inputs(&mut self, prompt: Span) {
        let unread = |l: &&mut Local| l.kind == LocalKind::Param && !l.name.starts_with('_') && l.ty != Ty::ERROR;
        let params = self.locals.iter_mut().filter(|l| l.kind == LocalKind::Param).count();
        if params == 0 || self.locals.iter().any(|l| l.kind == LocalKind::Param && l.used) {
            return;
        }
        let mut names = Vec::new();
        for local in self.locals.iter_mut().filter(unread) {
            // This says it of all of them.
            local.used = true;
            names.push(local.name.clone());
        }
        if names.is_empty() || !self.cx.modules[self.module].parse.errors.is_empty() {
            return;
        }
        let listed = literal::names(names.iter().map(|n| n.as_str()));
        let d = self
            .diag(codes::INPUTS_UNUSED, prompt, format!("the prompt says nothing of {listed}"))
            .label("the same for all inputs")
            .help(format!("put it into the text: `$<{}>`", names[0]));
        self.report(d);
    }

    /// Warns of a variable that takes the name of something else.
    pub fn warn_shadow(&mut self, name: &str, span: Span, kind: LocalKind, previous: Option<Span>) {
        let (before, what) = match previous {
            Some(before) => ((self.source(), before), "a value"),
            None => {
                let Some(binding) = self.cx.scopes[self.module].get(name) else { return };
                // A stage, a value, may well be called as what gives it; a callee is not a value.
                if !matches!(binding.def, Def::Model(_) | Def::Route(_) | Def::Memory(_) | Def::Module(_)) {
                    return;
                }
                ((self.source(), binding.span), binding.def.what())
            }
        };
        if name.starts_with('_') || kind == LocalKind::Param && what == "a value" {
            return;
        }
        let d = self
            .diag(codes::SHADOWED, span, format!("`{name}` hides {what} of the same name"))
            .label("from here on, the name means this")
            .also(before.0, before.1, "hidden")
            .help("give one of them another name");
        self.report(d);
    }

    /// Warns of an `until` that names nothing that the body of the loop could change. `locals`
    /// and `writes` are how many there were when the body began.
    pub fn until_changes(&mut self, until: &'a Expr, locals: usize, writes: usize) {
        let mut bound: Vec<&str> = Vec::new();
        let mut changes = false;
        walk::expr(until, &mut |e| match &e.kind {
            ExprKind::Lambda { params, .. } => bound.extend(params.iter().map(|p| p.text.as_str())),
            ExprKind::Name(name) => {
                changes |= match self.probe(name) {
                    Target::Local(index) => index as usize >= locals || self.checks.writes[writes..].contains(&index),
                    // What means nothing is reported elsewhere; a memory is changed by others too.
                    target => {
                        !bound.contains(&name.text.as_str())
                            && matches!(target, Target::Unknown | Target::Declared(Def::Memory(_) | Def::Missing))
                            && !FREE_FUNCTIONS.iter().any(|(n, _)| *n == name.text)
                    }
                };
            }
            ExprKind::Error => changes = true,
            _ => {}
        });
        if !changes {
            let d = self
                .diag(codes::UNCHANGING, until.span, "nothing in this loop changes its `until`")
                .label("the same after every round")
                .help("name a stage of the body, or a `var` that it sets; without `until` the loop runs `max` times");
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
