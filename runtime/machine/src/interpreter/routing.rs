//! Which model answers a prompt.

use std::ops::Range;

use cascade_ir::{ArtifactKind, ErrorKind, Model, ModelId, ModelRef, Rendering, limits::MAX_ROUTES};
use smol_str::SmolStr;

use super::{
    Machine,
    best_of::{ModelOutcomes, rank_models},
    context::{ContextUse, group_digits},
    environment::{Availability, list_quoted},
    fiber::Fiber,
    frame::Frame,
    swarm::SwarmOrder,
};
use crate::{
    eval::Result,
    events::Event,
    failure::{Failure, defect},
    media,
    request::Attachment,
    value::Value,
};

/// A prompt and who answers it.
pub(super) struct Routed {
    pub(super) model: ModelId,
    pub(super) text: String,
    pub(super) system: Option<String>,
    /// All models that were named, in the order of preference.
    pub(super) candidates: Vec<ModelId>,
    /// About how many tokens are sent.
    pub(super) tokens: u64,
    /// Whether its answer is on record.
    pub(super) recorded: bool,
    /// All models in the order in which they are asked, where a `best_of` has changed it.
    pub(super) ranked: Option<Vec<ModelId>>,
    /// Why the model was preferred, where a `best_of` says so.
    pub(super) reason: Option<String>,
}

/// What a prompt's model is chosen by.
pub(super) struct Wanted<'a> {
    /// The path of the stage.
    pub(super) path: &'a str,
    /// The models and routes that the nearest `using` names.
    pub(super) using: Vec<ModelRef>,
    /// The capabilities that the model must have.
    pub(super) needs: &'a [SmolStr],
    /// The name of the skill.
    pub(super) skill: &'a SmolStr,
    /// The inputs of the skill, by name.
    pub(super) inputs: Vec<(&'a SmolStr, &'a Value)>,
    /// The files that are sent.
    pub(super) files: &'a [Attachment],
    /// The kind of the file that the answer is.
    pub(super) file: Option<ArtifactKind>,
    /// The order that an earlier attempt of the stage has drawn.
    pub(super) ranked: Option<Vec<ModelId>>,
    /// Whether a coding agent is asked: a program, which may be missing where the model itself is not.
    pub(super) for_agent: bool,
    /// Of a task of a swarm: what orders its models.
    pub(super) order: Option<SwarmOrder<'a>>,
}

/// The models that a `using` stands for.
#[derive(Default)]
struct Named {
    /// In the order of the program, without repetition.
    models: Vec<ModelId>,
    /// The parts of `models` that a `best_of` compares, and by what.
    compared: Vec<(Range<usize>, SmolStr)>,
}

impl<'p> Machine<'p> {
    /// The models that the nearest `using` around a call names, or the default.
    pub(super) fn models_in_use(&mut self, fiber: &Fiber<'p>) -> Vec<ModelRef> {
        fn nearest(fiber: &Fiber<'_>) -> Option<Vec<ModelRef>> {
            fiber.frames.iter().rev().find_map(|frame| match frame {
                Frame::Guard(guard) => guard.using.clone(),
                _ => None,
            })
        }
        if let Some(found) = nearest(fiber) {
            return found;
        }
        let mut next = fiber.parent;
        while let Some(parent) = next {
            let Some(fiber) = self.fiber(parent.fiber) else {
                break;
            };
            if let Some(found) = nearest(fiber) {
                return found;
            }
            next = fiber.parent;
        }
        self.program.default_route.map(ModelRef::Route).into_iter().collect()
    }

    /// The models that a task with these needs could be given to, in the order of the program.
    pub(super) fn models_for(&mut self, fiber: &Fiber<'p>, needs: &[SmolStr]) -> Vec<ModelId> {
        let mut named = Named::default();
        for model in self.models_in_use(fiber) {
            self.expand_model_ref(model, needs, &mut named, 0);
        }
        named.models
    }

    /// The first model that is available and can hold the prompt, with the prompt as it likes
    /// it. `write` gives text and system text;
    /// `recorded` tells whether a model's answer is known already.
    pub(super) fn choose_model(
        &mut self,
        wanted: Wanted<'_>,
        recorded: impl Fn(ModelId, &[ModelId]) -> bool,
        mut write: impl FnMut(&mut Self, Rendering) -> Result<(String, Option<String>)>,
    ) -> Result<Routed> {
        let Wanted { path, using, needs, skill, inputs, files, file, ranked, for_agent, order } = wanted;
        let mut context_use = ContextUse::new(files, inputs);
        let mut named = Named::default();
        for model in using {
            self.expand_model_ref(model, needs, &mut named, 0);
        }
        let Named { models: candidates, compared } = named;
        if candidates.is_empty() {
            let wanted = needs.join(", ");
            let message = match needs {
                [] => "no model was named, and there is no default route".to_owned(),
                _ => format!("no route leads to a model for {wanted}"),
            };
            return Err(Failure::raise(ErrorKind::Denied, message));
        }
        // An answer that is on record costs nothing, whatever has become of the model.
        if !self.env.recalled.answered.is_empty() {
            for id in &candidates {
                if let Some(model) = self.program.models.get(id.index()).filter(|_| recorded(*id, &candidates)) {
                    let (text, system) = write(self, model.prefers)?;
                    return Ok(Routed {
                        model: *id,
                        candidates: candidates.clone(),
                        tokens: context_use.estimate(&text, system.as_deref()),
                        text,
                        system,
                        recorded: true,
                        // Another attempt keeps to it.
                        ranked: (!compared.is_empty()).then(|| move_to_front(&candidates, *id)),
                        reason: None,
                    });
                }
            }
        }
        let ranked = match ranked {
            // `on error use` names other models.
            Some(ranked) if ranked.len() == candidates.len() && ranked.iter().all(|id| candidates.contains(id)) => {
                Some(ranked)
            }
            _ => (!compared.is_empty()).then(|| self.rank_models(&candidates, &compared, skill, path)),
        };
        let order = match (&ranked, order) {
            (Some(ranked), _) => ranked.clone(),
            (None, Some(order)) => self.order_for_swarm(order, &candidates, needs, skill, path),
            (None, None) => candidates.clone(),
        };
        let (mut missing, mut unfit): (Missing, Vec<String>) = (Missing::default(), Vec::new());
        let mut passed = Vec::new();
        let mut pieces: Option<String> = None;
        for id in order {
            let Some(model) = self.program.models.get(id.index()) else {
                return Err(defect!("there is no model {}", id.0));
            };
            let name = model.name.to_string();
            let available = if for_agent { &self.env.agents } else { &self.env.models };
            if let Some((obstacle, reason)) = available.get(id.index()).and_then(|a| Some((a, a.obstacle()?))) {
                missing.add(&name, obstacle, &reason);
                passed.push((name, reason));
                continue;
            }
            if let Some(reason) = media::find_obstacle(model, for_agent, files, file) {
                passed.push((name, reason.clone()));
                unfit.push(reason);
                continue;
            }
            let (text, system) = write(self, model.prefers)?;
            if let (Some(tokens), Some(context)) =
                (context_use.count_overflow(model, &text, system.as_deref()), model.context)
            {
                let (tokens, context) = (group_digits(tokens), group_digits(context));
                let reason = format!("the prompt has about {tokens} tokens, `{name}` holds {context}");
                passed.push((name, reason.clone()));
                unfit.push(reason);
                pieces.get_or_insert_with(|| context_use.largest_pieces(system.as_deref()));
                continue;
            }
            let tokens = context_use.estimate(&text, system.as_deref());
            let is_compared = |range: &Range<usize>| candidates.get(range.clone()).is_some_and(|all| all.contains(&id));
            let by = compared.iter().find(|(range, _)| is_compared(range)).map(|(_, by)| by);
            let reason = by.map(|by| {
                let known = self.outcomes_of(skill, id);
                let (good, all) = (known.good, known.count());
                format!("best by {by}: {good} of {all} answers to `{skill}` were good")
            });
            self.report_passed(path, passed);
            return Ok(Routed { model: id, candidates, text, system, tokens, recorded: false, ranked, reason });
        }
        if unfit.is_empty() {
            // The failure names all of them.
            Err(Failure::raise(ErrorKind::Denied, format!("no model is available: {}", missing.reasons().join("; "))))
        } else {
            self.report_passed(path, passed);
            let mut reasons = unfit;
            reasons.extend(missing.reasons());
            let mut message = format!("no model can take the prompt: {}", reasons.join("; "));
            if let Some(pieces) = pieces.filter(|pieces| !pieces.is_empty()) {
                message.push_str(&format!("; of its tokens, {pieces}"));
            }
            Err(Failure::raise(ErrorKind::Failed, message))
        }
    }

    fn report_passed(&mut self, path: &str, passed: Vec<(String, String)>) {
        for (model, reason) in passed {
            self.emit_event(|| Event::ModelPassedOver { path: path.to_owned(), model, reason });
        }
    }

    /// The models with each part that is compared in the order of its draws.
    fn rank_models(
        &self,
        candidates: &[ModelId],
        compared: &[(Range<usize>, SmolStr)],
        skill: &SmolStr,
        path: &str,
    ) -> Vec<ModelId> {
        let mut order = candidates.to_vec();
        for (range, by) in compared {
            let Some(part) = order.get_mut(range.clone()) else { continue };
            let known: Vec<(ModelId, &Model, ModelOutcomes)> = part
                .iter()
                .filter_map(|id| Some((*id, self.program.models.get(id.index())?, self.outcomes_of(skill, *id))))
                .collect();
            let ranked = rank_models(by, &known, &self.env.run, path);
            if ranked.len() == part.len() {
                part.copy_from_slice(&ranked);
            }
        }
        order
    }

    /// What is known of a model's answers to a skill: from earlier runs, and from this one.
    pub(super) fn outcomes_of(&self, skill: &SmolStr, model: ModelId) -> ModelOutcomes {
        let Some(model) = self.program.models.get(model.index()) else { return ModelOutcomes::default() };
        self.outcomes.get(&(skill.clone(), model.name.clone())).copied().unwrap_or_default()
    }

    /// Counts an answer for later choices in this run. The machine has no clock and knows no durations.
    pub(super) fn count_outcome(&mut self, skill: &SmolStr, model: Option<ModelId>, good: bool, cost: i64) {
        if let Some(model) = model.and_then(|id| self.program.models.get(id.index()))
            && self.compares_models
        {
            self.outcomes.entry((skill.clone(), model.name.clone())).or_default().add(good, cost, None);
        }
    }

    /// Adds the models that a reference stands for.
    fn expand_model_ref(&self, model: ModelRef, needs: &[SmolStr], out: &mut Named, level: u32) {
        match model {
            ModelRef::Model(id) => {
                if !out.models.contains(&id) {
                    out.models.push(id);
                }
            }
            ModelRef::Route(id) => {
                let Some(route) = self.program.routes.get(id.index()).filter(|_| level < MAX_ROUTES) else {
                    return;
                };
                for arm in &route.arms {
                    if arm.capability.as_ref().is_none_or(|c| needs.contains(c)) {
                        let begin = out.models.len();
                        for model in &arm.models {
                            self.expand_model_ref(*model, needs, out, level + 1);
                        }
                        if let Some(by) = &arm.by
                            && out.models.len() > begin + 1
                        {
                            // What it names is compared as a whole, also where it names another `best_of`.
                            out.compared.retain(|(range, _)| range.end <= begin);
                            out.compared.push((begin..out.models.len(), by.clone()));
                        }
                    }
                }
            }
        }
    }
}

/// The models with one of them first.
fn move_to_front(models: &[ModelId], first: ModelId) -> Vec<ModelId> {
    std::iter::once(first).chain(models.iter().copied().filter(|id| *id != first)).collect()
}

/// Why models are not available, together.
#[derive(Default)]
struct Missing {
    /// Variables any of which would make one available.
    variables: Vec<String>,
    /// The models that need one of them.
    models: Vec<String>,
    /// Other reasons, each with the models that it is true of.
    other: Vec<(String, Vec<String>)>,
}

impl Missing {
    fn add(&mut self, model: &str, obstacle: &Availability, reason: &str) {
        let add = |to: &mut Vec<String>, name: &str| {
            if !to.iter().any(|known| known == name) {
                to.push(name.to_owned());
            }
        };
        match obstacle {
            Availability::NoKey(variables) => {
                variables.iter().for_each(|name| add(&mut self.variables, name));
                add(&mut self.models, model);
            }
            _ => match self.other.iter_mut().find(|(known, _)| known == reason) {
                Some((_, models)) => add(models, model),
                None => self.other.push((reason.to_owned(), vec![model.to_owned()])),
            },
        }
    }

    fn reasons(self) -> Vec<String> {
        let mut out = Vec::new();
        if !self.variables.is_empty() {
            let set = match self.variables.as_slice() {
                [only] => format!("`{only}`"),
                several => format!("one of {}", list_quoted(several, ", ")),
            };
            out.push(format!("set {set} ({})", name_models(&self.models)));
        }
        out.extend(self.other.into_iter().map(|(reason, models)| format!("{reason} ({})", name_models(&models))));
        out
    }
}

fn name_models(names: &[String]) -> String {
    let word = if names.len() == 1 { "model" } else { "models" };
    format!("{word} {}", list_quoted(names, ", "))
}
