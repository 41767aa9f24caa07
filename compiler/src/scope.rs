//! The variables of a body: which names stand for them, where their values are, and what tests
//! tell of their types.

use cascade_grammar::ast::{BinaryOp, Expr, ExprKind, Span, UnaryOp};
use cascade_ir as ir;
use rustc_hash::FxHashMap as HashMap;
use smol_str::SmolStr;

use crate::{
    flow::Flow,
    index::Symbol,
    types::{Ty, Types},
};

/// How a variable came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalKind {
    Param,
    Let,
    Var,
    Stage,
    /// Bound by a loop, a pattern, a lambda, a hook.
    Bound,
}

/// A variable.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub name: SmolStr,
    pub slot: ir::Slot,
    pub ty: Ty,
    pub flow: Flow,
    pub kind: LocalKind,
    pub span: Span,
    pub used: bool,
    /// How many parallel branches or iterations enclose its declaration.
    pub level: u32,
    /// Its identity in the index.
    pub symbol: Symbol,
    /// Of a stage that gives nothing and has `on error skip`: it is null whatever happened.
    pub gives_nothing: bool,
}

/// A variable, or fields of one: the only things whose type can be narrowed, since nothing
/// between the test and the use can change them unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub local: u32,
    pub fields: Vec<SmolStr>,
}

/// A path whose type is known better than declared.
#[derive(Debug, Clone)]
struct Fact {
    path: Path,
    ty: Ty,
    /// Whether an assignment has ended it.
    dead: bool,
}

/// Where a scope begins, among the variables and facts, and where in the text it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    locals: usize,
    facts: usize,
    /// The end of its text, in bytes.
    pub end: u32,
}

/// The variables that can be seen at a place of a body, and the slots that were given out so far.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    locals: Vec<Local>,
    /// The variables of each name, the innermost last.
    names: HashMap<SmolStr, Vec<u32>>,
    /// Names whose scope has ended, for the message that a value may not be set.
    ended: HashMap<SmolStr, Span>,
    slots: u32,
    facts: Vec<Fact>,
}

impl Scope {
    /// A slot that nothing uses yet.
    pub fn new_slot(&mut self) -> ir::Slot {
        self.slots += 1;
        ir::Slot(self.slots - 1)
    }

    /// How many slots were given out.
    pub fn slot_count(&self) -> u32 {
        self.slots
    }

    /// How many variables there are.
    pub fn len(&self) -> usize {
        self.locals.len()
    }

    /// The variables, in the order of their declarations.
    pub fn locals(&self) -> &[Local] {
        &self.locals
    }

    /// A variable by its number.
    pub fn local(&self, index: u32) -> &Local {
        &self.locals[index as usize]
    }

    /// A variable by its number, to be changed.
    pub fn local_mut(&mut self, index: u32) -> &mut Local {
        &mut self.locals[index as usize]
    }

    /// The slot of a variable.
    pub fn slot(&self, index: u32) -> ir::Slot {
        self.local(index).slot
    }

    /// Adds a variable; gives its number.
    pub fn add(&mut self, local: Local) -> u32 {
        let index = self.locals.len() as u32;
        if !local.name.is_empty() && local.name != "_" {
            self.names.entry(local.name.clone()).or_default().push(index);
        }
        self.locals.push(local);
        index
    }

    /// The number of the variable that a name means here.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.names.get(name).and_then(|v| v.last()).copied()
    }

    /// Names of all variables that can be seen here.
    pub fn visible_names(&self) -> impl Iterator<Item = &SmolStr> {
        self.names.iter().filter(|(_, v)| !v.is_empty()).map(|(n, _)| n)
    }

    /// Where a variable was declared whose scope has ended.
    pub fn find_ended(&self, name: &str) -> Option<Span> {
        self.ended.get(name).copied()
    }

    /// Counts the variable of a slot as used.
    pub fn use_slot(&mut self, slot: ir::Slot) {
        self.locals.iter_mut().filter(|local| local.slot == slot).for_each(|local| local.used = true);
    }

    /// Counts every variable as used.
    pub fn use_all(&mut self) {
        self.locals.iter_mut().for_each(|local| local.used = true);
    }

    /// Begins a scope that ends with the given text; its mark is given to [`Scope::leave`].
    pub fn enter(&self, text: Span) -> Mark {
        Mark { locals: self.locals.len(), facts: self.facts.len(), end: text.end }
    }

    /// The mark of the scope around all others, which ends at an offset.
    pub fn outermost(end: u32) -> Mark {
        Mark { locals: 0, facts: 0, end }
    }

    /// Ends the scope that began at the mark; gives its variables, the last one first.
    pub fn leave(&mut self, mark: Mark) -> Vec<Local> {
        self.facts.truncate(mark.facts);
        let mut gone = self.locals.split_off(mark.locals.min(self.locals.len()));
        gone.reverse();
        for local in &gone {
            if let Some(indexes) = self.names.get_mut(&local.name) {
                indexes.pop();
            }
            if matches!(local.kind, LocalKind::Stage | LocalKind::Let | LocalKind::Var) {
                self.ended.insert(local.name.clone(), local.span);
            }
        }
        gone
    }

    /// The path that an expression reads, if it is one.
    pub fn path(&self, e: &Expr) -> Option<Path> {
        match &e.kind {
            ExprKind::Name(name) => self.find(&name.text).map(|local| Path { local, fields: Vec::new() }),
            ExprKind::Field { receiver, name, .. } => {
                let mut path = self.path(receiver)?;
                path.fields.push(name.text.clone());
                Some(path)
            }
            ExprKind::Paren(inner) => self.path(inner),
            _ => None,
        }
    }

    /// What is known of a path beyond its declared type.
    pub fn narrowed_type(&self, path: &Path) -> Option<Ty> {
        self.facts.iter().rev().find(|f| !f.dead && f.path == *path).map(|f| f.ty)
    }

    /// Holds for the rest of the scope that these are not null. A safe access that is not null
    /// tells that its receiver is not null either.
    pub fn assume_not_null(&mut self, types: &Types, paths: &[&Expr]) {
        for e in paths {
            let mut e: &Expr = e;
            loop {
                self.assume_one_not_null(types, e);
                match &e.kind {
                    ExprKind::Field { receiver, safe: true, .. } => e = receiver,
                    ExprKind::Paren(inner) => e = inner,
                    _ => break,
                }
            }
        }
    }

    fn assume_one_not_null(&mut self, types: &Types, e: &Expr) {
        let Some(path) = self.path(e) else { return };
        let Some(ty) = self.path_type(types, &path) else { return };
        if types.nullable(ty) && ty != Ty::JSON && ty != Ty::ERROR {
            self.facts.push(Fact { path, ty: types.non_null(ty), dead: false });
        }
    }

    /// The type of a path as known here.
    fn path_type(&self, types: &Types, path: &Path) -> Option<Ty> {
        if let Some(ty) = self.narrowed_type(path) {
            return Some(ty);
        }
        match path.fields.split_last() {
            None => Some(self.local(path.local).ty),
            Some((last, before)) => {
                let outer = self.path_type(types, &Path { local: path.local, fields: before.to_vec() })?;
                types.field(types.non_null(outer), last)
            }
        }
    }

    /// Forgets what is known of a variable that is assigned.
    pub fn forget_facts(&mut self, local: u32) {
        for fact in self.facts.iter_mut().filter(|f| f.path.local == local) {
            fact.dead = true;
        }
    }

    /// Forgets what is known of every `var`: the body of a loop may assign it further down.
    pub fn forget_facts_of_vars(&mut self) {
        for fact in &mut self.facts {
            if self.locals[fact.path.local as usize].kind == LocalKind::Var {
                fact.dead = true;
            }
        }
    }

    /// Does something without what tests tell of the variables.
    pub fn take_facts(&mut self) -> Facts {
        Facts(std::mem::take(&mut self.facts))
    }

    /// Takes back what [`Scope::take_facts`] gave.
    pub fn restore_facts(&mut self, facts: Facts) {
        self.facts = facts.0;
    }
}

/// What tests tell of the variables at a place.
#[derive(Debug)]
pub(crate) struct Facts(Vec<Fact>);

/// Paths that are not null when a condition holds, and when it does not.
#[derive(Debug, Default)]
pub(crate) struct NotNull<'e> {
    pub when_true: Vec<&'e Expr>,
    pub when_false: Vec<&'e Expr>,
}

/// What a condition tells of null.
pub(crate) fn not_null_paths(condition: &Expr) -> NotNull<'_> {
    match &condition.kind {
        ExprKind::Paren(inner) => not_null_paths(inner),
        ExprKind::Unary(UnaryOp::Not, inner) => {
            let inner = not_null_paths(inner);
            NotNull { when_true: inner.when_false, when_false: inner.when_true }
        }
        ExprKind::Binary(a, BinaryOp::And, b) => {
            let (mut a, b) = (not_null_paths(a), not_null_paths(b));
            a.when_true.extend(b.when_true);
            NotNull { when_true: a.when_true, when_false: Vec::new() }
        }
        ExprKind::Binary(a, BinaryOp::Or, b) => {
            let (mut a, b) = (not_null_paths(a), not_null_paths(b));
            a.when_false.extend(b.when_false);
            NotNull { when_true: Vec::new(), when_false: a.when_false }
        }
        ExprKind::Binary(a, op @ (BinaryOp::Ne | BinaryOp::Eq), b) => {
            let tested = match (&a.kind, &b.kind) {
                (_, ExprKind::Null) => a,
                (ExprKind::Null, _) => b,
                // `x == 3` tells that x is not null; `x != 3` tells so when it is false.
                (_, ExprKind::Int(_) | ExprKind::Str(_) | ExprKind::Bool(_) | ExprKind::Float(_)) => {
                    return if *op == BinaryOp::Eq {
                        NotNull { when_true: vec![a], when_false: Vec::new() }
                    } else {
                        NotNull { when_true: Vec::new(), when_false: vec![a] }
                    };
                }
                _ => return NotNull::default(),
            };
            if *op == BinaryOp::Ne {
                NotNull { when_true: vec![tested], when_false: Vec::new() }
            } else {
                NotNull { when_true: Vec::new(), when_false: vec![tested] }
            }
        }
        _ => NotNull::default(),
    }
}

#[cfg(test)]
mod tests {
    use cascade_grammar::ast::Span;

    use super::{Local, LocalKind, Scope};
    use crate::{flow::Flow, index::Symbol, types::Ty};

    fn local(scope: &mut Scope, name: &str, kind: LocalKind) -> u32 {
        let slot = scope.new_slot();
        scope.add(Local {
            name: name.into(),
            slot,
            ty: Ty::INT,
            flow: Flow::default(),
            kind,
            span: Span::default(),
            used: false,
            level: 0,
            symbol: Symbol::Missing,
            gives_nothing: false,
        })
    }

    #[test]
    fn a_name_means_the_innermost_variable() {
        let mut scope = Scope::default();
        let outer = local(&mut scope, "x", LocalKind::Let);
        let mark = scope.enter(Span { start: 0, end: 9 });
        let inner = local(&mut scope, "x", LocalKind::Bound);
        assert_eq!(scope.find("x"), Some(inner));
        let gone = scope.leave(mark);
        assert_eq!(gone.iter().map(|local| local.kind).collect::<Vec<_>>(), [LocalKind::Bound]);
        assert_eq!((scope.find("x"), scope.find_ended("x")), (Some(outer), None));
        assert_eq!(scope.slot_count(), 2);
    }

    #[test]
    fn a_scope_that_has_ended_leaves_the_places_of_its_values() {
        let mut scope = Scope::default();
        let mark = scope.enter(Span::default());
        local(&mut scope, "stage", LocalKind::Stage);
        local(&mut scope, "item", LocalKind::Bound);
        assert_eq!(scope.leave(mark).len(), 2);
        assert_eq!(scope.find("stage"), None);
        assert!(scope.find_ended("stage").is_some() && scope.find_ended("item").is_none());
    }
}
