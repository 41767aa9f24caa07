//! The effect of clauses on the cost of their work: attempts, pauses, other models, fallbacks, limits.

use std::rc::Rc;

use cascade_ir::{
    Cascade, Clauses, ErrorAction, Expr, ModelRef, Place,
    limits::{BACKOFF, MAX_RETRIES},
};
use smol_str::{SmolStr, format_smolstr};

use super::{
    Context, Variables, Walk,
    amounts::{Amounts, ExceededBudget, NoteKind},
    figure::{Figure, Repetition},
    poly::Poly,
    value_bounds::ValueBounds,
};

impl<'p> Walk<'p> {
    /// A cascade: its body under its clauses, then its hooks.
    pub(super) fn guarded_cascade(
        &mut self,
        cascade: &'p Cascade,
        variables: &mut Variables<'p>,
        around: &Context,
    ) -> Amounts {
        let inside = Context { place: cascade.place, stage: cascade.name.clone(), ..around.clone() };
        let mut sum =
            self.guarded(&cascade.clauses, variables, &inside, cascade.place, &cascade.name, |walk, v, around| {
                walk.block(&cascade.body, v, around)
            });
        let mut hooks = self.hook(cascade.on_success.as_ref(), variables, around);
        hooks.join(&self.hook(cascade.on_failure.as_ref(), variables, around));
        let on_cancel = self.hook(cascade.on_cancel.as_ref(), variables, around);
        let mut cut = sum.cancel.clone();
        // When an enclosing cascade is cut off, the hooks of the nested cascade run first.
        cut.add(&on_cancel.time);
        hooks.join(&on_cancel);
        cut.join(&hooks.cancel);
        sum.add(&hooks);
        sum.cancel = cut;
        sum
    }

    /// The cost of work under its clauses.
    pub(super) fn guarded(
        &mut self,
        clauses: &'p Clauses,
        variables: &mut Variables<'p>,
        around: &Context,
        place: Place,
        name: &SmolStr,
        work: impl Fn(&mut Self, &mut Variables<'p>, &Context) -> Amounts,
    ) -> Amounts {
        let mut inside = around.clone();
        if !clauses.needs.is_empty() {
            inside.needs = Rc::new([&around.needs[..], &clauses.needs[..]].concat());
        }
        if let Some(using) = &clauses.using {
            inside.using = self.models(using, variables).0;
        }
        let repeats = |action: &ErrorAction| matches!(action, ErrorAction::Use(_) | ErrorAction::Escalate { .. });
        let repeated = clauses.retry.is_some() || clauses.on_error.iter().any(|h| repeats(&h.action));
        inside.asks_again = false;
        let timeout = self.upper_bound(clauses.timeout.as_ref(), variables);
        let first = self.attempt(&inside, timeout, place, variables, &work);
        let retries = match &clauses.retry {
            Some(retry) => {
                let most = self.estimator.eval(&retry.count, &mut variables.bounds).upper_bound(self.program);
                let limit = Poly::number(MAX_RETRIES.unsigned_abs().into());
                match most {
                    // A bound with a variable is more useful to the reader than the general maximum.
                    Some(most) if most.as_number().is_none() => most,
                    most => most.map_or(limit.clone(), |most| most.smaller(&limit)),
                }
            }
            None => Poly::default(),
        };
        let mut any = first.clone();
        inside.asks_again = repeated;
        if repeated {
            any.join(&self.attempt(&inside, timeout, place, variables, &work));
        }
        let (mut others, mut fallbacks) = (None::<Amounts>, Amounts::default());
        let mut again = false;
        let mut using = inside.using.clone();
        for handler in &clauses.on_error {
            match &handler.action {
                ErrorAction::Use(models) => {
                    let (models, count) = self.models(models, variables);
                    let one = Context { using: models.clone(), ..inside.clone() };
                    let attempt = self.attempt(&one, timeout, place, variables, &work);
                    let times = count.unwrap_or_else(|| Poly::name(format_smolstr!("models({})", around.stage)));
                    let what = format_smolstr!("`on error use` of `{name}`");
                    let many = Repetition { what, place: handler.place, times };
                    others.get_or_insert_default().add(&attempt.times(&many));
                    any.join(&attempt);
                    using = match (using, models) {
                        (Some(a), Some(b)) => Some(Rc::new([&a[..], &b[..]].concat())),
                        _ => None,
                    };
                }
                ErrorAction::Fallback(other) => {
                    let one = Context { using: using.clone(), ..inside.clone() };
                    let attempt =
                        self.attempt(&one, timeout, place, variables, &|walk: &mut Self, v: &mut _, a: &_| {
                            walk.cost_of_work(other, None, v, a)
                        });
                    fallbacks.add(&attempt);
                }
                ErrorAction::Redistribute => {
                    // Each model that it names may have it once more.
                    let count = inside.using.as_ref().map(|using| using.len().max(1) as u128);
                    let times =
                        count.map_or_else(|| Poly::name(format_smolstr!("agents({})", around.stage)), Poly::number);
                    let attempt = self.attempt(&inside, timeout, place, variables, &work);
                    let what = format_smolstr!("`on error redistribute` of `{name}`");
                    fallbacks.add(&attempt.times(&Repetition { what, place: handler.place, times }));
                }
                ErrorAction::Fix(fix) => {
                    let one = Context { using: using.clone(), ..inside.clone() };
                    let mut round = self.stage(&fix.repair, variables, &one);
                    round.add(&self.attempt(&one, timeout, place, variables, &work));
                    let max = fix.max.as_ref().map(|e| self.estimator.eval(e, &mut variables.bounds));
                    let times = match max {
                        Some(max) => max
                            .upper_bound(self.program)
                            .unwrap_or_else(|| Poly::name(format_smolstr!("repairs({})", around.stage))),
                        None => Poly::number(1),
                    };
                    let what = format_smolstr!("`on error fix` of `{name}`");
                    fallbacks.add(&round.times(&Repetition { what, place: handler.place, times }));
                }
                ErrorAction::Escalate { .. } => again = true,
                ErrorAction::Skip | ErrorAction::Keep { .. } | ErrorAction::Fail(_) => {}
            }
        }
        let many = |times: Poly| Repetition { what: format_smolstr!("retry of `{name}`"), place, times };
        let pauses = self.count_pauses(clauses, &retries, variables, around);
        // The time that may follow after a time limit has ended an attempt.
        let mut after = fallbacks.time.clone();
        let mut total = match others {
            None => {
                let mut total = any.times(&many(retries));
                total.add(&first);
                total
            }
            Some(mut others) => {
                // The model that fails last may be retried.
                others.add(&any.times(&many(retries)));
                after.add(&others.time);
                after.add(&pauses);
                others.add(&first);
                others
            }
        };
        total.time.add(&pauses);
        total.add(&fallbacks);
        if again {
            let times = one_more(&Poly::name(format_smolstr!("again({})", around.stage)));
            total = total.times(&Repetition { what: format_smolstr!("`escalate` of `{name}`"), place, times });
            total.time = Figure::unlimited(format_smolstr!("`{}` waits for a person", around.stage), place);
        }
        if clauses.exclusive.as_ref().is_some_and(|lock| !lock.nowait) {
            total.time = Figure::unlimited(format_smolstr!("`{name}` waits for other runs"), place);
        }
        self.apply_limits(clauses, &mut total, &after, place, variables);
        total
    }

    fn attempt(
        &mut self,
        around: &Context,
        timeout: Option<u128>,
        place: Place,
        variables: &mut Variables<'p>,
        work: &impl Fn(&mut Self, &mut Variables<'p>, &Context) -> Amounts,
    ) -> Amounts {
        let mut amounts = work(self, variables, around);
        if let Some(ms) = timeout {
            amounts.limit_time(ms, "timeout", place);
        }
        amounts
    }

    /// Applies the limits that the interpreter enforces.
    fn apply_limits(
        &mut self,
        clauses: &'p Clauses,
        total: &mut Amounts,
        after: &Figure,
        place: Place,
        variables: &mut Variables<'p>,
    ) {
        if let Some(budget) = self.upper_bound(clauses.budget.as_ref(), variables) {
            let guessed =
                [NoteKind::Window, NoteKind::Output, NoteKind::Price].iter().any(|k| total.notes.has_note(*k));
            if let Some(worst) = total.money.as_number().filter(|worst| *worst > budget && !guessed) {
                self.exceeded.push(ExceededBudget { place, budget, worst, peak: total.money.peak.clone() });
            }
            total.money.limit_to(budget, "budget", place);
        }
        if let Some(budget) = self.upper_bound(clauses.budget_tokens.as_ref(), variables) {
            total.tokens.limit_to(budget, "budget", place);
        }
        if let Some(budget) = self.upper_bound(clauses.budget_time.as_ref(), variables) {
            let mut held = total.clone();
            held.limit_time(budget, "budget", place);
            held.time.add(after);
            let more = |held: u128| total.time.as_number().is_none_or(|n| n > held);
            if held.time.as_number().is_some_and(more) || total.time.poly().is_none() {
                total.time = held.time;
            }
        }
    }

    /// The longest total of all pauses between attempts.
    fn count_pauses(
        &mut self,
        clauses: &'p Clauses,
        retries: &Poly,
        variables: &mut Variables<'p>,
        around: &Context,
    ) -> Figure {
        let (low, high) = match clauses.retry.as_ref().and_then(|r| r.backoff.as_ref()) {
            Some((low, high)) => {
                let low = self.estimator.eval(low, &mut variables.bounds).exact;
                let high = self.estimator.eval(high, &mut variables.bounds).exact;
                match (low, high) {
                    (Some(low), Some(high)) => (low.max(0), high.max(low).max(0)),
                    _ => {
                        let why = format_smolstr!("the pauses of `{}` are known only when it runs", around.stage);
                        return Figure::unlimited(why, around.place);
                    }
                }
            }
            None => BACKOFF,
        };
        if retries.is_zero() {
            return Figure::default();
        }
        let many = |times: Poly| Repetition {
            what: format_smolstr!("retry of `{}`", around.stage),
            place: around.place,
            times,
        };
        let Some(count) = retries.as_number() else {
            return Figure::number(high.unsigned_abs().into()).times(&many(retries.clone()));
        };
        let mut sum = 0u128;
        let mut pause = low.min(high);
        for done in 0..count {
            if pause >= high || pause == 0 {
                sum = sum.saturating_add(u128::from(pause.min(high).unsigned_abs()).saturating_mul(count - done));
                break;
            }
            sum = sum.saturating_add(pause.unsigned_abs().into());
            pause = pause.saturating_mul(2).min(high);
        }
        Figure::number(sum)
    }

    /// The upper bound of a clause's value, if it is a plain number.
    fn upper_bound(&mut self, expr: Option<&'p Expr>, variables: &mut Variables<'p>) -> Option<u128> {
        self.estimator.eval(expr?, &mut variables.bounds).upper_bound(self.program)?.as_number()
    }

    /// The models that an expression names, and their maximal count.
    fn models(&mut self, expr: &'p Expr, variables: &mut Variables<'p>) -> (Option<Rc<Vec<ModelRef>>>, Option<Poly>) {
        let bounds: ValueBounds<'p> = self.estimator.eval(expr, &mut variables.bounds);
        let count = bounds.models.as_ref().map(|models| Poly::number(models.len() as u128));
        (bounds.models.map(Rc::new), count)
    }
}

fn one_more(times: &Poly) -> Poly {
    let mut out = times.clone();
    out.add(&Poly::number(1));
    out
}
