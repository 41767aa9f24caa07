//! `@allow(W0101)`: warnings that somebody has looked at.
//!
//! It silences warnings anywhere inside of what it stands before. An `@allow` is judged itself:
//! its codes exist, are warnings, and silence something.

use cascade_grammar::ast::{Attribute, Block, Expr, ExprKind, ItemKind, Span, Stmt, StmtKind};

use crate::{
    codes::{self, Code},
    diagnostic::{Diagnostic, Severity},
    module::Module,
    source::SourceMap,
    suggest::with_suggestion,
    walk,
};

/// One code of an `@allow`.
struct Allowed {
    code: Code,
    /// Where the code is written.
    at: Span,
    /// What it holds for.
    within: Span,
    used: bool,
}

/// Drops the warnings that are allowed, and reports what is wrong with an `@allow`.
pub(crate) fn apply_allows(map: &SourceMap, modules: &[Module], diagnostics: &mut Vec<Diagnostic>) {
    for module in modules.iter().filter(|m| !m.std) {
        if !map.get(module.source).text.contains("@allow") {
            continue;
        }
        let mut reader = Reader { module, allowed: Vec::new(), diagnostics: Vec::new() };
        for item in &module.parse.file.items {
            reader.collect_attributes(&item.attributes, item.span);
            if let ItemKind::Cascade(cascade) = &item.kind {
                reader.collect_block(&cascade.body);
            }
        }
        let Reader { mut allowed, diagnostics: mut own, .. } = reader;
        let broken = diagnostics.iter().any(|d| d.severity == Severity::Error && d.primary.source == module.source);
        diagnostics.retain(|d| {
            if d.severity == Severity::Error || d.primary.source != module.source {
                return true;
            }
            let at = d.primary.span.start;
            let mut silent = false;
            for allow in &mut allowed {
                if allow.code == d.code && allow.within.start <= at && at < allow.within.end {
                    allow.used = true;
                    silent = true;
                }
            }
            !silent
        });
        // A file with errors does not tell all of its warnings.
        if !broken && own.is_empty() {
            for allow in allowed.iter().filter(|a| !a.used) {
                let message = format!("there is no `{}` to allow here", allow.code.as_str());
                let d = Diagnostic::new(codes::ALLOWS_NOTHING, module.source, allow.at, message)
                    .label("silences nothing")
                    .help("remove it, since it would hide a future warning");
                own.push(d);
            }
        }
        diagnostics.append(&mut own);
    }
}

/// Collects the codes that the `@allow`s of a module name.
struct Reader<'m> {
    module: &'m Module,
    allowed: Vec<Allowed>,
    diagnostics: Vec<Diagnostic>,
}

impl<'m> Reader<'m> {
    fn report(&mut self, d: Diagnostic) {
        self.diagnostics.push(d);
    }

    fn collect_attributes(&mut self, attributes: &[Attribute], within: Span) {
        for attribute in attributes.iter().filter(|a| a.name.text == "allow") {
            if attribute.args.is_empty() {
                let message = "`@allow` says which warnings";
                let d = Diagnostic::new(codes::ARGUMENTS, self.module.source, attribute.span, message)
                    .label("which?")
                    .help("write its code: `@allow(W0101)`");
                self.report(d);
            }
            for arg in &attribute.args {
                self.collect_code(arg, within);
            }
        }
    }

    fn collect_code(&mut self, arg: &Expr, within: Span) {
        let source = self.module.source;
        let ExprKind::Name(name) = &arg.kind else {
            if !matches!(arg.kind, ExprKind::Error) {
                let d = Diagnostic::new(codes::UNKNOWN_SETTING, source, arg.span, "this is not the code of a warning")
                    .label("a code is needed")
                    .help("codes stand without quotes: `@allow(W0101)`");
                self.report(d);
            }
            return;
        };
        let Some(code) = Code::find(&name.text) else {
            let message = format!("there is no warning `{}`", name.text);
            let d = Diagnostic::new(codes::UNKNOWN_SETTING, source, name.span, message).label("not known");
            let warnings = codes::ALL.iter().map(|(c, _)| c.as_str()).filter(|c| c.starts_with('W'));
            let d = with_suggestion(d, &name.text, name.span, warnings);
            return self.report(d);
        };
        if code.severity() == Severity::Error {
            let message = format!("`{}` is an error, and errors cannot be allowed", code.as_str());
            let d = Diagnostic::new(codes::NOT_ALLOWABLE, source, name.span, message)
                .label("not a warning")
                .help("fix the cause; only warnings (`W…`) can be allowed");
            return self.report(d);
        }
        self.allowed.push(Allowed { code, at: name.span, within, used: false });
    }

    fn collect_block(&mut self, block: &'m Block) {
        let mut blocks = vec![block];
        while let Some(block) = blocks.pop() {
            for stmt in &block.stmts {
                self.collect_stmt(stmt, &mut blocks);
            }
        }
    }

    fn collect_stmt(&mut self, stmt: &'m Stmt, blocks: &mut Vec<&'m Block>) {
        self.collect_attributes(&stmt.attributes, stmt.span);
        match &stmt.kind {
            StmtKind::On { body, .. } => blocks.push(body),
            _ => walk::blocks_of(stmt, blocks),
        }
    }
}
