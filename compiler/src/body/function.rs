//! Bodies of `fn`: one expression, or `let` lines and an expression; and constants of files.

use cascade_grammar::ast::{ConstDecl, FnBody, FnDecl};
use cascade_ir as ir;

use super::{BodyChecker, BodyInput, BodyKind};
use crate::{findings::Findings, flow::Flow, scope::LocalKind};

/// A checked `fn`.
pub(crate) struct CheckedFn {
    pub ir: ir::Function,
    pub findings: Findings,
}

/// Checks the body of a `fn`.
pub(crate) fn check_fn(input: BodyInput<'_>, id: ir::FnId, decl: &FnDecl) -> CheckedFn {
    let signature = &input.world.declared.fns[id.index()];
    let mut body = BodyChecker::new(input, signature.origin.module, BodyKind::Fn);
    body.check_header(decl.name.span, decl.body.span());
    body.of = Some(signature.of);
    for (i, (param, ast)) in signature.params.iter().zip(&decl.params).enumerate() {
        body.declare(&param.name, ast.name.span, param.ty, Flow::of_param(i), LocalKind::Param);
    }
    let value = match &decl.body {
        FnBody::Expr(value) => body.check(value, signature.result),
        FnBody::Block(block) => body.check_fn_block(block, signature.result),
    };
    body.leave_body(decl.body.span().end);
    let ir = ir::Function {
        name: decl.name.text.clone(),
        params: signature.params.len() as u32,
        slots: body.scope.slot_count(),
        body: value.ir,
    };
    CheckedFn { ir, findings: body.context.findings }
}

/// Checks a constant of a file, which is a fn without parameters.
pub(crate) fn check_const(input: BodyInput<'_>, id: ir::FnId, decl: &ConstDecl) -> CheckedFn {
    let signature = &input.world.declared.fns[id.index()];
    let mut body = BodyChecker::new(input, signature.origin.module, BodyKind::Fn);
    body.check_header(decl.name.span, decl.value.span);
    let value = match decl.ty {
        Some(_) => body.check(&decl.value, signature.result),
        None => body.infer(&decl.value),
    };
    let value = body.check_open_type(value, decl.value.span);
    body.leave_body(decl.value.span.end);
    let ir = ir::Function { name: decl.name.text.clone(), params: 0, slots: body.scope.slot_count(), body: value.ir };
    CheckedFn { ir, findings: body.context.findings }
}
