//! The order of bodies: what is called is checked before what calls it.

use cascade_grammar::ast::{Expr, ExprKind, ItemKind, Span};

use crate::{
    codes, depth_first,
    diagnostic::Diagnostic,
    walk,
    world::{Def, Signature, World},
};

/// The positions of declarations in an order, and reports of whatever calls itself, each with its
/// module.
pub(super) type Order = (Vec<usize>, Vec<(usize, Diagnostic)>);

/// The order of the bodies of all fns.
pub(super) fn order_of_fns(world: World<'_>) -> Order {
    order_of(world, &world.declared.fns, |index| {
        let origin = world.declared.fns[index].origin;
        let mut callees = Vec::new();
        let item = &world.files.item(origin.module, origin.item).kind;
        let mut visit = |e: &Expr| {
            let found = match used_declaration(world, origin.module, e) {
                // A parameter may be named like a constant.
                Some(found @ (Def::Const(_), _)) if !names_parameter(item, e) => Some(found),
                _ => called_declaration(world, origin.module, e),
            };
            if let Some((Def::Fn(id) | Def::Const(id), span)) = found {
                callees.push((id.index(), span));
            }
        };
        match item {
            ItemKind::Fn(decl) => walk::fn_body(&decl.body, &mut visit),
            ItemKind::Const(decl) => walk::walk_expr(&decl.value, &mut visit),
            _ => {}
        }
        callees
    })
}

/// The order of the bodies of all cascades.
pub(super) fn order_of_cascades(world: World<'_>) -> Order {
    order_of(world, &world.declared.cascades, |index| {
        let origin = world.declared.cascades[index].origin;
        let mut callees = Vec::new();
        if let ItemKind::Cascade(decl) = &world.files.item(origin.module, origin.item).kind {
            let mut visit = |e: &Expr| {
                if let Some((Def::Cascade(id), span)) = called_declaration(world, origin.module, e) {
                    callees.push((id.index(), span));
                }
            };
            walk::walk_clauses(&decl.clauses, &mut visit);
            walk::walk_block(&decl.body, &mut visit);
        }
        callees
    })
}

fn order_of(world: World<'_>, signatures: &[Signature], callees: impl Fn(usize) -> Vec<(usize, Span)>) -> Order {
    let found = depth_first::search_depth_first(signatures.len(), callees);
    let mut recursion = Vec::new();
    for cycle in found.cycles {
        let (Some(first), Some(last)) = (cycle.nodes.first(), cycle.nodes.last()) else { continue };
        let way: Vec<String> =
            cycle.nodes.iter().chain([first]).map(|i| format!("`{}`", signatures[*i].name)).collect();
        let constant = cycle.nodes.iter().all(|i| signatures[*i].is_constant);
        let message = match (way.len(), constant) {
            (2, true) => format!("{} is made of itself", way[0]),
            (_, true) => format!("these constants are made of each other: {}", way.join(" → ")),
            (2, false) => format!("{} calls itself", way[0]),
            (_, false) => format!("these call each other: {}", way.join(" → ")),
        };
        let module = signatures[*last].origin.module;
        let d = Diagnostic::new(codes::RECURSION, world.files.source(module), cycle.closing, message)
            .label("begins again here");
        let d = match constant {
            true => d.help("give one of them a value that needs no other constant"),
            false => d.help("recursion is not allowed, so that every run has a bound; use `repeat max n` or `for`"),
        };
        recursion.push((module, d));
    }
    (found.order, recursion)
}

/// Whether a name is that of a parameter of a fn.
fn names_parameter(item: &ItemKind, e: &Expr) -> bool {
    match (item, &e.kind) {
        (ItemKind::Fn(decl), ExprKind::Name(name)) => decl.params.iter().any(|param| param.name.text == name.text),
        _ => false,
    }
}

/// What a call names that is declared in a file, with where it is named.
fn called_declaration(world: World<'_>, module: usize, e: &Expr) -> Option<(Def, Span)> {
    match &e.kind {
        ExprKind::Call { callee, .. } => used_declaration(world, module, callee),
        _ => None,
    }
}

/// What a name or the member of a module stands for that is declared in a file.
fn used_declaration(world: World<'_>, module: usize, e: &Expr) -> Option<(Def, Span)> {
    let scope = &world.declared.scopes[module];
    let def = match &e.kind {
        ExprKind::Name(name) => scope.get(&name.text)?.def,
        ExprKind::Field { receiver, name, .. } => match &receiver.kind {
            ExprKind::Name(base) => match scope.get(&base.text)?.def {
                Def::Module(other) => world.find_exported(other, &name.text)?,
                _ => return None,
            },
            _ => return None,
        },
        _ => return None,
    };
    Some((def, e.span))
}
