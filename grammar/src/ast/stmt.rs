//! Statements, clauses and the blocks that hold stages.

use super::{Attribute, DocLine, Expr, Name, Span, TypeExpr};

/// `{ statements }`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Block {
    /// In the order of the text. A last [`StmtKind::Expr`] is the block's value.
    pub stmts: Vec<Stmt>,
    /// The braces and what is between them.
    pub span: Span,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Stmt {
    /// `///` lines before it (documentation of a stage).
    pub docs: Vec<DocLine>,
    /// `@once`, `@allow(…)` before it.
    pub attributes: Vec<Attribute>,
    /// What it does.
    pub kind: StmtKind,
    /// All of it but the documentation.
    pub span: Span,
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq)]
pub enum StmtKind {
    /// `stage name: T = call clauses`.
    Stage {
        /// Its name.
        name: Name,
        /// Its declared type.
        ty: Option<TypeExpr>,
        /// A call, or a block expression (`parallel { … }`, `match …`).
        value: Expr,
        /// Timeout, retry and so on.
        clauses: Vec<Clause>,
    },
    /// `let name: T = expr`.
    Let {
        /// Its name.
        name: Name,
        /// Its declared type.
        ty: Option<TypeExpr>,
        /// Its value.
        value: Expr,
    },
    /// `let { a, b: c } = record`.
    LetFields {
        /// The fields, and the names that they get.
        fields: Vec<PatternField>,
        /// The record.
        value: Expr,
    },
    /// `var name: T = expr`.
    Var {
        /// Its name.
        name: Name,
        /// Its declared type.
        ty: Option<TypeExpr>,
        /// Its first value.
        value: Expr,
    },
    /// `target = expr`, `target += expr`; whether the target may be assigned is judged later.
    Assign {
        /// What is assigned.
        target: Expr,
        /// How.
        op: AssignOp,
        /// The value.
        value: Expr,
    },
    /// `gate cond, "message"`.
    Gate {
        /// What must hold.
        condition: Expr,
        /// What is said when it does not.
        message: Option<Expr>,
    },
    /// `warn cond, "message"`.
    Warn {
        /// What should hold.
        condition: Expr,
        /// What is said when it does not.
        message: Option<Expr>,
    },
    /// `fail "message"`.
    Fail(Expr),
    /// `log "message"`.
    Log(Expr),
    /// `return` or `return expr`.
    Return(Option<Expr>),
    /// An expression: a block (`if`, `for`, …) for what it does, or the value of the block.
    /// Clauses can only follow a block expression (`sandbox … { } discard`).
    Expr(Expr, Vec<Clause>),
    /// `on success(x) { }`, `on failure(e) { }`, `on cancel { }`.
    On {
        /// `success`, `failure`, `cancel`.
        event: Name,
        /// The name in parentheses.
        param: Option<Name>,
        /// What to do.
        body: Block,
    },
    /// Not readable; reported already.
    Error,
}

/// How an assignment changes its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignOp {
    /// `=`.
    Set,
    /// `+=`.
    Add,
}

/// A clause of a stage or a cascade.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// What it says.
    pub kind: ClauseKind,
    /// All of it.
    pub span: Span,
}

/// What a clause says.
#[derive(Debug, Clone, PartialEq)]
pub enum ClauseKind {
    /// `using expr`: a model, a route, a list of models.
    Using(Expr),
    /// `needs [a, b]`.
    Needs(Vec<Name>),
    /// `timeout 5m idle 60s`.
    Timeout {
        /// The longest time overall.
        total: Expr,
        /// The longest time without any sign of life.
        idle: Option<Expr>,
    },
    /// `retry 3 backoff 1s..10s`.
    Retry {
        /// Attempts after the first.
        count: Expr,
        /// First and longest pause.
        backoff: Option<(Expr, Expr)>,
    },
    /// `budget 0.50usd`, `budget 10m`.
    Budget(Expr),
    /// `budget 20_000 tokens`.
    TokenBudget(Expr),
    /// `cache 7d`.
    Cache(Expr),
    /// `exclusive "name"`, `exclusive "name" nowait`.
    Exclusive {
        /// The name that only one run of the project may hold.
        name: Expr,
        /// Whether to fail at once when another run holds it.
        nowait: bool,
    },
    /// `isolate`.
    Isolate,
    /// `on error (kinds) action`.
    OnError {
        /// Kinds of error that it is for; all when empty.
        filter: Vec<Name>,
        /// `as name`: the error, for the action.
        binding: Option<Name>,
        /// What to do.
        action: ErrorAction,
    },
    /// `discard` (of a sandbox).
    Discard,
    /// `branch "name"` (of a sandbox).
    Branch(Expr),
    /// Not readable; reported already.
    Error,
}

/// What `on error` does.
#[derive(Debug, Clone, PartialEq)]
pub enum ErrorAction {
    /// `fix using model max n`.
    Fix {
        /// The agent.
        using: Option<Expr>,
        /// How often.
        max: Option<Expr>,
    },
    /// `use [models]`.
    Use(Expr),
    /// `fallback call(args)`.
    Fallback(Expr),
    /// `redistribute`.
    Redistribute,
    /// `escalate "message"`.
    Escalate(Option<Expr>),
    /// `skip`.
    Skip,
    /// `keep`.
    Keep,
    /// `fail "message"`.
    Fail(Option<Expr>),
    /// Not readable; reported already.
    Error,
}

/// `if c { } else { }`.
#[derive(Debug, Clone, PartialEq)]
pub struct IfExpr {
    /// The condition.
    pub condition: Expr,
    /// When it holds.
    pub then: Block,
    /// When it does not: a block, or an `if` again (an [`ExprKind::If`](super::ExprKind::If)).
    pub otherwise: Option<Else>,
}

/// What follows `else`.
#[derive(Debug, Clone, PartialEq)]
pub enum Else {
    /// `else { }`.
    Block(Block),
    /// `else if …`; always an [`ExprKind::If`](super::ExprKind::If) or an [`ExprKind::Error`](super::ExprKind::Error).
    If(Box<Expr>),
}

/// `match x { arms }`.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchExpr {
    /// What is looked at.
    pub subject: Expr,
    /// First match wins.
    pub arms: Vec<MatchArm>,
}

/// `pattern if guard -> body`.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchArm {
    /// When it applies.
    pub pattern: Pattern,
    /// `if guard`.
    pub guard: Option<Expr>,
    /// What it gives.
    pub body: ArmBody,
    /// All of it.
    pub span: Span,
}

/// What an arm gives.
#[derive(Debug, Clone, PartialEq)]
pub enum ArmBody {
    /// `-> { statements }`.
    Block(Block),
    /// `-> return x`, `-> fail "…"`: a block with this one statement, and without braces.
    Statement(Block),
    /// `-> expr`.
    Expr(Expr),
}

/// A pattern of a `match`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// What it says.
    pub kind: PatternKind,
    /// Where it stands.
    pub span: Span,
}

/// What a pattern says.
#[derive(Debug, Clone, PartialEq)]
pub enum PatternKind {
    /// `_`.
    Wildcard,
    /// `null`, `true`, `42`, `"x"`, `5m`, `-1`: a literal.
    Literal(Expr),
    /// `90..`, `low..high`, `..10`: both ends included; ends are literals or names.
    Range(Option<Expr>, Option<Expr>),
    /// `1 | 2`: any of several patterns.
    OneOf(Vec<Pattern>),
    /// `name` or `name { a, b: c }`: a variant of an enum.
    Variant {
        /// The variant.
        name: Name,
        /// The fields that it binds; `None` when there are no braces.
        fields: Option<Vec<PatternField>>,
    },
    /// Not readable; reported already.
    Error,
}

/// A field that a pattern binds.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternField {
    /// The field.
    pub field: Name,
    /// `: name`, the name that it is bound to.
    pub binding: Option<Name>,
}

/// `for x in xs parallel max n { }`.
#[derive(Debug, Clone, PartialEq)]
pub struct ForExpr {
    /// The name of one element.
    pub item: Name,
    /// The list.
    pub iterable: Expr,
    /// Whether `parallel` was written.
    pub parallel: bool,
    /// `max n`.
    pub max: Option<Expr>,
    /// What is done with each.
    pub body: Block,
}

/// `repeat max n { } until cond`.
#[derive(Debug, Clone, PartialEq)]
pub struct RepeatExpr {
    /// The bound; absent when forgotten (an error of the bounds checks, not of syntax).
    pub max: Option<Expr>,
    /// What is done.
    pub body: Block,
    /// When to stop early.
    pub until: Option<Expr>,
}

/// `parallel max n { }`, `parallel first { }`.
#[derive(Debug, Clone, PartialEq)]
pub struct ParallelExpr {
    /// `first`: the first stage that succeeds gives the value, and the others are cancelled.
    pub first: Option<Span>,
    /// `max n`.
    pub max: Option<Expr>,
    /// Its stages.
    pub body: Block,
}

/// `swarm topology t max n strategy s via mcp server { }`.
#[derive(Debug, Clone, PartialEq)]
pub struct SwarmExpr {
    /// `mesh`, `star`, `hierarchical`.
    pub topology: Option<Name>,
    /// `max n`.
    pub max: Option<Expr>,
    /// `balanced`, `specialized`, `adaptive`.
    pub strategy: Option<Name>,
    /// `via mcp server`.
    pub via: Option<Name>,
    /// Its stages.
    pub body: Block,
}

/// The network of a sandbox.
#[derive(Debug, Clone, PartialEq)]
pub enum NetworkSetting {
    /// `network on`, `network off`.
    Word(Name),
    /// `network ["crates.io"]`: the list.
    Hosts(Expr),
}

/// `sandbox repo network off as box { }`; its `discard` or `branch` are clauses of the statement.
#[derive(Debug, Clone, PartialEq)]
pub struct SandboxExpr {
    /// The directory that is copied.
    pub dir: Expr,
    /// `network …`.
    pub network: Option<NetworkSetting>,
    /// `as name`.
    pub name: Option<Name>,
    /// What happens inside.
    pub body: Block,
}
