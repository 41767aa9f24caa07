//! Checks one body: resolves its names, infers its types, and writes its instructions.
//!
//! A [`BodyChecker`] checks expressions and calls. Around it stand the checkers of what has more
//! than expressions: [`cascade`], [`skill`] and [`test`]. All of them read the declared world and the
//! summaries of what the body calls, keep what they find to themselves, and return it at the end:
//! the functions `check_…` of this room are the only way in. A rule that is more than a part of
//! inference stands in `checks`.

mod access;
mod attributes;
mod call;
mod cascade;
mod constant;
mod effects;
pub(crate) mod error_kind;
mod expr;
mod function;
mod http;
mod interpolation;
mod lambda;
mod literal;
mod methods;
mod operators;
mod pattern;
mod pure;
mod shell;
mod skill;
mod skill_lines;
mod spans;
mod stage_call;
mod test;
mod text;
mod tools;
mod variables;

use cascade_grammar::ast::{Expr, ExprKind, Name, RecordEntry, Span, TypeExpr};
use cascade_ir as ir;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

pub(crate) use attributes::check_attributes;
pub(crate) use cascade::check_cascade;
pub(crate) use constant::DeclaredExpressions;
pub(crate) use function::{check_const, check_fn};
pub(crate) use skill::check_skill;
pub(crate) use test::{ReachedStages, check_test};

use crate::{
    callees::{Callees, Effects},
    checks::types::mismatch,
    codes::Code,
    declare::{TypeResolver, names},
    diagnostic::Diagnostic,
    findings::Findings,
    flow::{CodeReason, Flow, ParamSet, ProgramParam},
    index::{Builtin, Callable, Recorder, Symbol, TYPED_NAME, TypedSpan, field_symbol},
    scope::Scope,
    source::SourceId,
    types::{Ty, Types},
    world::{Def, View, World},
};

/// What the check of a body reads.
pub(crate) struct BodyInput<'a> {
    pub world: World<'a>,
    /// The interner of types, which grows by the types of the body.
    pub types: &'a mut Types,
    /// What is known of the skills and cascades that were checked before.
    pub callees: &'a Callees,
    /// The findings of this part of the module, still empty or to be continued.
    pub findings: Findings,
}

/// An expression with what is known of it.
#[derive(Debug, Clone)]
struct Typed {
    ir: ir::Expr,
    ty: Ty,
    flow: Flow,
}

impl Typed {
    fn new(ir: ir::Expr, ty: Ty, flow: Flow) -> Self {
        Self { ir, ty, flow }
    }

    /// What stands for an expression that is wrong: it fits everywhere.
    fn error() -> Self {
        Self::new(ir::Expr::Const(ir::Const::Null), Ty::ERROR, Flow::default())
    }
}

/// What a body belongs to, which decides what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyKind {
    /// A value that must be known before the program runs.
    Constant,
    /// A `fn`, a predicate.
    Fn,
    Skill,
    Cascade,
    /// A test: pure, but it sees memory.
    Test,
}

/// What the current place is inside of.
#[derive(Debug, Default)]
struct Surroundings {
    /// How many parallel branches or iterations.
    level: u32,
    /// Variables that may have no value yet when the hook around the place runs.
    unset_in_hook: Vec<u32>,
    /// The head of the sandbox without network.
    network_off: Option<Span>,
}

/// What could not be read, so that what only follows from it is not reported.
#[derive(Debug, Default)]
struct Unreadable {
    /// Whether the parameters are among it: then no name is known to be missing.
    header: bool,
    /// Names that were reported already.
    names: Vec<SmolStr>,
}

/// What a body does and needs, as far as it was checked; it becomes the summary for its callers.
#[derive(Debug, Default)]
struct Outcome {
    findings: Findings,
    effects: Effects,
    /// Parameters that choose the program of a command.
    program_params: Vec<ProgramParam>,
    remote_memories: Vec<ir::MemoryId>,
    /// Code that is made of variables: judged when all that they are given is known.
    code_of_variables: Vec<CodeSite>,
    /// What variables are given, by their slots.
    assigned: FxHashMap<usize, Flow>,
    /// Why a command of the body reads its standard input as code, if one does.
    stdin_code: Option<CodeReason>,
    /// The cascades that are called.
    calls: Vec<ir::CascadeId>,
    /// Variables of the environment that the expression names.
    variables: Vec<SmolStr>,
}

/// A place where a value is code.
#[derive(Debug, Clone)]
struct CodeSite {
    flow: Flow,
    /// The place of the value.
    span: Span,
    /// Why it is code.
    reason: CodeReason,
    /// Where it becomes code.
    at: (SourceId, Span),
}

/// A division of two integers.
#[derive(Debug, Clone, Copy)]
struct WholeDivision {
    place: ir::Place,
    left: Span,
    right: Span,
}

/// The check of one body.
struct BodyChecker<'a> {
    world: World<'a>,
    types: &'a mut Types,
    callees: &'a Callees,
    module: usize,
    kind: BodyKind,
    /// What it is the body of, where that has parameters.
    of: Option<Callable>,
    scope: Scope,
    surroundings: Surroundings,
    /// Variables that were read since the list was last taken: the edges of a `parallel`.
    reads: Vec<u32>,
    unreadable: Unreadable,
    /// Variables that the environment of the skill's command has.
    shell_names: Vec<SmolStr>,
    /// Divisions of two integers: where they are, with their operands.
    whole_divisions: Vec<WholeDivision>,
    outcome: Outcome,
}

impl<'a> BodyChecker<'a> {
    fn new(input: BodyInput<'a>, module: usize, kind: BodyKind) -> Self {
        let BodyInput { world, types, callees, findings } = input;
        Self {
            world,
            types,
            callees,
            module,
            kind,
            of: None,
            scope: Scope::default(),
            surroundings: Surroundings::default(),
            reads: Vec::new(),
            unreadable: Unreadable::default(),
            shell_names: Vec::new(),
            whole_divisions: Vec::new(),
            outcome: Outcome { findings, ..Outcome::default() },
        }
    }

    /// Notes whether the text between a declaration's name and its body has a syntax error.
    fn check_header(&mut self, name: Span, body: Span) {
        self.unreadable.header = self.world.files.has_syntax_error_between(self.module, name.end, body.start);
    }

    // ---- reporting ----------------------------------------------------------------------

    /// What the rules of `checks` look at.
    fn view(&self) -> View<'_> {
        View { world: self.world, types: self.types, module: self.module }
    }

    /// A diagnostic in the file of the body, still to be reported.
    fn diagnostic(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, self.source(), span, message)
    }

    fn report(&mut self, diagnostic: impl Into<Option<Diagnostic>>) {
        if let Some(diagnostic) = diagnostic.into() {
            self.outcome.findings.report(diagnostic);
        }
    }

    fn report_all(&mut self, diagnostics: Vec<Diagnostic>) {
        self.outcome.findings.diagnostics.extend(diagnostics);
    }

    fn report_mismatch(&mut self, found: Ty, expected: Ty, span: Span) {
        self.report(mismatch(self.view(), found, expected, span));
    }

    fn place(&self, span: Span) -> ir::Place {
        self.world.files.place(self.module, span)
    }

    fn source(&self) -> SourceId {
        self.world.files.source(self.module)
    }

    fn source_text(&self, span: Span) -> &'a str {
        self.world.files.text(self.module, span)
    }

    /// A type as it is written in a program.
    fn type_text(&self, ty: Ty) -> String {
        self.types.type_text(ty)
    }

    /// Whether an unknown name is compared with the known ones. Each question counts.
    fn may_suggest(&mut self) -> bool {
        self.outcome.findings.may_suggest()
    }

    /// Notes for callers that the text of parameters is code at a place.
    fn note_program_params(&mut self, params: &ParamSet, at: (SourceId, Span), reason: &CodeReason) {
        let known = &mut self.outcome.program_params;
        for position in params.iter() {
            if !known.iter().any(|param| param.position == position) {
                known.push(ProgramParam { position, at, reason: reason.clone() });
            }
        }
    }

    // ---- types and declared names -------------------------------------------------------

    fn resolver(&mut self) -> TypeResolver<'_> {
        TypeResolver {
            world: self.world,
            types: self.types,
            findings: &mut self.outcome.findings,
            expressions: &DeclaredExpressions,
        }
    }

    /// The type that is written; reports what is wrong with it.
    fn resolve_type(&mut self, ty: &TypeExpr) -> Ty {
        let module = self.module;
        self.resolver().resolve(module, ty)
    }

    /// The type of a declaration; an alias is what it stands for.
    fn type_of(&mut self, id: ir::TypeId) -> Ty {
        self.resolver().type_of(id)
    }

    /// A type of the prelude; fits everywhere when the prelude does not declare it.
    fn prelude_type(&mut self, name: &str) -> Ty {
        match self.world.find_prelude_type(name) {
            Some(id) => self.type_of(id),
            None => Ty::ERROR,
        }
    }

    /// `outcome<T>`.
    fn outcome_of(&mut self, ty: Ty) -> Ty {
        self.resolver().outcome(ty)
    }

    /// What a declared name stands for, which is used by that.
    fn resolve_declared(&mut self, name: &Name) -> Option<Def> {
        names::resolve_name(self.world, self.module, name, &mut self.outcome.findings)
    }

    /// What a name stands for that stands after the name of another module.
    fn resolve_exported(&mut self, other: usize, name: &Name) -> Option<Def> {
        names::resolve_exported(self.world, self.module, other, name, &mut self.outcome.findings)
    }

    /// What a dotted name stands for; reports it when it stands for nothing.
    fn resolve_path(&mut self, path: &[Name], wanted: &str) -> Option<Def> {
        let view = View { world: self.world, types: self.types, module: self.module };
        names::resolve_path(view, path, wanted, &mut self.outcome.findings)
    }

    // ---- the index ----------------------------------------------------------------------

    fn recorder(&mut self) -> &mut Recorder {
        &mut self.outcome.findings.index
    }

    fn record_definition(&mut self, span: Span, symbol: Symbol) {
        let module = self.module;
        self.recorder().record_definition(module, span, symbol);
    }

    fn record_use(&mut self, span: Span, symbol: Symbol) {
        let module = self.module;
        self.recorder().record_use(module, span, symbol);
    }

    /// Records a name that the language gives.
    fn record_builtin(&mut self, span: Span, builtin: Builtin) {
        self.record_use(span, Symbol::Builtin(builtin));
    }

    /// Records a word whose meaning the language gives.
    fn record_word(&mut self, word: &Name) {
        self.record_builtin(word.span, Builtin::Word);
    }

    fn record_words<'n>(&mut self, words: impl IntoIterator<Item = &'n Name>) {
        let module = self.module;
        self.recorder().record_words(module, words);
    }

    /// The mcp server that a name stands for; reports one that is none.
    fn resolve_server(&mut self, name: &Name) -> Option<ir::ServerId> {
        let view = View { world: self.world, types: self.types, module: self.module };
        names::resolve_server(view, name, &mut self.outcome.findings)
    }

    /// Records the use of a field of a record.
    fn record_field_use(&mut self, record: Ty, name: &Name) {
        if self.recorder().is_on()
            && let Some(symbol) = field_symbol(self.types, record, &name.text)
        {
            self.record_use(name.span, symbol);
        }
    }

    /// Records what is expected of the expression that is being typed.
    fn record_expected(&mut self, e: &Expr, expected: Ty) {
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
    fn record_type(&mut self, span: Span, ty: Ty, flow: &Flow) {
        let module = self.module;
        self.recorder().record_type(module, TypedSpan { span, ty, untrusted: flow.untrusted.is_some() });
    }
}
