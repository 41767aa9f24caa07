//! Which model answers a prompt.

use cascade_ir::{
    ErrorKind, ModelId, ModelRef, Rendering,
    limits::{MAX_ROUTES, estimated_tokens},
};
use smol_str::SmolStr;

use super::{Machine, environment::Availability, fiber::Fiber, frame::Frame};
use crate::{
    eval::Result,
    events::Event,
    failure::{Failure, defect},
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

    /// The first model that is available and can hold the prompt, with the prompt as it likes
    /// it. `write` gives text, system text and the bytes of all that is sent;
    /// `recorded` tells whether a model's answer is known already.
    pub(super) fn choose_model(
        &mut self,
        path: &str,
        using: Vec<ModelRef>,
        needs: &[SmolStr],
        recorded: impl Fn(ModelId, &[ModelId]) -> bool,
        mut write: impl FnMut(&mut Self, Rendering) -> Result<(String, Option<String>, usize)>,
    ) -> Result<Routed> {
        let mut candidates = Vec::new();
        for model in using {
            self.expand_model_ref(model, needs, &mut candidates, 0);
        }
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
                    let (text, system, size) = write(self, model.prefers)?;
                    return Ok(Routed {
                        model: *id,
                        candidates: candidates.clone(),
                        text,
                        system,
                        tokens: estimated_tokens(size as u64),
                        recorded: true,
                    });
                }
            }
        }
        let (mut missing, mut too_small): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for id in candidates.iter().copied() {
            let Some(model) = self.program.models.get(id.index()) else {
                return Err(defect!("there is no model {}", id.0));
            };
            let name = model.name.to_string();
            let pass = |machine: &mut Self, reason: String| {
                machine.emit(|| Event::ModelPassedOver { path: path.to_owned(), model: name.clone(), reason });
            };
            if let Some(Availability::Missing(reason)) = self.env.models.get(id.index()) {
                let reason = reason.clone();
                pass(self, reason.clone());
                if !missing.contains(&reason) {
                    missing.push(reason);
                }
                continue;
            }
            let (text, system, size) = write(self, model.prefers)?;
            let tokens = estimated_tokens(size as u64);
            if let Some(context) = model.context.filter(|c| tokens > *c) {
                let reason = format!("the prompt has about {tokens} tokens, `{name}` holds {context}");
                pass(self, reason.clone());
                too_small.push(reason);
                continue;
            }
            return Ok(Routed { model: id, candidates, text, system, tokens, recorded: false });
        }
        if too_small.is_empty() {
            Err(Failure::raise(ErrorKind::Denied, format!("no model is available: {}", missing.join("; "))))
        } else {
            let mut reasons = too_small;
            reasons.extend(missing);
            Err(Failure::raise(ErrorKind::Failed, format!("no model can take the prompt: {}", reasons.join("; "))))
        }
    }

    /// Models in the order of preference, without repetition.
    fn expand_model_ref(&self, model: ModelRef, needs: &[SmolStr], out: &mut Vec<ModelId>, level: u32) {
        match model {
            ModelRef::Model(id) => {
                if !out.contains(&id) {
                    out.push(id);
                }
            }
            ModelRef::Route(id) => {
                let Some(route) = self.program.routes.get(id.index()).filter(|_| level < MAX_ROUTES) else {
                    return;
                };
                for arm in &route.arms {
                    if arm.capability.as_ref().is_none_or(|c| needs.contains(c)) {
                        for model in &arm.models {
                            self.expand_model_ref(*model, needs, out, level + 1);
                        }
                    }
                }
            }
        }
    }
}
