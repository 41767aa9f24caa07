//! Expressions without a body of their own: defaults, first values, predicates of refined types.

use cascade_grammar::ast::Expr;
use cascade_ir as ir;

use super::{BodyChecker, BodyInput, BodyKind, Typed};
use crate::{
    callees::Callees,
    declare::{CheckExpressions, CheckedExpression},
    findings::Findings,
    types::{Ty, Types},
    world::World,
};

/// Checks the expressions of declarations by the checker of bodies.
pub(crate) struct DeclaredExpressions;

impl CheckExpressions for DeclaredExpressions {
    fn check_predicate(
        &self,
        world: World<'_>,
        types: &mut Types,
        module: usize,
        base: Ty,
        predicate: &Expr,
        findings: Findings,
    ) -> CheckedExpression {
        let callees = Callees::default();
        let input = BodyInput { world, types, callees: &callees, findings };
        let mut body = BodyChecker::new(input, module, BodyKind::Fn);
        let it = body.declare_implicit("it", predicate.span, base);
        let value = body.check(predicate, Ty::BOOL);
        let it = body.scope.local(it).clone();
        body.record_variable(&it, predicate.span.end);
        body.into_checked(value)
    }

    fn check_constant(
        &self,
        world: World<'_>,
        types: &mut Types,
        module: usize,
        value: &Expr,
        expected: Option<Ty>,
        findings: Findings,
    ) -> CheckedExpression {
        let callees = Callees::default();
        let input = BodyInput { world, types, callees: &callees, findings };
        let mut body = BodyChecker::new(input, module, BodyKind::Constant);
        let value = match expected {
            Some(ty) => body.check(value, ty),
            None => body.infer(value),
        };
        body.into_checked(value)
    }
}

impl BodyChecker<'_> {
    /// The checked expression, with all that was found on the way.
    fn into_checked(self, value: Typed) -> CheckedExpression {
        let slots = self.scope.slot_count();
        let (variables, findings) = (self.outcome.variables, self.context.findings);
        CheckedExpression { ir: value.ir, ty: value.ty, slots, variables, findings }
    }

    /// The value of an expression without variables, where a value of the type is expected.
    pub(super) fn check_constant(&mut self, value: &Expr, expected: Ty) -> ir::Expr {
        let findings = std::mem::take(&mut self.context.findings);
        let checked = DeclaredExpressions.check_constant(
            self.context.world,
            self.context.types,
            self.context.module,
            value,
            Some(expected),
            findings,
        );
        self.context.findings = checked.findings;
        checked.ir
    }
}
