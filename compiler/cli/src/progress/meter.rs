//! The money of a run while it goes on: what is spent, and what it may still cost.

use std::collections::HashMap;

use cascade_compiler::cost::Cost;
use cascade_runtime::Event;

use super::figures::{dollars, short_count};

/// Counts the money of a run. What a run may cost at most is known before it starts; a stage that has ended costs no more
/// than it did.
#[derive(Debug, Default)]
pub struct Meter {
    /// The most that the run may cost, in millionths of a US dollar; `None`: nothing limits it, or the inputs do.
    worst: Option<i64>,
    /// The most that each stage of the cascade may cost, by its path.
    stages: HashMap<String, i64>,
    spent: i64,
    tokens: u64,
    /// What the stages that have ended could have cost, and what they did cost.
    ended: (i64, i64),
}

impl Meter {
    /// For a run with this worst case.
    pub fn new(cost: &Cost) -> Self {
        let micro = |n: u128| i64::try_from(n).unwrap_or(i64::MAX);
        let of_stage = |(name, figure): &(smol_str::SmolStr, cascade_compiler::cost::Figure)| {
            Some((format!("{}/{name}", cost.cascade), micro(figure.as_number()?)))
        };
        Self {
            worst: cost.money.as_number().map(micro),
            stages: cost.top_stages.iter().filter_map(of_stage).collect(),
            ..Self::default()
        }
    }

    /// Takes note of an event.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Spent { cost, tokens } => (self.spent, self.tokens) = (*cost, *tokens),
            Event::StageFinished { path, cost, .. } => {
                // A stage that is run again by a retry of its cascade is counted when it ends for the first time.
                if let Some(worst) = self.stages.remove(path) {
                    self.ended.0 = self.ended.0.saturating_add(worst);
                    self.ended.1 = self.ended.1.saturating_add((*cost).min(worst));
                }
            }
            Event::RunFinished { .. } => self.worst = Some(self.spent),
            _ => {}
        }
    }

    /// What the run may still cost at most; `None` if that is not known.
    fn possible_cost(&self) -> Option<i64> {
        let (worst, cost) = self.ended;
        let left = self.worst?.saturating_sub(worst);
        Some(left.saturating_sub(self.spent.saturating_sub(cost)).max(0))
    }

    /// "45.2k tokens, $0.12 spent, at most $4.85 more"; nothing for a run that costs nothing.
    pub fn text(&self) -> Option<String> {
        let spent = dollars(self.spent);
        let money = match self.possible_cost() {
            Some(0) | None if self.spent == 0 => None,
            Some(0) => Some(format!("{spent} spent")),
            Some(more) => Some(format!("{spent} spent, at most {} more", dollars(more))),
            None => Some(format!("{spent} spent, without a known limit")),
        };
        let tokens = (self.tokens > 0).then(|| format!("{} tokens", short_count(self.tokens)));
        let parts: Vec<String> = tokens.into_iter().chain(money).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use cascade_compiler::{compile, cost, source::MemorySources};

    use super::*;

    fn meter(body: &str) -> Meter {
        let text = format!(
            "model m {{\n  provider: anthropic\n  id: \"m\"\n  context: 1_000\n  max_output: 1_000\n  \
             price: {{ input: 0usd, output: 10usd }}\n}}\n\nskill say(n: int) -> string {{\n  prompt \"Say $<n>.\"\n}}\n\n\
             cascade main(names: list<string>) -> int {{\n{body}  return 1\n}}\n"
        );
        let compiled = compile("a.cascade", text.into(), &MemorySources::default());
        let program = compiled.program.unwrap();
        let main = program.entries[0];
        Meter::new(&cost::cost_of(&program, main).unwrap().0)
    }

    fn spent(cost: i64) -> Event {
        Event::Spent { tokens: 1_200, cost }
    }

    fn ended(path: &str, cost: i64) -> Event {
        Event::StageFinished { path: path.into(), status: "done", attempts: 1, tokens: 1, cost, ms: 0, message: None }
    }

    fn texts(meter: &mut Meter, events: &[Event]) -> Vec<String> {
        let text = |meter: &Meter| meter.text().unwrap_or_default();
        let first = text(meter);
        let rest = events.iter().map(|event| {
            meter.event(event);
            text(meter)
        });
        std::iter::once(first).chain(rest).collect()
    }

    #[test]
    fn what_is_still_possible_falls_as_stages_end() {
        // An answer costs at most 0.01 dollars.
        let mut meter = meter(
            "  stage a = say(1)\n    using m\n    retry 2\n  stage b = for n in range(5) {\n    stage c = say(n)\n      using m\n  }\n",
        );
        let events =
            [spent(4_000), ended("main/a", 4_000), spent(6_000), ended("main/b[0]/c", 2_000), ended("main/b", 2_000)];
        assert_eq!(
            texts(&mut meter, &events),
            [
                "$0.0000 spent, at most $0.0800 more",
                "1.2k tokens, $0.0040 spent, at most $0.0760 more",
                // `a` needed one of its three attempts.
                "1.2k tokens, $0.0040 spent, at most $0.0500 more",
                "1.2k tokens, $0.0060 spent, at most $0.0480 more",
                "1.2k tokens, $0.0060 spent, at most $0.0480 more",
                "1.2k tokens, $0.0060 spent",
            ]
        );
    }

    #[test]
    fn a_run_without_a_known_limit_shows_what_is_spent() {
        let mut meter = meter("  stage b = for name in names {\n    stage c = say(name.len())\n      using m\n  }\n");
        assert_eq!(texts(&mut meter, &[spent(4_000)]), ["", "1.2k tokens, $0.0040 spent, without a known limit"]);
    }
}
