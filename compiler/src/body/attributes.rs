//! Attributes of declarations and statements, with their constant arguments.

use cascade_grammar::ast::{Attribute, ExprKind, Item};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{BodyChecker, BodyInput, BodyKind};
use crate::{
    checks::attributes::{Target, argument_count, unknown_or_misplaced},
    findings::Findings,
    types::Ty,
};

/// Checks the attributes of a declaration whose body does not need them.
pub(crate) fn check_attributes(input: BodyInput<'_>, module: usize, item: &Item) -> Findings {
    let mut body = BodyChecker::new(input, module, BodyKind::Constant);
    body.check_attributes(&item.attributes, Target::of_item(item));
    body.context.findings
}

impl BodyChecker<'_> {
    /// The attributes before a target, with their constant arguments; reports wrong ones.
    pub(super) fn check_attributes(
        &mut self,
        attributes: &[Attribute],
        target: Target,
    ) -> Vec<(SmolStr, Vec<ir::Const>)> {
        let mut out = Vec::new();
        for attribute in attributes {
            let name = &attribute.name;
            self.context.record_words([name]);
            if name.text.is_empty() {
                continue;
            }
            if let Some(d) = unknown_or_misplaced(self.context.view(), attribute, target) {
                self.context.report(d);
                continue;
            }
            if name.text == "allow" {
                // Its codes are judged when it is known what they silence.
                for arg in &attribute.args {
                    if let ExprKind::Name(code) = &arg.kind {
                        self.context.record_words([code]);
                    }
                }
                out.push((name.text.clone(), Vec::new()));
                continue;
            }
            self.context.report(argument_count(self.context.view(), attribute));
            let mut args = Vec::new();
            for arg in &attribute.args {
                if let ir::Expr::Const(value) = self.check_constant(arg, Ty::STRING) {
                    args.push(value);
                }
            }
            out.push((name.text.clone(), args));
        }
        out
    }
}
