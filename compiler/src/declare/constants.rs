//! The types of the constants of files (`let limit = 3` between declarations).
//!
//! A constant is checked twice: here for its type, which everything else needs, and later as the body
//! of a fn without parameters, where what is wrong with it is reported.

use cascade_grammar::ast::{Expr, ExprKind, ItemKind, Span};
use cascade_ir as ir;

use super::Declarer;
use crate::{
    depth_first,
    findings::Findings,
    walk,
    world::{Def, World},
};

impl Declarer<'_> {
    /// Finds the types of all constants, and the values of those that are literals.
    pub(super) fn declare_constants(&mut self) {
        self.declare_results_of_fns();
        let found = depth_first::search_depth_first(self.declared.fns.len(), |index| self.constants_of(index));
        for index in found.order {
            self.declare_constant(index);
        }
    }

    /// A constant may call a fn: its result is needed before its parameters.
    fn declare_results_of_fns(&mut self) {
        for index in 0..self.declared.fns.len() {
            let origin = self.declared.fns[index].origin;
            if let ItemKind::Fn(decl) = &self.files.item(origin.module, origin.item).kind
                && let Some(ty) = &decl.result
            {
                let result = self.resolve_type(origin.module, ty);
                self.declared.fns[index].result = result;
            }
        }
    }

    /// The constants that the value of a constant names, by their positions among the fns.
    fn constants_of(&self, index: usize) -> Vec<(usize, Span)> {
        let mut out = Vec::new();
        let origin = self.declared.fns[index].origin;
        if let ItemKind::Const(decl) = &self.files.item(origin.module, origin.item).kind {
            walk::walk_expr(&decl.value, &mut |e| {
                if let Some(Def::Const(id)) = self.constant_named(origin.module, e) {
                    out.push((id.index(), e.span));
                }
            });
        }
        out
    }

    /// What a name, or the member of a module, stands for.
    fn constant_named(&self, module: usize, e: &Expr) -> Option<Def> {
        match &e.kind {
            ExprKind::Name(name) => self.world().find_name(module, &name.text),
            ExprKind::Field { receiver, name, .. } => {
                let ExprKind::Name(base) = &receiver.kind else { return None };
                let Some(Def::Module(other)) = self.world().find_name(module, &base.text) else { return None };
                self.world().find_exported(other, &name.text)
            }
            _ => None,
        }
    }

    fn declare_constant(&mut self, index: usize) {
        let origin = self.declared.fns[index].origin;
        let ItemKind::Const(decl) = &self.files.item(origin.module, origin.item).kind else { return };
        self.check_value_name(origin.module, &decl.name);
        let declared = decl.ty.as_ref().map(|ty| self.resolve_type(origin.module, ty));
        let world = World { files: self.files, declared: &self.declared };
        let checked = self.expressions.check_constant(
            world,
            &mut self.types,
            origin.module,
            &decl.value,
            declared,
            Findings::default(),
        );
        let signature = &mut self.declared.fns[index];
        signature.result = declared.unwrap_or(checked.ty);
        signature.literal = is_literal(&checked.ir).then_some(checked.ir);
    }
}

/// Whether a value is written out in full, so that it can stand wherever the constant is named.
fn is_literal(e: &ir::Expr) -> bool {
    match e {
        ir::Expr::Const(_) => true,
        ir::Expr::List(items) => items.iter().all(is_literal),
        ir::Expr::Record(fields) | ir::Expr::Variant { fields, .. } => {
            fields.iter().all(|(_, value)| is_literal(value))
        }
        _ => false,
    }
}
