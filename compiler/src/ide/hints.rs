//! Types that are not written: of variables and stages.

use cascade_grammar::ast::{Block, FnBody, ItemKind, Name, StmtKind, TestLineKind};

use crate::{compile::Analysis, source::SourceId, types::Ty, walk};

/// How long a type may be that is shown.
const MOST_LETTERS: usize = 60;

/// A type that an editor shows behind a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeHint {
    /// The end of the name.
    pub offset: u32,
    /// The type.
    pub ty: String,
}

/// The types of the variables and stages of a file that are declared without one.
pub fn type_hints(analysis: &Analysis, source: SourceId) -> Vec<TypeHint> {
    let Some(number) = analysis.module(source) else { return Vec::new() };
    let Some(index) = analysis.index.modules().get(number) else { return Vec::new() };
    let mut names = Vec::new();
    for item in &analysis.modules[number].parse.file.items {
        match &item.kind {
            ItemKind::Cascade(decl) => add_names(&decl.body, &mut names),
            ItemKind::Fn(decl) => {
                if let FnBody::Block(block) = &decl.body {
                    add_names(block, &mut names);
                }
            }
            ItemKind::Test(decl) => names.extend(decl.body.iter().filter_map(|line| match &line.kind {
                TestLineKind::Let { name, ty: None, .. } => Some(name),
                _ => None,
            })),
            _ => {}
        }
    }
    let mut hints = Vec::new();
    for name in names {
        let Ok(at) = index.variables.binary_search_by_key(&name.span, |variable| variable.span) else { continue };
        let ty = index.variables[at].ty;
        let text = analysis.types.type_text(ty);
        if !matches!(ty, Ty::ERROR | Ty::NULL | Ty::NEVER) && text.len() <= MOST_LETTERS {
            hints.push(TypeHint { offset: name.span.end, ty: text });
        }
    }
    hints.sort_unstable_by_key(|hint| hint.offset);
    hints
}

fn add_names<'t>(block: &'t Block, names: &mut Vec<&'t Name>) {
    for stmt in &block.stmts {
        match &stmt.kind {
            StmtKind::Let { name, ty: None, .. }
            | StmtKind::Var { name, ty: None, .. }
            | StmtKind::Stage { name, ty: None, .. } => names.push(name),
            _ => {}
        }
        let mut inner = Vec::new();
        walk::blocks_of(stmt, &mut inner);
        inner.into_iter().for_each(|block| add_names(block, names));
    }
}
