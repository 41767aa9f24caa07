//! Lambdas, which are arguments of methods.

use cascade_grammar::ast::{Expr, ExprKind};
use cascade_ir as ir;

use super::{BodyChecker, Typed, variables::Target};
use crate::{codes, flow::Flow, scope::LocalKind, types::Ty, world::Def};

impl BodyChecker<'_> {
    /// Checks a lambda whose parameters have known types. Its type is that of its body. The name of a
    /// `fn` stands for the lambda that calls it.
    pub(super) fn check_lambda(&mut self, e: &Expr, params: &[Ty], flow: Flow, expected: Option<Ty>) -> Typed {
        if let ExprKind::Name(name) = &e.kind
            && let Target::Declared(Def::Fn(id)) = self.probe(name)
        {
            self.resolve(name);
            return self.check_fn_as_lambda(id, e, params, flow, expected);
        }
        let ExprKind::Lambda { params: names, body } = &e.kind else {
            let found = self.infer(e);
            if found.ty != Ty::ERROR {
                let d = self
                    .diagnostic(codes::MISMATCH, e.span, "a lambda is needed here")
                    .label("not a function")
                    .help(match params.len() {
                        1 => "write `|x| …`",
                        _ => "write `|acc, x| …`",
                    });
                self.report(d);
            }
            return Typed::error();
        };
        if names.len() != params.len() {
            let d = self
                .diagnostic(
                    codes::ARGUMENTS,
                    e.span,
                    format!("this lambda is given {} value{}", params.len(), if params.len() == 1 { "" } else { "s" }),
                )
                .label(format!("takes {}", names.len()));
            self.report(d);
        }
        let mark = self.enter(e.span);
        let mut slots = Vec::with_capacity(params.len());
        for (i, name) in names.iter().enumerate() {
            let ty = params.get(i).copied().unwrap_or(Ty::ERROR);
            let index = self.declare(&name.text, name.span, ty, flow.clone(), LocalKind::Bound);
            slots.push(self.scope.slot(index));
        }
        while slots.len() < params.len() {
            slots.push(self.scope.new_slot());
        }
        let value = match expected {
            Some(ty) => self.check(body, ty),
            None => self.infer(body),
        };
        self.leave(mark);
        Typed::new(ir::Expr::Lambda(slots, Box::new(value.ir)), value.ty, value.flow)
    }

    /// The lambda that calls a `fn`.
    fn check_fn_as_lambda(&mut self, id: ir::FnId, e: &Expr, params: &[Ty], flow: Flow, expected: Option<Ty>) -> Typed {
        let signature = &self.world.declared.fns[id.index()];
        let required = signature.params.iter().filter(|p| p.default.is_none()).count();
        if params.len() < required || params.len() > signature.params.len() {
            let d = self
                .diagnostic(
                    codes::ARGUMENTS,
                    e.span,
                    format!(
                        "`{}` is given {} value{} here",
                        signature.name,
                        params.len(),
                        if params.len() == 1 { "" } else { "s" }
                    ),
                )
                .label(format!("takes {}", signature.params.len()));
            self.report(d);
            return Typed::error();
        }
        let mut slots = Vec::new();
        let mut args = Vec::new();
        for (i, param) in signature.params.iter().enumerate() {
            match params.get(i) {
                Some(ty) => {
                    let slot = self.scope.new_slot();
                    slots.push(slot);
                    let value = Typed::new(ir::Expr::Slot(slot), *ty, flow.clone());
                    args.push(self.coerce(value, param.ty, e.span).ir);
                }
                None => args.extend(param.default.clone()),
            }
        }
        let call = Typed::new(ir::Expr::Call(id, args), signature.result, flow.clone());
        let value = match expected {
            Some(ty) => self.coerce(call, ty, e.span),
            None => call,
        };
        Typed::new(ir::Expr::Lambda(slots, Box::new(value.ir)), value.ty, flow)
    }
}
