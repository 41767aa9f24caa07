//! Collects what the files declare: names, types, signatures, models, routes and memories. The
//! result is the [`Declared`] world, which nothing changes any more.
//!
//! Order: [`collect`] gives every declaration an id and every module its scope; [`types`] resolves
//! the declared types; [`constants`] finds the types of the constants of files; then come the defaults
//! of fields, which may name variants of any enum and constants; [`models`], [`memories`] and
//! [`signatures`] follow.
//!
//! Defaults of fields and parameters, and the predicates of refined types, are expressions. They
//! are checked as the bodies are, by a [`CheckExpressions`] that whoever calls [`declare`] brings.

mod collect;
mod constants;
mod memories;
mod models;
pub(crate) mod names;
mod resolve;
mod servers;
mod signatures;
mod types;

use cascade_grammar::ast::{Expr, ExprKind, Name, Span, StrLit, StrPart, TypeExpr};
use cascade_ir as ir;
use smol_str::SmolStr;

pub(crate) use models::{PROVIDERS, SETTINGS as MODEL_SETTINGS};
pub(crate) use resolve::TypeResolver;
pub(crate) use servers::SETTINGS as SERVER_SETTINGS;

use crate::{
    checks::style,
    codes,
    diagnostic::Diagnostic,
    findings::Findings,
    index::Recorder,
    module::Files,
    types::{Ty, Types},
    world::{Declared, View, World},
};

/// Checks the expressions that stand in declarations. Each function continues the findings that it
/// is given.
pub(crate) trait CheckExpressions {
    /// Checks the predicate of a refined type over `it`, a value of the type `base`.
    fn check_predicate(
        &self,
        world: World<'_>,
        types: &mut Types,
        module: usize,
        base: Ty,
        predicate: &Expr,
        findings: Findings,
    ) -> CheckedExpression;

    /// Checks an expression without variables, where a value of the type is expected, if any: a
    /// default, the first value of a memory's key, a constant.
    fn check_constant(
        &self,
        world: World<'_>,
        types: &mut Types,
        module: usize,
        value: &Expr,
        expected: Option<Ty>,
        findings: Findings,
    ) -> CheckedExpression;
}

/// A checked expression of a declaration.
pub(crate) struct CheckedExpression {
    pub ir: ir::Expr,
    pub ty: Ty,
    /// How many slots it needs.
    pub slots: u32,
    /// The variables of the environment that it names.
    pub variables: Vec<SmolStr>,
    pub findings: Findings,
}

/// What was collected, and what was found on the way.
pub(crate) struct Collected {
    pub declared: Declared,
    pub types: Types,
    /// By module.
    pub findings: Vec<Findings>,
}

/// Collects all declarations of the files.
pub(crate) fn declare(files: Files<'_>, with_index: bool, expressions: &dyn CheckExpressions) -> Collected {
    let mut declarer = Declarer {
        files,
        expressions,
        declared: Declared::default(),
        types: Types::default(),
        findings: files.modules.iter().map(|_| Findings::new(with_index)).collect(),
    };
    declarer.collect();
    declarer.declare_types();
    declarer.declare_constants();
    declarer.declare_all_defaults();
    declarer.declare_models();
    declarer.declare_servers();
    declarer.declare_memories();
    declarer.declare_signatures();
    let Declarer { declared, types, findings, .. } = declarer;
    Collected { declared, types, findings }
}

/// The world while it is collected.
struct Declarer<'a> {
    files: Files<'a>,
    expressions: &'a dyn CheckExpressions,
    declared: Declared,
    types: Types,
    /// By module.
    findings: Vec<Findings>,
}

impl Declarer<'_> {
    fn world(&self) -> World<'_> {
        World { files: self.files, declared: &self.declared }
    }

    fn view(&self, module: usize) -> View<'_> {
        View { world: self.world(), types: &self.types, module }
    }

    fn index(&mut self, module: usize) -> &mut Recorder {
        &mut self.findings[module].index
    }

    fn report(&mut self, module: usize, diagnostic: impl Into<Option<Diagnostic>>) {
        self.findings[module].diagnostics.extend(diagnostic.into());
    }

    fn check_value_name(&mut self, module: usize, name: &Name) {
        self.report(module, style::value_name(self.view(module), name));
    }

    /// Records words whose meaning the language gives.
    fn record_words<'n>(&mut self, module: usize, words: impl IntoIterator<Item = &'n Name>) {
        self.index(module).record_words(module, words);
    }

    fn resolve_type(&mut self, module: usize, ty: &TypeExpr) -> Ty {
        self.with_resolver(module, |resolver| resolver.resolve(module, ty))
    }

    fn with_resolver<T>(&mut self, module: usize, f: impl FnOnce(&mut TypeResolver<'_>) -> T) -> T {
        f(&mut TypeResolver {
            world: World { files: self.files, declared: &self.declared },
            types: &mut self.types,
            findings: &mut self.findings[module],
            expressions: self.expressions,
        })
    }

    /// The value of an expression without variables.
    fn check_constant(&mut self, module: usize, value: &Expr, expected: Ty) -> ir::Expr {
        let world = World { files: self.files, declared: &self.declared };
        let findings = std::mem::take(&mut self.findings[module]);
        let checked = self.expressions.check_constant(world, &mut self.types, module, value, Some(expected), findings);
        self.findings[module] = checked.findings;
        for name in checked.variables {
            if !self.declared.variables.contains(&name) {
                self.declared.variables.push(name);
            }
        }
        checked.ir
    }
}

/// The text of a string without holes.
pub(crate) fn plain_text(literal: &StrLit) -> Option<String> {
    match literal.parts.as_slice() {
        [] => Some(String::new()),
        [StrPart::Text { text, .. }] => Some(text.clone()),
        _ => None,
    }
}

/// The text of an expression that is a string without holes.
fn plain_text_of(e: &Expr) -> Option<String> {
    match &e.kind {
        ExprKind::Str(literal) => plain_text(literal),
        _ => None,
    }
}

/// Reports a value that must be known before the program runs, and is not.
pub(crate) fn not_constant(view: View<'_>, span: Span, help: &str) -> Diagnostic {
    view.diagnostic(codes::NOT_CONSTANT, span, "this must be known before the program runs")
        .label("not a plain value")
        .help(help)
}
