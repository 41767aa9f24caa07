//! Expressions and types as written.

use super::{FieldDecl, ForExpr, IfExpr, MatchExpr, Name, ParallelExpr, RepeatExpr, SandboxExpr, Span, SwarmExpr};

/// A type as written.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeExpr {
    /// What it says.
    pub kind: TypeExprKind,
    /// Where it stands.
    pub span: Span,
    /// Levels of nesting below this node; bounded by the parser.
    pub depth: u16,
}

/// What a type says.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeExprKind {
    /// `string`, `Finding`, `github.PullRequest`, `list<T>`.
    Named {
        /// The parts of the dotted name.
        path: Vec<Name>,
        /// What stands in `< >`.
        args: Vec<TypeExpr>,
    },
    /// `T?`.
    Optional(Box<TypeExpr>),
    /// `{ a: int, b: string? }`.
    Record(Vec<FieldDecl>),
    /// `T where predicate`.
    Where(Box<TypeExpr>, Box<Expr>),
    /// Not readable; reported already.
    Error,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it says.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
    /// Levels of nesting below this node; bounded by the parser (deeper text is an error),
    /// so that every walk over the tree may recurse.
    pub depth: u16,
}

/// What an expression says.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// `42`, `1_000`.
    Int(i64),
    /// `0.5`.
    Float(f64),
    /// `5m`, in milliseconds.
    Duration(i64),
    /// `0.50usd`, in millionths of a US dollar.
    Money(i64),
    /// `"text"` or `"""text"""`.
    Str(StrLit),
    /// `sh"…"` or `sh"""…"""`.
    Command(StrLit),
    /// A name. `_` is a name too where a value is expected, and no value is called that.
    Name(Name),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{ key: value, ...base }`.
    Record(Vec<RecordEntry>),
    /// `recv.name`, `recv?.name`.
    Field {
        /// What is read.
        receiver: Box<Expr>,
        /// The field; empty text when missing.
        name: Name,
        /// Whether it is `?.`.
        safe: bool,
    },
    /// `recv[index]`.
    Index {
        /// What is read.
        receiver: Box<Expr>,
        /// Position or key.
        index: Box<Expr>,
    },
    /// `callee(args)`; a method call when the callee is a [`ExprKind::Field`].
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// With what.
        args: Vec<Arg>,
        /// The parentheses and what is between them.
        args_span: Span,
    },
    /// `not x`, `-x`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`.
    Binary(Box<Expr>, BinaryOp, Box<Expr>),
    /// `x as T`, `x as? T`.
    Cast {
        /// What is read.
        value: Box<Expr>,
        /// As what.
        ty: Box<TypeExpr>,
        /// Whether it is `as?`.
        optional: bool,
    },
    /// `|x, y| expr`.
    Lambda {
        /// Its parameters.
        params: Vec<Name>,
        /// Its value.
        body: Box<Expr>,
    },
    /// `(x)`: kept, so that the formatter prints what was written.
    Paren(Box<Expr>),
    /// `if c { } else { }`.
    If(Box<IfExpr>),
    /// `match x { arms }`.
    Match(Box<MatchExpr>),
    /// `low..high` after the `in` of a `for`: the integers from `low` up to, but not including, `high`.
    Range(Box<Expr>, Box<Expr>),
    /// `for x in xs parallel max n { }`.
    For(Box<ForExpr>),
    /// `repeat max n { } until cond`.
    Repeat(Box<RepeatExpr>),
    /// `parallel max n { }`.
    Parallel(Box<ParallelExpr>),
    /// `swarm topology t max n strategy s { }`.
    Swarm(Box<SwarmExpr>),
    /// `sandbox repo network off as box { }`.
    Sandbox(Box<SandboxExpr>),
    /// Not readable; reported already.
    Error,
}

/// Text with holes.
#[derive(Debug, Clone, PartialEq)]
pub struct StrLit {
    /// Text and holes, in order. Neighbouring texts are joined; empty ones are left out.
    pub parts: Vec<StrPart>,
    /// Whether it was written with three quotes.
    pub block: bool,
    /// Quotes and `sh` included.
    pub span: Span,
}

/// A part of a [`StrLit`].
#[derive(Debug, Clone, PartialEq)]
pub enum StrPart {
    /// Plain text: escapes resolved, a block's common indentation removed.
    Text {
        /// The text that is meant.
        text: String,
        /// The text that was written.
        span: Span,
    },
    /// `$<expr as format>`.
    Hole {
        /// The value.
        expr: Expr,
        /// The rendering that was asked for.
        format: Option<Name>,
        /// `$<` and `>` included.
        span: Span,
    },
}

/// An entry of a record literal.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordEntry {
    /// `key: value`; `value` is absent in the shorthand `{ key }`, which the parser does not
    /// accept today (a brace with one name is a block).
    Field {
        /// The key: a word or a string.
        key: Name,
        /// Whether the key was written as a string.
        quoted: bool,
        /// Its value.
        value: Expr,
    },
    /// `...base`.
    Spread(Expr),
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Arg {
    /// `name:` before the value.
    pub name: Option<Name>,
    /// Its value.
    pub value: Expr,
}

/// A prefix operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `not`.
    Not,
    /// `-`.
    Neg,
}

/// An infix operator, from the loosest to the tightest: `??`; `or`; `and`; comparisons (which
/// do not chain) ; `+ -`; `* / %`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `??`.
    Coalesce,
    /// `or`.
    Or,
    /// `and`.
    And,
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// `in`: whether a list, a map's keys or a text contains the value before it.
    In,
    /// `not in`.
    NotIn,
    /// `+`.
    Add,
    /// `-`.
    Sub,
    /// `*`.
    Mul,
    /// `/`.
    Div,
    /// `%`.
    Rem,
}
