//! What the check of a body reads and where it puts what it finds: the declared world, the types, the findings.

use cascade_grammar::ast::{Expr, ExprKind, Name, RecordEntry, Span, TypeExpr};
use cascade_ir as ir;

use super::DeclaredExpressions;
use crate::{
    checks::types::mismatch,
    codes::Code,
    declare::{TypeResolver, names},
    diagnostic::Diagnostic,
    findings::Findings,
    flow::Flow,
    index::{Builtin, Recorder, Symbol, TYPED_NAME, TypedSpan, field_symbol},
    source::SourceId,
    types::{Ty, Types},
    world::{Def, View, World},
};

/// The module that a body stands in, with all that its checkers share: it reports diagnostics, resolves what is
/// declared, and records names and types in the index. It knows nothing of the body itself.
pub(super) struct ModuleContext<'a> {
    pub(super) world: World<'a>,
    /// The interner of types, which grows by the types of the body.
    pub(super) types: &'a mut Types,
    pub(super) module: usize,
    pub(super) findings: Findings,
}

impl<'a> ModuleContext<'a> {
    // ---- reporting ----------------------------------------------------------------------

    /// What the rules of `checks` look at.
    pub(super) fn view(&self) -> View<'_> {
        View { world: self.world, types: self.types, module: self.module }
    }

    /// A diagnostic in the file of the body, still to be reported.
    pub(super) fn diagnostic(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, self.source(), span, message)
    }

    pub(super) fn report(&mut self, diagnostic: impl Into<Option<Diagnostic>>) {
        if let Some(diagnostic) = diagnostic.into() {
            self.findings.report(diagnostic);
        }
    }

    pub(super) fn report_all(&mut self, diagnostics: Vec<Diagnostic>) {
        self.findings.diagnostics.extend(diagnostics);
    }

    pub(super) fn report_mismatch(&mut self, found: Ty, expected: Ty, span: Span) {
        self.report(mismatch(self.view(), found, expected, span));
    }

    pub(super) fn place(&self, span: Span) -> ir::Place {
        self.world.files.place(self.module, span)
    }

    pub(super) fn source(&self) -> SourceId {
        self.world.files.source(self.module)
    }

    pub(super) fn source_text(&self, span: Span) -> &'a str {
        self.world.files.text(self.module, span)
    }

    /// A type as it is written in a program.
    pub(super) fn type_text(&self, ty: Ty) -> String {
        self.types.type_text(ty)
    }

    /// Whether an unknown name is compared with the known ones. Each question counts.
    pub(super) fn may_suggest(&mut self) -> bool {
        self.findings.may_suggest()
    }

    // ---- types and declared names -------------------------------------------------------

    pub(super) fn resolver(&mut self) -> TypeResolver<'_> {
        TypeResolver {
            world: self.world,
            types: self.types,
            findings: &mut self.findings,
            expressions: &DeclaredExpressions,
        }
    }

    /// The type that is written; reports what is wrong with it.
    pub(super) fn resolve_type(&mut self, ty: &TypeExpr) -> Ty {
        let module = self.module;
        self.resolver().resolve(module, ty)
    }

    /// The type of a declaration; an alias is what it stands for.
    pub(super) fn type_of(&mut self, id: ir::TypeId) -> Ty {
        self.resolver().type_of(id)
    }

    /// A type of the prelude; fits everywhere when the prelude does not declare it.
    pub(super) fn prelude_type(&mut self, name: &str) -> Ty {
        match self.world.find_prelude_type(name) {
            Some(id) => self.type_of(id),
            None => Ty::ERROR,
        }
    }

    /// `outcome<T>`.
    pub(super) fn outcome_of(&mut self, ty: Ty) -> Ty {
        self.resolver().outcome(ty)
    }

    /// What a declared name stands for, which is used by that.
    pub(super) fn resolve_declared(&mut self, name: &Name) -> Option<Def> {
        names::resolve_name(self.world, self.module, name, &mut self.findings)
    }

    /// What a name stands for that stands after the name of another module.
    pub(super) fn resolve_exported(&mut self, other: usize, name: &Name) -> Option<Def> {
        names::resolve_exported(self.world, self.module, other, name, &mut self.findings)
    }

    /// What a dotted name stands for; reports it when it stands for nothing.
    pub(super) fn resolve_path(&mut self, path: &[Name], wanted: &str) -> Option<Def> {
        let view = View { world: self.world, types: self.types, module: self.module };
        names::resolve_path(view, path, wanted, &mut self.findings)
    }

    // ---- the index ----------------------------------------------------------------------

    pub(super) fn recorder(&mut self) -> &mut Recorder {
        &mut self.findings.index
    }

    pub(super) fn record_definition(&mut self, span: Span, symbol: Symbol) {
        let module = self.module;
        self.recorder().record_definition(module, span, symbol);
    }

    pub(super) fn record_use(&mut self, span: Span, symbol: Symbol) {
        let module = self.module;
        self.recorder().record_use(module, span, symbol);
    }

    /// Records a name that the language gives.
    pub(super) fn record_builtin(&mut self, span: Span, builtin: Builtin) {
        self.record_use(span, Symbol::Builtin(builtin));
    }

    /// Records a word whose meaning the language gives.
    pub(super) fn record_word(&mut self, word: &Name) {
        self.record_builtin(word.span, Builtin::Word);
    }

    pub(super) fn record_words<'n>(&mut self, words: impl IntoIterator<Item = &'n Name>) {
        let module = self.module;
        self.recorder().record_words(module, words);
    }

    /// The mcp server that a name stands for; reports one that is none.
    pub(super) fn resolve_server(&mut self, name: &Name) -> Option<ir::ServerId> {
        let view = View { world: self.world, types: self.types, module: self.module };
        names::resolve_server(view, name, &mut self.findings)
    }

    /// Records the use of a field of a record.
    pub(super) fn record_field_use(&mut self, record: Ty, name: &Name) {
        if self.recorder().is_on()
            && let Some(symbol) = field_symbol(self.types, record, &name.text)
        {
            self.record_use(name.span, symbol);
        }
    }

    /// Records what is expected of the expression that is being typed.
    pub(super) fn record_expected(&mut self, e: &Expr, expected: Ty) {
        let name = match &e.kind {
            ExprKind::Name(name) | ExprKind::Field { name, .. } => name,
            ExprKind::Record(entries) => {
                let is_key =
                    |entry: &RecordEntry| matches!(entry, RecordEntry::Field { key, .. } if key.text == TYPED_NAME);
                if self.recorder().is_on() && entries.iter().any(is_key) {
                    let module = self.module;
                    self.recorder().record_expected_record(module, e.span, expected);
                }
                return;
            }
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Name(name) | ExprKind::Field { name, .. } => name,
                _ => return,
            },
            _ => return,
        };
        if name.text == TYPED_NAME {
            let module = self.module;
            self.recorder().record_expected(module, expected);
        }
    }

    /// Records the type of an expression.
    pub(super) fn record_type(&mut self, span: Span, ty: Ty, flow: &Flow) {
        let module = self.module;
        self.recorder().record_type(module, TypedSpan { span, ty, untrusted: flow.untrusted.is_some() });
    }
}
