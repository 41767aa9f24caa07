//! Budgets: what an answer may still cost is held back before it is asked for, so that a
//! budget is met before it is overrun and not after.

use cascade_ir::{
    ErrorKind, Model,
    limits::{UNKNOWN_OUTPUT, most_tokens},
};

use super::{Machine, fiber::Fiber, frame::Frame, guard::Guard};
use crate::{
    eval::Result,
    failure::{Failure, Raise},
    value::format_money,
};

/// An answer of fewer tokens than this is not worth asking for.
const SHORT_ANSWER: u64 = 256;

/// Tokens and money that an answer may use at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reserve {
    pub(super) tokens: u64,
    /// Millionths of a US dollar.
    pub(super) cost: i64,
}

/// The limits of a guard, evaluated.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    /// Millionths of a US dollar.
    pub(super) cost: Option<i64>,
    pub(super) tokens: Option<u64>,
    /// Milliseconds.
    pub(super) time: Option<i64>,
}

impl<'p> Guard<'p> {
    /// The failure of a spent budget.
    pub(super) fn over_budget(&self) -> Option<Raise> {
        if let Some(limit) = self.limits.cost.filter(|b| self.cost > *b) {
            let message = format!("spent {}, more than its budget of {}", format_money(self.cost), format_money(limit));
            return Some(Failure::raise(ErrorKind::OverBudget, message));
        }
        let limit = self.limits.tokens.filter(|b| self.tokens > *b)?;
        let message = format!("used {} tokens, more than its budget of {limit}", self.tokens);
        Some(Failure::raise(ErrorKind::OverBudget, message))
    }

    /// Money that is neither spent nor held back.
    pub(super) fn money_left(&self) -> Option<i64> {
        self.limits.cost.map(|limit| limit.saturating_sub(self.cost).saturating_sub(self.reserved.cost))
    }

    /// Tokens that are neither used nor held back.
    fn tokens_left(&self) -> Option<u64> {
        self.limits.tokens.map(|limit| limit.saturating_sub(self.tokens).saturating_sub(self.reserved.tokens))
    }
}

impl<'p> Machine<'p> {
    /// Applies `f` to all guards around a fiber that is running now, the innermost first.
    pub(super) fn each_running_guard(&mut self, fiber: &mut Fiber<'p>, mut f: impl FnMut(&mut Guard<'p>)) {
        for frame in fiber.frames.iter_mut().rev() {
            if let Frame::Guard(guard) = frame {
                f(guard);
            }
        }
        if let Some(parent) = fiber.parent {
            self.each_guard(parent.fiber, f);
        }
    }

    /// Holds back what a prompt may cost at most. Where the program does not bound the answer,
    /// the budgets around it do.
    ///
    /// # Errors
    /// When a budget could be passed.
    pub(super) fn affordable(
        &mut self,
        fiber: &mut Fiber<'p>,
        model: &Model,
        tokens_in: u64,
        max_tokens: &mut Option<u64>,
    ) -> Result<Reserve> {
        let (mut money, mut tokens): (Option<i64>, Option<u64>) = (None, None);
        let mut limit_cost = 0;
        self.each_running_guard(fiber, |guard| {
            if let Some(left) = guard.money_left()
                && money.is_none_or(|m| left < m)
            {
                money = Some(left);
                limit_cost = guard.limits.cost.unwrap_or(0);
            }
            if let Some(left) = guard.tokens_left() {
                tokens = Some(tokens.map_or(left, |t: u64| t.min(left)));
            }
        });
        if money.is_none() && tokens.is_none() {
            return Ok(Reserve::default());
        }
        let tokens_in = most_tokens(tokens_in);
        let cost_of = |tokens_out: u64| model.highest_price(tokens_in, tokens_out);
        let limit = max_tokens.or(model.max_output).unwrap_or(UNKNOWN_OUTPUT);
        let mut affordable = limit;
        if let Some(left) = money {
            let rest = left.saturating_sub(cost_of(0));
            if rest < 0 || (max_tokens.is_some() && cost_of(limit) > left) {
                return Err(over_budget_failure(
                    cost_of(if max_tokens.is_some() { limit } else { 0 }),
                    left,
                    limit_cost,
                ));
            }
            if let Some(price) = model.price_output.filter(|p| *p > 0) {
                // Millionths of a dollar over millionths of a dollar per million tokens.
                let tokens = i128::from(rest) * 1_000_000 / i128::from(price);
                affordable = affordable.min(u64::try_from(tokens).unwrap_or(u64::MAX));
            }
            if affordable < SHORT_ANSWER.min(limit) {
                return Err(over_budget_failure(cost_of(SHORT_ANSWER.min(limit)), left, limit_cost));
            }
        }
        if let Some(left) = tokens {
            let rest = left.saturating_sub(tokens_in);
            let wanted = if max_tokens.is_some() { limit } else { SHORT_ANSWER.min(limit) };
            if rest < wanted {
                let message = format!(
                    "the next prompt may use {} tokens, and {left} of the budget are left",
                    tokens_in.saturating_add(wanted)
                );
                return Err(Failure::raise(ErrorKind::OverBudget, message));
            }
            affordable = affordable.min(rest);
        }
        if affordable < limit {
            *max_tokens = Some(affordable);
        }
        let reserve = Reserve { tokens: tokens_in.saturating_add(affordable), cost: cost_of(affordable) };
        self.each_running_guard(fiber, |guard| {
            guard.reserved.tokens = guard.reserved.tokens.saturating_add(reserve.tokens);
            guard.reserved.cost = guard.reserved.cost.saturating_add(reserve.cost);
        });
        Ok(reserve)
    }

    /// Gives back what was held for an answer that came; its real price is charged instead.
    pub(super) fn release(&mut self, fiber: usize, reserve: Reserve) {
        if reserve != Reserve::default() {
            self.each_guard(fiber, |guard| guard.give_back(reserve));
        }
    }

    /// Gives back what was held for an answer that is not wanted any more.
    pub(super) fn release_running(&mut self, fiber: &mut Fiber<'p>, reserve: Reserve) {
        if reserve != Reserve::default() {
            self.each_running_guard(fiber, |guard| guard.give_back(reserve));
        }
    }
}

impl Guard<'_> {
    fn give_back(&mut self, reserve: Reserve) {
        self.reserved.tokens = self.reserved.tokens.saturating_sub(reserve.tokens);
        self.reserved.cost = self.reserved.cost.saturating_sub(reserve.cost);
    }
}

fn over_budget_failure(bound: i64, left: i64, limit: i64) -> Raise {
    let message = format!(
        "the next prompt may cost {}, and {} of the budget of {} is left",
        format_money(bound),
        format_money(left.max(0)),
        format_money(limit)
    );
    Failure::raise(ErrorKind::OverBudget, message)
}
