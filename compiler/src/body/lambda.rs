//! Lambdas, which are arguments of methods.

use cascade_grammar::ast::{Expr, ExprKind, Name};
use cascade_ir as ir;

use super::{BodyChecker, Typed, variables::Target};
use crate::{codes, flow::Flow, scope::LocalKind, types::Ty, world::Def};

impl BodyChecker<'_> {
    /// A name in an expression that stands for nothing: the parameter of a lambda that is written without `|x|`.
    fn find_unknown_name<'e>(&self, e: &'e Expr) -> Option<&'e Name> {
        match &e.kind {
            ExprKind::Name(name) => {
                let unknown = !name.text.is_empty() && matches!(self.probe(name), Target::Unknown);
                (unknown && !self.unreadable.header && !self.unreadable.names.contains(&name.text)).then_some(name)
            }
            ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => self.find_unknown_name(inner),
            ExprKind::Field { receiver, .. } => self.find_unknown_name(receiver),
            ExprKind::Binary(a, _, b) => self.find_unknown_name(a).or_else(|| self.find_unknown_name(b)),
            ExprKind::Call { callee, args, .. } => match &callee.kind {
                ExprKind::Field { receiver, .. } => self.find_unknown_name(receiver),
                _ => args.iter().find_map(|arg| self.find_unknown_name(&arg.value)),
            },
            _ => None,
        }
    }

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
            if let Some(unknown) = self.find_unknown_name(e) {
                let body = self.context.source_text(e.span);
                let shown = if body.len() > 40 || body.contains('\n') { "…" } else { body };
                let help = match unknown.text.as_str() {
                    "_" => format!("write `|x| {}`", shown.replacen('_', "x", 1)),
                    name => format!("write `|{name}| {shown}`"),
                };
                let d = self.context.diagnostic(codes::MISMATCH, e.span, "a lambda is needed here");
                self.context.report(d.label("its parameter is not declared").help(help));
                return Typed::error();
            }
            let found = self.infer(e);
            if found.ty != Ty::ERROR {
                let d = self
                    .context
                    .diagnostic(codes::MISMATCH, e.span, "a lambda is needed here")
                    .label("not a function")
                    .help(match params.len() {
                        1 => "write `|x| …`",
                        _ => "write `|acc, x| …`",
                    });
                self.context.report(d);
            }
            return Typed::error();
        };
        if names.len() != params.len() {
            let d = self
                .context
                .diagnostic(
                    codes::ARGUMENTS,
                    e.span,
                    format!("this lambda is given {} value{}", params.len(), if params.len() == 1 { "" } else { "s" }),
                )
                .label(format!("takes {}", names.len()));
            self.context.report(d);
        }
        let mark = self.enter_scope(e.span);
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
        self.leave_scope(mark);
        Typed::new(ir::Expr::Lambda(slots, Box::new(value.ir)), value.ty, value.flow)
    }

    /// The lambda that calls a `fn`.
    fn check_fn_as_lambda(&mut self, id: ir::FnId, e: &Expr, params: &[Ty], flow: Flow, expected: Option<Ty>) -> Typed {
        let signature = &self.context.world.declared.fns[id.index()];
        let required = signature.params.iter().filter(|p| p.default.is_none()).count();
        if params.len() < required || params.len() > signature.params.len() {
            let d = self
                .context
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
            self.context.report(d);
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
