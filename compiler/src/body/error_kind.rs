//! Kinds of errors, by their names.

use cascade_grammar::ast::Name;
use cascade_ir as ir;

use super::BodyChecker;
use crate::{
    checks::names::unknown_word,
    codes,
    suggest::{closest_name, quoted_list},
};

/// The kinds of errors, by the names that programs give them.
pub(crate) const KINDS: &[(&str, ir::ErrorKind)] = &[
    ("timed_out", ir::ErrorKind::TimedOut),
    ("rate_limited", ir::ErrorKind::RateLimited),
    ("quota_exhausted", ir::ErrorKind::QuotaExhausted),
    ("unavailable", ir::ErrorKind::Unavailable),
    ("invalid_output", ir::ErrorKind::InvalidOutput),
    ("command_failed", ir::ErrorKind::CommandFailed),
    ("refused", ir::ErrorKind::Refused),
    ("over_budget", ir::ErrorKind::OverBudget),
    ("merge_conflict", ir::ErrorKind::MergeConflict),
    ("denied", ir::ErrorKind::Denied),
    ("cancelled", ir::ErrorKind::Cancelled),
    ("failed", ir::ErrorKind::Failed),
    ("internal", ir::ErrorKind::Internal),
];

impl BodyChecker<'_> {
    /// The kind of error that a name stands for; reports an unknown one.
    pub(super) fn resolve_error_kind(&mut self, name: &Name) -> Option<ir::ErrorKind> {
        self.context.record_word(name);
        let found = KINDS.iter().find(|(n, _)| *n == name.text).map(|(_, k)| *k);
        if found.is_none() && !name.text.is_empty() {
            let known = KINDS.iter().map(|(n, _)| *n);
            let message = format!("there is no kind of error `{}`", name.text);
            let near = closest_name(&name.text, known.clone()).is_some();
            if !near && (name.text.len() <= 3 || matches!(name.text.as_str(), "err" | "error" | "exception" | "_")) {
                // As in `catch (e)`: the name of the error.
                let d = self
                    .context
                    .diagnostic(codes::UNKNOWN_VARIANT, name.span, message)
                    .label("not a kind of error")
                    .help(format!("the error gets its name by `as`: `on error as {} …`", name.text));
                self.context.report(d);
                self.unreadable.names.push(name.text.clone());
                return None;
            }
            let otherwise = format!("the kinds are {}", quoted_list(known.clone()));
            self.context.report(unknown_word(
                self.context.view(),
                codes::UNKNOWN_VARIANT,
                name,
                message,
                known,
                otherwise,
            ));
        }
        found
    }
}
