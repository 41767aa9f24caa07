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
mod context;
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

use cascade_grammar::ast::Span;
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
    findings::Findings,
    flow::{CodeReason, Flow, ProgramParam},
    index::Callable,
    scope::Scope,
    source::SourceId,
    types::{Ty, Types},
    world::World,
};
use context::ModuleContext;

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
    context: ModuleContext<'a>,
    callees: &'a Callees,
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
            context: ModuleContext { world, types, module, findings },
            callees,
            kind,
            of: None,
            scope: Scope::default(),
            surroundings: Surroundings::default(),
            reads: Vec::new(),
            unreadable: Unreadable::default(),
            shell_names: Vec::new(),
            whole_divisions: Vec::new(),
            outcome: Outcome::default(),
        }
    }

    /// Notes whether the text between a declaration's name and its body has a syntax error.
    fn check_header(&mut self, name: Span, body: Span) {
        self.unreadable.header =
            self.context.world.files.has_syntax_error_between(self.context.module, name.end, body.start);
    }
}
