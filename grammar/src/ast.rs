//! The syntax tree: what the text says, with spans, before any name means anything.
//!
//! The tree is total: whatever could not be read is an `Error` node that keeps its span, so
//! that checks and editors still see the rest. Nothing here is desugared; the formatter prints
//! a program back from this tree and the side tables of [`crate::Trivia`].

use smol_str::SmolStr;

/// A half-open range of bytes of one source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range from `start` to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }
    /// The smallest range that holds both.
    pub fn to(self, other: Span) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
    /// The range as `usize`, for slicing text.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
    /// Whether the byte offset lies in the range or at its end (where a cursor stands).
    pub fn touches(self, offset: u32) -> bool {
        self.start <= offset && offset <= self.end
    }
}

/// An identifier where it stands. Empty text: the name is missing (`x.` while typing).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The word.
    pub text: SmolStr,
    /// Where it stands.
    pub span: Span,
}

/// One line of `///` or `//!`, without its marker and one leading space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocLine {
    /// The line's text.
    pub text: String,
    /// Where it stands, marker included.
    pub span: Span,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct File {
    /// `//!` lines.
    pub docs: Vec<DocLine>,
    /// Declarations, in the order of the text.
    pub items: Vec<Item>,
}

/// A declaration with its documentation and attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// `///` lines before it.
    pub docs: Vec<DocLine>,
    /// `@name(…)` before it.
    pub attributes: Vec<Attribute>,
    /// From the first attribute, or the keyword, to its last token.
    pub span: Span,
    /// What it declares.
    pub kind: ItemKind,
}

/// `@name` or `@name(args)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The word after `@`.
    pub name: Name,
    /// What stands in the parentheses.
    pub args: Vec<Expr>,
    /// All of it.
    pub span: Span,
}

/// What an [`Item`] declares.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    /// `import …`.
    Import(Import),
    /// `type Name { fields }`.
    Type(TypeDecl),
    /// `type Name = T`.
    Alias(AliasDecl),
    /// `enum Name { variants }`.
    Enum(EnumDecl),
    /// `model name { settings }`.
    Model(ModelDecl),
    /// `route name { arms }`.
    Route(RouteDecl),
    /// `mcp name { settings }`.
    Mcp(McpDecl),
    /// `skill name(params) -> T { body }`.
    Skill(SkillDecl),
    /// `fn name(params) -> T = expr`.
    Fn(FnDecl),
    /// `memory name: scope { entries }`.
    Memory(MemoryDecl),
    /// `cascade name(params) -> T clauses { body }`.
    Cascade(CascadeDecl),
    /// `test "name" { body }`.
    Test(TestDecl),
    /// Text that is no declaration; reported already.
    Error,
}

/// `import std.models { a, b as c }`, `import std.github as gh`, `import "./x.cascade" { y }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// Where it comes from.
    pub source: ImportSource,
    /// The names in braces; `None` when there are no braces (the module itself is named).
    pub names: Option<Vec<ImportName>>,
    /// `as name` after the source.
    pub alias: Option<Name>,
}

/// Where an import comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum ImportSource {
    /// `std.models`: the parts of a dotted path.
    Module(Vec<Name>),
    /// `"./audit.cascade"`.
    Path(StrLit),
}

/// One name of an import, perhaps renamed.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportName {
    /// The name as the other file declares it.
    pub name: Name,
    /// `as name`.
    pub alias: Option<Name>,
}

/// `type Name { fields }`.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeDecl {
    /// Its name.
    pub name: Name,
    /// Its fields.
    pub fields: Vec<FieldDecl>,
}

/// A field of a record type, an entry of a variant's payload or of an anonymous record.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldDecl {
    /// `///` lines before it.
    pub docs: Vec<DocLine>,
    /// Its name.
    pub name: Name,
    /// Its type, `where` included.
    pub ty: TypeExpr,
    /// `= expr`.
    pub default: Option<Expr>,
    /// All of it but the documentation.
    pub span: Span,
}

/// `type Name = T`.
#[derive(Debug, Clone, PartialEq)]
pub struct AliasDecl {
    /// Its name.
    pub name: Name,
    /// What it stands for.
    pub ty: TypeExpr,
}

/// `enum Name { variants }`.
#[derive(Debug, Clone, PartialEq)]
pub struct EnumDecl {
    /// Its name.
    pub name: Name,
    /// Its variants.
    pub variants: Vec<VariantDecl>,
}

/// A variant of an enum.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantDecl {
    /// `///` lines before it.
    pub docs: Vec<DocLine>,
    /// Its name.
    pub name: Name,
    /// The payload's fields; `None` when there are no braces.
    pub fields: Option<Vec<FieldDecl>>,
    /// All of it but the documentation.
    pub span: Span,
}

/// `name: expr` in the braces of a `model`, an `mcp` or an `http`'s braces.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// `///` lines before it.
    pub docs: Vec<DocLine>,
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}

/// `model name { settings }`.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelDecl {
    /// Its name.
    pub name: Name,
    /// Provider, id, price and so on.
    pub settings: Vec<Setting>,
}

/// `mcp name { settings }`: a server of tools.
#[derive(Debug, Clone, PartialEq)]
pub struct McpDecl {
    /// Its name.
    pub name: Name,
    /// Command or URL.
    pub settings: Vec<Setting>,
}

/// `route name { arms }`.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteDecl {
    /// Its name.
    pub name: Name,
    /// First match wins.
    pub arms: Vec<RouteArm>,
}

/// `capability -> target`.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteArm {
    /// The capability; `None` for `_`.
    pub capability: Option<Name>,
    /// Models to take.
    pub target: RouteTarget,
    /// All of it.
    pub span: Span,
}

/// What an arm of a route leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteTarget {
    /// One model or route (dotted for one of a module).
    One(Vec<Name>),
    /// `best_of [a, b] by measure`.
    BestOf {
        /// The candidates.
        models: Vec<Vec<Name>>,
        /// `success`, `cost` or `latency`.
        by: Name,
    },
    /// Not readable; reported already.
    Error,
}

/// A parameter of a skill, a fn or a cascade.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// `///` lines before it.
    pub docs: Vec<DocLine>,
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
    /// `= expr`.
    pub default: Option<Expr>,
    /// All of it but the documentation.
    pub span: Span,
}

/// `skill name(params) -> T { body }`.
#[derive(Debug, Clone, PartialEq)]
pub struct SkillDecl {
    /// Its name.
    pub name: Name,
    /// Its inputs.
    pub params: Vec<Param>,
    /// Its result.
    pub result: Option<TypeExpr>,
    /// The lines of its body, in order; exactly one should be an effect.
    pub body: Vec<SkillLine>,
    /// The body's braces and what is between them.
    pub body_span: Span,
}

/// One line of a skill's body.
#[derive(Debug, Clone, PartialEq)]
pub struct SkillLine {
    /// What it says.
    pub kind: SkillLineKind,
    /// All of it.
    pub span: Span,
}

/// What one line of a skill's body says.
#[derive(Debug, Clone, PartialEq)]
pub enum SkillLineKind {
    /// `prompt """…"""` (effect). Any expression is accepted; text is expected.
    Prompt(Expr),
    /// `agent in dir """…"""` (effect).
    Agent {
        /// The directory that it works in.
        dir: Option<Expr>,
        /// What it is asked.
        prompt: Expr,
    },
    /// `run sh"…"` (effect).
    Run(Expr),
    /// `http get "url" { headers: …, query: …, body: … }` (effect).
    Http {
        /// `get`, `post`, …
        method: Name,
        /// The address.
        url: Expr,
        /// What stands in the braces.
        settings: Vec<Setting>,
    },
    /// `mcp server.tool { args }` (effect).
    Mcp {
        /// The dotted path: server, tool.
        path: Vec<Name>,
        /// The arguments, a record literal.
        args: Option<Expr>,
    },
    /// `skill_file "./SKILL.md"`.
    SkillFile(StrLit),
    /// `system "…"`.
    System(Expr),
    /// `needs [a, b]`.
    Needs(Vec<Name>),
    /// `temperature 0.2`.
    Temperature(Expr),
    /// `max_tokens 1000`.
    MaxTokens(Expr),
    /// `attach expr` or `attach files "glob" in dir`.
    Attach(Attach),
    /// `tools [a.b, c]`.
    Tools(Vec<Vec<Name>>),
    /// `in dir`.
    In(Expr),
    /// `env { NAME: expr }`.
    Env(Vec<Setting>),
    /// `stdin expr`.
    Stdin(Expr),
    /// `exit [0, 1]`, `exit [200..299]`.
    Exit(Vec<ExitRange>),
    /// `output json T`.
    Output {
        /// `json`, `json_lines`, `text`, `csv`, `junit`, `tap`.
        format: Name,
        /// The declared shape.
        ty: Option<TypeExpr>,
    },
    /// `return expr`.
    Return(Expr),
    /// Not readable; reported already.
    Error,
}

/// What a prompt carries beside its text.
#[derive(Debug, Clone, PartialEq)]
pub enum Attach {
    /// A file, an image, or a list of them.
    Value(Expr),
    /// `files "glob" in dir`.
    Files {
        /// The pattern.
        pattern: Expr,
        /// Where to look.
        dir: Option<Expr>,
    },
}

/// One code or an inclusive range of codes.
#[derive(Debug, Clone, PartialEq)]
pub struct ExitRange {
    /// First code.
    pub low: i64,
    /// Last code, itself included.
    pub high: i64,
    /// Where it stands.
    pub span: Span,
}

/// `fn name(params) -> T = expr`.
#[derive(Debug, Clone, PartialEq)]
pub struct FnDecl {
    /// Its name.
    pub name: Name,
    /// Its inputs.
    pub params: Vec<Param>,
    /// Its result.
    pub result: Option<TypeExpr>,
    /// What it computes.
    pub body: Expr,
}

/// `memory name: scope via mcp server { entries }`.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryDecl {
    /// Its name.
    pub name: Name,
    /// `run` or `global`.
    pub scope: Name,
    /// `via mcp server`.
    pub via: Option<Name>,
    /// Its keys.
    pub entries: Vec<FieldDecl>,
}

/// `cascade name(params) -> T clauses { body }`.
#[derive(Debug, Clone, PartialEq)]
pub struct CascadeDecl {
    /// Its name.
    pub name: Name,
    /// Its inputs.
    pub params: Vec<Param>,
    /// Its result.
    pub result: Option<TypeExpr>,
    /// Budget, timeout and so on.
    pub clauses: Vec<Clause>,
    /// What it does, `on success` and the like included.
    pub body: Block,
}

/// `test "name" { body }`.
#[derive(Debug, Clone, PartialEq)]
pub struct TestDecl {
    /// Its name.
    pub name: StrLit,
    /// Its lines.
    pub body: Vec<TestLine>,
    /// The body's braces and what is between them.
    pub body_span: Span,
}

/// One line of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestLine {
    /// What it says.
    pub kind: TestLineKind,
    /// All of it.
    pub span: Span,
}

/// What one line of a test says.
#[derive(Debug, Clone, PartialEq)]
pub enum TestLineKind {
    /// `mock skill outcome then outcome …`.
    Mock {
        /// The skill, dotted when it is a module's.
        skill: Vec<Name>,
        /// What its calls give, in order; the last one goes on.
        outcomes: Vec<MockOutcome>,
    },
    /// `run cascade(args)`.
    Run(Expr),
    /// `expect stage path ran|skipped|failed`.
    ExpectStage {
        /// The stage's path: names joined by dots.
        path: Vec<Name>,
        /// `ran`, `skipped`, `failed`.
        state: Name,
    },
    /// `expect expr`.
    Expect(Expr),
    /// `let name = expr`.
    Let {
        /// Its name.
        name: Name,
        /// Its type.
        ty: Option<TypeExpr>,
        /// Its value.
        value: Expr,
    },
    /// Not readable; reported already.
    Error,
}

/// What a mocked skill does.
#[derive(Debug, Clone, PartialEq)]
pub enum MockOutcome {
    /// `-> expr`.
    Value {
        /// The answer.
        value: Expr,
        /// `times N`.
        times: Option<Expr>,
    },
    /// `fails (kind)` or `fails (kind, "message")`.
    Fails {
        /// The kind of error.
        kind: Name,
        /// What the error says.
        message: Option<Expr>,
        /// `times N`.
        times: Option<Expr>,
    },
}

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
    /// `budget 0.50usd`.
    Budget(Expr),
    /// `cache 7d`.
    Cache(Expr),
    /// `isolate`.
    Isolate,
    /// `on error (kinds) action`.
    OnError {
        /// Kinds of error that it is for; all when empty.
        filter: Vec<Name>,
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
    /// `fail "message"`.
    Fail(Option<Expr>),
    /// Not readable; reported already.
    Error,
}

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

/// `if c { } else { }`.
#[derive(Debug, Clone, PartialEq)]
pub struct IfExpr {
    /// The condition.
    pub condition: Expr,
    /// When it holds.
    pub then: Block,
    /// When it does not: a block, or an `if` again (an [`ExprKind::If`]).
    pub otherwise: Option<Else>,
}

/// What follows `else`.
#[derive(Debug, Clone, PartialEq)]
pub enum Else {
    /// `else { }`.
    Block(Block),
    /// `else if …`; always an [`ExprKind::If`] or an [`ExprKind::Error`].
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

/// `parallel max n { }`.
#[derive(Debug, Clone, PartialEq)]
pub struct ParallelExpr {
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

/// `sandbox repo network off as box { }`; its `discard` or `branch` are clauses of the statement.
#[derive(Debug, Clone, PartialEq)]
pub struct SandboxExpr {
    /// The directory that is copied.
    pub dir: Expr,
    /// `network on|off`.
    pub network: Option<Name>,
    /// `as name`.
    pub name: Option<Name>,
    /// What happens inside.
    pub body: Block,
}

/// The deepest nesting that the parser accepts; see [`Expr::depth`].
pub const MAX_DEPTH: u16 = 256;
