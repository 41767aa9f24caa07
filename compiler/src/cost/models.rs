//! The maximal cost of a prompt: that of the most expensive model that may answer it.

use cascade_ir::{
    Effect, Model, ModelId, ModelRef, Program, Prompt, Skill,
    limits::{MAX_ROUTES, MOST_COMPLAINT, MOST_TURNS, UNKNOWN_OUTPUT, estimated_tokens, most_tokens},
};
use smol_str::{SmolStr, format_smolstr};

use super::{
    Context, Walk,
    amounts::{Amounts, NoteKind, Share},
    figure::Figure,
    value_bounds::ValueBounds,
};

impl<'p> Walk<'p> {
    /// Adds the cost of a skill's effect.
    pub(super) fn effect(&mut self, skill: &'p Skill, args: Vec<ValueBounds<'p>>, around: &Context, out: &mut Amounts) {
        let prompt = match &skill.effect {
            Effect::Prompt(prompt) => prompt,
            Effect::Builtin(_) | Effect::Invalid => return,
            Effect::Agent(_) => return self.agent(skill, around, out),
            Effect::Mcp(_) => {
                out.notes.record(NoteKind::Pauses, around.stage.clone(), around.place);
                return;
            }
            Effect::Run(_) | Effect::Http(_) => {
                if matches!(skill.effect, Effect::Http(_)) {
                    out.notes.record(NoteKind::Pauses, around.stage.clone(), around.place);
                }
                return;
            }
        };
        out.notes.record(NoteKind::Pauses, around.stage.clone(), around.place);
        out.notes.record(NoteKind::Quota, around.stage.clone(), around.place);
        let models = self.candidates(skill, around);
        if models.is_empty() {
            out.notes.record(NoteKind::NoModel, around.stage.clone(), around.place);
            return;
        }
        for model in &models {
            if !self.asked.iter().any(|known| known.name == model.name) {
                self.asked.push(model);
            }
        }
        out.calls = Figure::number(if prompt.tools.is_empty() { 1 } else { MOST_TURNS as u128 });
        let named = |arg: ValueBounds<'p>, param: &'p cascade_ir::Param| {
            arg.or_named(|| format_smolstr!("{}.{}", skill.name, param.name), &param.ty)
        };
        let mut slots: Vec<ValueBounds<'p>> = args.into_iter().zip(&skill.params).map(|(a, p)| named(a, p)).collect();
        slots.resize((skill.slots as usize).max(slots.len()), ValueBounds::default());
        let complaint = if around.asks_again { MOST_COMPLAINT } else { 0 };
        // A conversation is as long as its model can hold; each of its turns is a prompt.
        let turns = if prompt.tools.is_empty() { 1 } else { MOST_TURNS as u64 };
        let input = self.input(prompt, &mut slots).map(|bytes| bytes.saturating_add(complaint));
        let asked = prompt.max_tokens.as_ref().map(|e| self.estimator.eval(e, &mut slots));
        let asked = asked.and_then(|k| k.upper_bound(self.program)).and_then(|p| p.as_number());
        let asked = asked.map(|n| u64::try_from(n.max(1)).unwrap_or(u64::MAX));
        for model in models {
            let (tokens_in, tokens_out) = self.answer(model, input, asked, out, around);
            let money = |tokens_in| model.highest_price(tokens_in, tokens_out).unsigned_abs();
            let all = |n: u64| Figure::number(u128::from(n) * u128::from(turns));
            let (tokens, money) = match tokens_in {
                Some(n) => (all(n.saturating_add(tokens_out)), all(money(n))),
                None => {
                    let why = format_smolstr!("`{}` states no context for `{}`", model.name, around.stage);
                    let unlimited = Figure::unlimited(why, around.place);
                    let priced = model.highest_price(1_000_000, 0) > 0;
                    (unlimited.clone(), if priced { unlimited } else { Figure::number(money(0).into()) })
                }
            };
            out.tokens.join(&tokens);
            out.money.join(&money);
            if self.is_detailed {
                let (stage, place, model) = (around.stage.clone(), around.place, model.name.clone());
                out.shares.push(Share { stage, place, model, calls: Figure::number(1), money });
            }
        }
    }

    /// Adds the cost of an agent. It decides itself how often it asks its model, so that only the budget around it
    /// is a bound.
    fn agent(&mut self, skill: &'p Skill, around: &Context, out: &mut Amounts) {
        out.notes.record(NoteKind::Pauses, around.stage.clone(), around.place);
        out.notes.record(NoteKind::Quota, around.stage.clone(), around.place);
        let models = self.candidates(skill, around);
        if models.is_empty() {
            out.notes.record(NoteKind::NoModel, around.stage.clone(), around.place);
            return;
        }
        for model in models {
            if !self.asked.iter().any(|known| known.name == model.name) {
                self.asked.push(model);
            }
        }
        out.notes.record(NoteKind::Agent, around.stage.clone(), around.place);
        let why = format_smolstr!("the agent of `{}` asks its model as often as it wants", around.stage);
        let unlimited = Figure::unlimited(why, around.place);
        (out.calls, out.tokens, out.money) = (unlimited.clone(), unlimited.clone(), unlimited);
    }

    /// The upper bound of the bytes sent.
    fn input(&mut self, prompt: &'p Prompt, slots: &mut [ValueBounds<'p>]) -> Option<u64> {
        if !prompt.attach.is_empty() || !prompt.tools.is_empty() {
            return None;
        }
        let system = match &prompt.system {
            Some(system) => self.estimator.size(system, slots)?,
            None => 0,
        };
        Some(self.estimator.size(&prompt.prompt, slots)?.saturating_add(system))
    }

    /// The upper bound of the tokens, input and output.
    fn answer(
        &mut self,
        model: &Model,
        input: Option<u64>,
        asked: Option<u64>,
        out: &mut Amounts,
        around: &Context,
    ) -> (Option<u64>, u64) {
        if model.price_input.is_none() || model.price_output.is_none() {
            out.notes.record(NoteKind::Price, model.name.clone(), around.place);
        }
        let estimated = input.map(|bytes| most_tokens(estimated_tokens(bytes)));
        if estimated.is_none() {
            out.notes.record(NoteKind::Window, around.stage.clone(), around.place);
        }
        let tokens_in = match (estimated, model.context) {
            (Some(estimated), Some(window)) => Some(estimated.min(window)),
            (estimated, window) => estimated.or(window),
        };
        let tokens_out = asked.or(model.max_output).unwrap_or_else(|| {
            out.notes.record(NoteKind::Output, model.name.clone(), around.place);
            UNKNOWN_OUTPUT
        });
        (tokens_in, tokens_out)
    }

    /// The models that may answer.
    fn candidates(&self, skill: &Skill, around: &Context) -> Vec<&'p Model> {
        let program = self.program;
        let mut out: Vec<ModelId> = Vec::new();
        match &around.using {
            Some(using) => {
                let needs: Vec<&SmolStr> = skill.needs.iter().chain(around.needs.iter()).collect();
                using.iter().for_each(|model| expand_model(program, *model, &needs, &mut out, 0));
            }
            None => out.extend((0..program.models.len()).map(|i| ModelId(i as u32))),
        }
        out.into_iter().filter_map(|id| program.models.get(id.index())).collect()
    }
}

fn expand_model(program: &Program, model: ModelRef, needs: &[&SmolStr], out: &mut Vec<ModelId>, level: u32) {
    match model {
        ModelRef::Model(id) => {
            if !out.contains(&id) {
                out.push(id);
            }
        }
        ModelRef::Route(id) => {
            let Some(route) = program.routes.get(id.index()).filter(|_| level < MAX_ROUTES) else { return };
            for arm in &route.arms {
                if arm.capability.as_ref().is_none_or(|c| needs.contains(&c)) {
                    arm.models.iter().for_each(|model| expand_model(program, *model, needs, out, level + 1));
                }
            }
        }
    }
}
