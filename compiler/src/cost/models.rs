//! What a prompt costs at most: by the dearest model that may answer it.

use cascade_ir::{
    Effect, Model, ModelId, ModelRef, Program, Prompt, Skill,
    limits::{MAX_ROUTES, UNKNOWN_OUTPUT, estimated_tokens, most_tokens},
};
use smol_str::{SmolStr, format_smolstr};

use super::{
    Around, Walk,
    amounts::{Amounts, NoteKind},
    figure::Figure,
    known::Known,
};

impl<'p> Walk<'p> {
    /// Adds what the effect of a skill uses.
    pub(super) fn effect(&mut self, skill: &'p Skill, args: Vec<Known<'p>>, around: &Around, out: &mut Amounts) {
        let prompt = match &skill.effect {
            Effect::Prompt(prompt) => prompt,
            Effect::Unsupported(what) => {
                out.notes.put(NoteKind::NotRun, what.construct.as_str(), what.place);
                return;
            }
            Effect::Run(_) | Effect::Http(_) => {
                if matches!(skill.effect, Effect::Http(_)) {
                    out.notes.put(NoteKind::Pauses, around.stage.clone(), around.place);
                }
                return;
            }
        };
        out.notes.put(NoteKind::Pauses, around.stage.clone(), around.place);
        out.notes.put(NoteKind::Quota, around.stage.clone(), around.place);
        let models = self.candidates(skill, around);
        if models.is_empty() {
            out.notes.put(NoteKind::NoModel, around.stage.clone(), around.place);
            return;
        }
        out.calls = Figure::number(1);
        let named = |arg: Known<'p>, param: &'p cascade_ir::Param| {
            arg.or_named(|| format_smolstr!("{}.{}", skill.name, param.name), &param.ty)
        };
        let mut slots: Vec<Known<'p>> = args.into_iter().zip(&skill.params).map(|(a, p)| named(a, p)).collect();
        slots.resize((skill.slots as usize).max(slots.len()), Known::default());
        let input = self.input(prompt, &mut slots);
        let asked = prompt.max_tokens.as_ref().map(|e| self.knower.eval(e, &mut slots));
        let asked = asked.and_then(|k| k.most(self.program)).and_then(|p| p.as_number());
        let asked = asked.map(|n| u64::try_from(n.max(1)).unwrap_or(u64::MAX));
        for model in models {
            let (tokens_in, tokens_out) = self.answer(model, input, asked, out, around);
            let money = |tokens_in| model.price(tokens_in, tokens_out).max(0).unsigned_abs();
            let (tokens, money) = match tokens_in {
                Some(n) => (Figure::number(n.saturating_add(tokens_out).into()), Figure::number(money(n).into())),
                None => {
                    let why = format_smolstr!("`{}` states no context for `{}`", model.name, around.stage);
                    let unlimited = Figure::unlimited(why, around.place);
                    let priced = model.price_input.is_some_and(|p| p > 0);
                    (unlimited.clone(), if priced { unlimited } else { Figure::number(money(0).into()) })
                }
            };
            out.tokens.join(&tokens);
            out.money.join(&money);
        }
    }

    /// Most bytes of all that is sent.
    fn input(&mut self, prompt: &'p Prompt, slots: &mut [Known<'p>]) -> Option<u64> {
        if !prompt.attach.is_empty() {
            return None;
        }
        let system = match &prompt.system {
            Some(system) => self.knower.size(system, slots)?,
            None => 0,
        };
        Some(self.knower.size(&prompt.prompt, slots)?.saturating_add(system))
    }

    /// Most tokens in and out.
    fn answer(
        &mut self,
        model: &Model,
        input: Option<u64>,
        asked: Option<u64>,
        out: &mut Amounts,
        around: &Around,
    ) -> (Option<u64>, u64) {
        if model.price_input.is_none() || model.price_output.is_none() {
            out.notes.put(NoteKind::Price, model.name.clone(), around.place);
        }
        let known = input.map(|bytes| most_tokens(estimated_tokens(bytes)));
        if known.is_none() {
            out.notes.put(NoteKind::Window, around.stage.clone(), around.place);
        }
        let tokens_in = match (known, model.context) {
            (Some(known), Some(window)) => Some(known.min(window)),
            (known, window) => known.or(window),
        };
        let tokens_out = asked.or(model.max_output).unwrap_or_else(|| {
            out.notes.put(NoteKind::Output, model.name.clone(), around.place);
            UNKNOWN_OUTPUT
        });
        (tokens_in, tokens_out)
    }

    /// The models that may answer.
    fn candidates(&self, skill: &Skill, around: &Around) -> Vec<&'p Model> {
        let program = self.program;
        let mut out: Vec<ModelId> = Vec::new();
        match &around.using {
            Some(using) => {
                let needs: Vec<&SmolStr> = skill.needs.iter().chain(around.needs.iter()).collect();
                using.iter().for_each(|model| expand(program, *model, &needs, &mut out, 0));
            }
            None => out.extend((0..program.models.len()).map(|i| ModelId(i as u32))),
        }
        out.into_iter().filter_map(|id| program.models.get(id.index())).collect()
    }
}

fn expand(program: &Program, model: ModelRef, needs: &[&SmolStr], out: &mut Vec<ModelId>, level: u32) {
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
                    arm.models.iter().for_each(|model| expand(program, *model, needs, out, level + 1));
                }
            }
        }
    }
}
