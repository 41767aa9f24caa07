//! The declarations of a file, as a tree.

use cascade_grammar::{
    Parse,
    ast::{Block, FieldDecl, Item, ItemKind, Name, Span, StmtKind, StrPart, VariantDecl},
};

use crate::walk;

/// What a symbol of an outline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolKind {
    /// A record or an alias.
    Type,
    /// An enum.
    Enum,
    /// A variant of an enum.
    Variant,
    /// A field of a record, a key of a memory.
    Field,
    /// A model, a route or an mcp server.
    Model,
    /// A skill.
    Skill,
    /// A fn.
    Fn,
    /// A constant.
    Constant,
    /// A memory.
    Memory,
    /// A cascade.
    Cascade,
    /// A stage.
    Stage,
    /// A test.
    Test,
}

/// A declaration of a file, with those in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineSymbol {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// Where its name stands.
    pub name_span: Span,
    /// All of it.
    pub span: Span,
    /// What it holds.
    pub children: Vec<OutlineSymbol>,
}

/// The declarations of a file, in the order of the text.
pub fn outline_of(parse: &Parse) -> Vec<OutlineSymbol> {
    parse.file.items.iter().filter_map(|item| symbol_of(item)).collect()
}

fn symbol_of(item: &Item) -> Option<OutlineSymbol> {
    let fields = |fields: &[FieldDecl]| fields.iter().map(field_symbol).collect::<Vec<_>>();
    let (name, kind, children) = match &item.kind {
        ItemKind::Type(decl) => (&decl.name, SymbolKind::Type, fields(&decl.fields)),
        ItemKind::Alias(decl) => (&decl.name, SymbolKind::Type, Vec::new()),
        ItemKind::Enum(decl) => (&decl.name, SymbolKind::Enum, decl.variants.iter().map(variant_symbol).collect()),
        ItemKind::Model(decl) => (&decl.name, SymbolKind::Model, Vec::new()),
        ItemKind::Route(decl) => (&decl.name, SymbolKind::Model, Vec::new()),
        ItemKind::Mcp(decl) => (&decl.name, SymbolKind::Model, Vec::new()),
        ItemKind::Skill(decl) => (&decl.name, SymbolKind::Skill, Vec::new()),
        ItemKind::Fn(decl) => (&decl.name, SymbolKind::Fn, Vec::new()),
        ItemKind::Const(decl) => (&decl.name, SymbolKind::Constant, Vec::new()),
        ItemKind::Memory(decl) => (&decl.name, SymbolKind::Memory, fields(&decl.entries)),
        ItemKind::Cascade(decl) => (&decl.name, SymbolKind::Cascade, stage_symbols(&decl.body)),
        ItemKind::Test(decl) => {
            let text = decl.name.parts.iter().map(|part| match part {
                StrPart::Text { text, .. } => text.as_str(),
                StrPart::Hole { .. } => "…",
            });
            let (name, name_span) = (text.collect::<String>(), decl.name.span);
            return Some(new_symbol(name, SymbolKind::Test, name_span, item.span, Vec::new()));
        }
        ItemKind::Import(_) | ItemKind::Edition(_) | ItemKind::Error => return None,
    };
    named_symbol(name, kind, item.span, children)
}

fn new_symbol(
    name: String,
    kind: SymbolKind,
    name_span: Span,
    span: Span,
    children: Vec<OutlineSymbol>,
) -> OutlineSymbol {
    OutlineSymbol { name, kind, name_span, span: span.to(name_span), children }
}

/// A symbol, unless its name is missing.
fn named_symbol(name: &Name, kind: SymbolKind, span: Span, children: Vec<OutlineSymbol>) -> Option<OutlineSymbol> {
    (!name.text.is_empty()).then(|| new_symbol(name.text.to_string(), kind, name.span, span, children))
}

fn field_symbol(field: &FieldDecl) -> OutlineSymbol {
    new_symbol(field.name.text.to_string(), SymbolKind::Field, field.name.span, field.span, Vec::new())
}

fn variant_symbol(variant: &VariantDecl) -> OutlineSymbol {
    let fields = variant.fields.iter().flatten().map(field_symbol).collect();
    new_symbol(variant.name.text.to_string(), SymbolKind::Variant, variant.name.span, variant.span, fields)
}

/// The stages of a block, with those inside of them. Blocks without a name hand theirs on.
fn stage_symbols(block: &Block) -> Vec<OutlineSymbol> {
    let mut found = Vec::new();
    for stmt in &block.stmts {
        let mut inner = Vec::new();
        walk::blocks_of(stmt, &mut inner);
        let children: Vec<_> = inner.into_iter().flat_map(stage_symbols).collect();
        match &stmt.kind {
            StmtKind::Stage { name, .. } => found.extend(named_symbol(name, SymbolKind::Stage, stmt.span, children)),
            _ => found.extend(children),
        }
    }
    found
}
