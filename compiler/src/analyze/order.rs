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
        if let ItemKind::Fn(decl) = &world.files.item(origin.module, origin.item).kind {
            walk::expr(&decl.body, &mut |e| {
                if let Some((Def::Fn(id), span)) = called_declaration(world, origin.module, e) {
                    callees.push((id.index(), span));
                }
            });
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
            walk::clauses(&decl.clauses, &mut visit);
            walk::block(&decl.body, &mut visit);
        }
        callees
    })
}

fn order_of(world: World<'_>, signatures: &[Signature], callees: impl Fn(usize) -> Vec<(usize, Span)>) -> Order {
    let found = depth_first::search(signatures.len(), callees);
    let mut recursion = Vec::new();
    for cycle in found.cycles {
        let (Some(first), Some(last)) = (cycle.nodes.first(), cycle.nodes.last()) else { continue };
        let way: Vec<String> =
            cycle.nodes.iter().chain([first]).map(|i| format!("`{}`", signatures[*i].name)).collect();
        let message = if way.len() == 2 {
            format!("{} calls itself", way[0])
        } else {
            format!("these call each other: {}", way.join(" → "))
        };
        let module = signatures[*last].origin.module;
        let d = Diagnostic::new(codes::RECURSION, world.files.source(module), cycle.closing, message)
            .label("begins again here")
            .help("recursion is not allowed, so that every run has a bound; use `repeat max n` or `for`");
        recursion.push((module, d));
    }
    (found.order, recursion)
}

/// What a call names that is declared in a file, with where it is named.
fn called_declaration(world: World<'_>, module: usize, e: &Expr) -> Option<(Def, Span)> {
    let ExprKind::Call { callee, .. } = &e.kind else { return None };
    let scope = &world.declared.scopes[module];
    let def = match &callee.kind {
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
    Some((def, callee.span))
}
