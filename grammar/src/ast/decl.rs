//! Declarations.

use super::{Block, Clause, DocLine, Expr, Name, Span, StrLit, TypeExpr};

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
    /// `builtin "files.read"` (effect), in the standard library.
    Builtin(Expr),
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
    /// `output file "out/x"`, `output files "out/*.png"`: the files that a command makes.
    OutputFiles {
        /// `file` or `files`.
        word: Name,
        /// The path or the pattern.
        pattern: Expr,
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
    pub body: FnBody,
}

/// The body of a fn.
#[derive(Debug, Clone, PartialEq)]
pub enum FnBody {
    /// `= expr`.
    Expr(Expr),
    /// `{ let … }` with the value as the last expression.
    Block(Block),
}

impl FnBody {
    /// Where it stands, with its braces.
    pub fn span(&self) -> Span {
        match self {
            Self::Expr(value) => value.span,
            Self::Block(block) => block.span,
        }
    }
}

/// `let name: T = expr` between declarations: a constant of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct ConstDecl {
    /// Its name.
    pub name: Name,
    /// Its declared type.
    pub ty: Option<TypeExpr>,
    /// Its value.
    pub value: Expr,
}

/// `cascade 1` on the first line: the edition of the language.
#[derive(Debug, Clone, PartialEq)]
pub struct EditionDecl {
    /// The number as written.
    pub number: Name,
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
    /// `expect stage path ran|skipped|failed times n`.
    ExpectStage {
        /// The stage's path: names joined by dots.
        path: Vec<Name>,
        /// `ran`, `skipped`, `failed`.
        state: Name,
        /// `times n`.
        times: Option<Expr>,
    },
    /// `expect fails`, `expect fails (kind, "message")`.
    ExpectFails {
        /// The kind of error.
        kind: Option<Name>,
        /// What its message holds.
        message: Option<Expr>,
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
        /// `after duration`.
        after: Option<Expr>,
    },
    /// `fails (kind)` or `fails (kind, "message")`.
    Fails {
        /// The kind of error.
        kind: Name,
        /// What the error says.
        message: Option<Expr>,
        /// `times N`.
        times: Option<Expr>,
        /// `after duration`.
        after: Option<Expr>,
    },
}
