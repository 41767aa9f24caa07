//! The syntax tree: what the text says, with spans, before any name means anything.
//!
//! The tree is total: whatever could not be read is an `Error` node that keeps its span, so
//! that checks and editors still see the rest. Nothing here is desugared; the formatter prints
//! a program back from this tree and the side tables of [`crate::Trivia`].

mod decl;
mod expr;
mod stmt;

pub use decl::*;
pub use expr::*;
pub use stmt::*;

use std::sync::Arc;

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
    /// Whether another range lies within this one.
    pub fn encloses(self, inner: Span) -> bool {
        self.start <= inner.start && inner.end <= self.end
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
    /// Declarations, in the order of the text. Trees of one file that differ in a declaration share the others.
    pub items: Vec<Arc<Item>>,
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
    /// `let name = expr` between declarations.
    Const(ConstDecl),
    /// `cascade 1`: the edition.
    Edition(EditionDecl),
    /// `memory name: scope { entries }`.
    Memory(MemoryDecl),
    /// `cascade name(params) -> T clauses { body }`.
    Cascade(CascadeDecl),
    /// `test "name" { body }`.
    Test(TestDecl),
    /// Text that is no declaration; reported already.
    Error,
}

/// The deepest nesting that the parser accepts; see [`Expr::depth`].
pub const MAX_DEPTH: u16 = 256;
