//! Prompts: from a skill to the request to a model or an agent.

use std::sync::Arc;

use cascade_ir::{Agent, Attach, Model, ModelId, Prompt};
use smol_str::SmolStr;

use super::{
    Machine,
    agent::AgentTurn,
    budget::Reserve,
    call::{conversation_part, guard_below, guard_below_mut},
    fiber::Fiber,
    frame::Frame,
    keys::{KeyPlace, KeySource},
    routing::{Routed, Wanted},
    swarm::SwarmOrder,
};
use crate::{
    eval::{Result, Target},
    events::Event,
    failure::defect,
    media::wanted_file,
    request::{LoadRequest, PromptRequest, RequestKind},
    schema,
    value::Value,
};

impl<'p> Machine<'p> {
    /// Loads the files that go with a prompt, and then asks.
    pub(super) fn load_or_ask(
        &mut self,
        fiber: &mut Fiber<'p>,
        prompt: &'p Prompt,
        agent: Option<&'p Agent>,
        slots: &mut [Value],
    ) -> Result<RequestKind> {
        match fiber.frames.last() {
            Some(Frame::Call(call)) if !prompt.attach.is_empty() && call.attachments.is_none() => {
                self.load_request(prompt, slots).map(RequestKind::Load)
            }
            _ => self.prompt_request(fiber, prompt, agent, slots),
        }
    }

    /// The request to the model, or to the agent, that is chosen for a prompt.
    fn prompt_request(
        &mut self,
        fiber: &mut Fiber<'p>,
        prompt: &'p Prompt,
        agent: Option<&'p Agent>,
        slots: &mut [Value],
    ) -> Result<RequestKind> {
        let Some(Frame::Call(call)) = fiber.frames.last() else {
            return Err(defect!("a prompt without its call"));
        };
        let skill = call.skill;
        let file = wanted_file(self.program, &skill.output);
        let attachments = call.attachments.clone().unwrap_or_default();
        let number = |v: Value| v.as_float();
        let temperature = match &prompt.temperature {
            Some(expr) => number(self.eval.eval(expr, slots)?),
            None => None,
        };
        let max_tokens = match &prompt.max_tokens {
            Some(expr) => number(self.eval.eval(expr, slots)?).map(|n| n.max(1.0) as u64),
            None => None,
        };
        let using = self.models_in_use(fiber);
        let mut needs: Vec<SmolStr> = skill.needs.clone();
        if let Some(guard) = guard_below(fiber) {
            needs.extend(guard.clauses.needs.iter().cloned());
        }
        let workspace = agent.map(|agent| self.agent_workspace(agent, slots)).transpose()?;
        let Some(Frame::Call(call)) = fiber.frames.last() else {
            return Err(defect!("a prompt without its call"));
        };
        let path = fiber.path();
        let (id, args) = (call.id, call.args.clone());
        let attempt = guard_below(fiber).map_or(1, |g| g.attempts);
        let digest = self.skill_digest(id, skill);
        let member = self.membership(fiber);
        let tried = guard_below(fiber).map(|guard| guard.agent.tried.clone()).unwrap_or_default();
        // Each turn of one conversation begins with the same text.
        let brief = call.brief.clone().or_else(|| self.swarm_brief(member));
        let (tools, turns) = (call.tools.offered_tools(), call.tools.turns.clone());
        let conversation = conversation_part(&turns, brief.as_ref().map(|brief| brief.topology));
        let recalled = Arc::clone(&self.env.recalled);
        let folder = self.env.folder.clone();
        let (keys, models) = (Arc::clone(&self.keys), &self.program.models);
        let with_model = |id: &ModelId| Some((*id, models.get(id.index())?));
        let recorded = |model: ModelId, candidates: &[ModelId]| {
            let candidates: Vec<(ModelId, &Model)> = candidates.iter().filter_map(with_model).collect();
            let source = KeySource {
                digest,
                params: &skill.params,
                args: &args,
                model: with_model(&model),
                candidates: &candidates,
                attached: &attachments,
                conversation,
                place: workspace.as_ref().map(|workspace| KeyPlace {
                    folder: &folder,
                    directory: workspace.directory.as_deref(),
                    env: &[],
                }),
            };
            let (key, _) = keys.effect_key(&source);
            recalled.answered.contains(&(path.clone(), attempt, key))
        };
        let complaint = guard_below(fiber).and_then(|guard| guard.complaint.clone());
        let ranked = guard_below(fiber).and_then(|guard| guard.ranked.clone());
        let session = guard_below(fiber).and_then(|guard| guard.session.clone());
        let for_agent = agent.is_some();
        let inputs = skill.params.iter().map(|param| &param.name).zip(&args).collect();
        let files = &attachments;
        let order = member.map(|member| SwarmOrder { member, tried: &tried });
        let wanted = Wanted {
            path: &path,
            using,
            needs: &needs,
            skill: &skill.name,
            ranked,
            inputs,
            files,
            file,
            for_agent,
            order,
        };
        let routed = self.choose_model(wanted, recorded, |machine, prefers| {
            let mut write = |template| -> Result<String> {
                let text = machine.eval.template(template, slots, Target::Prompt(prefers))?.text;
                Ok(machine.env.redactor.mask_stored(&text).0.into_owned())
            };
            let mut text = write(&prompt.prompt)?;
            let system = prompt.system.as_ref().map(write).transpose()?;
            if let Some(brief) = &brief {
                text.push_str("\n\n");
                text.push_str(&brief.text);
            }
            if let Some(complaint) = &complaint {
                text.push_str("\n\n");
                text.push_str(&machine.env.redactor.mask_stored(complaint).0);
            }
            Ok((text, system))
        })?;
        let Routed { model, candidates, text, system, tokens, recorded, ranked, reason } = routed;
        let mut max_tokens = max_tokens;
        let mut reserved = Reserve::default();
        let known = self.program.models.get(model.index());
        let is_agent = agent.is_some() || known.is_some_and(Model::is_agent);
        if let Some(known) = known.filter(|_| !recorded && !is_agent) {
            reserved = self.affordable(fiber, known, tokens, &mut max_tokens)?;
        }
        let all = candidates.clone();
        if let Some(Frame::Call(call)) = fiber.frames.last_mut() {
            call.model = Some(model);
            call.brief = brief;
            call.candidates = candidates;
            call.reserved = reserved;
            call.is_recorded = recorded;
        }
        if let Some(guard) = guard_below_mut(fiber) {
            guard.ranked = ranked;
            (guard.asked, guard.models) = (Some(model), all);
        }
        if let Some(known) = self.program.models.get(model.index()) {
            let model = known.name.to_string();
            match reason {
                Some(_) => self.emit_event(|| Event::ModelChosen { path, model, reason }),
                None => self.emit_if_watched(|| Event::ModelChosen { path, model, reason }),
            }
        }
        let schema = match file {
            Some(_) => None,
            None => schema::model_schema(self.program, &skill.output),
        };
        let request = PromptRequest {
            model,
            system,
            text,
            attachments,
            schema,
            schema_name: schema::schema_name(self.program, skill),
            temperature,
            max_tokens,
            file,
            tools,
            turns,
        };
        match is_agent {
            true => {
                let turn = AgentTurn { agent, workspace, complaint, session, is_recorded: recorded };
                self.agent_request(fiber, request, turn)
            }
            false => Ok(RequestKind::Prompt(Box::new(request))),
        }
    }

    fn load_request(&mut self, prompt: &Prompt, slots: &mut [Value]) -> Result<Vec<LoadRequest>> {
        let mut loads = Vec::new();
        for attach in &prompt.attach {
            match attach {
                Attach::Value(expr) => {
                    let value = self.eval.eval(expr, slots)?;
                    let single = [value.clone()];
                    for item in value.as_list().unwrap_or(&single) {
                        match item {
                            Value::Path(p) => loads.push(LoadRequest::File(p.to_string())),
                            Value::Str(p) => loads.push(LoadRequest::File(p.to_string())),
                            Value::Artifact(a) => loads.push(LoadRequest::File(a.path.clone())),
                            Value::Null => {}
                            other => return Err(defect!("`attach` of {}", other.kind())),
                        }
                    }
                }
                Attach::Files { pattern, dir } => {
                    let pattern = self.eval.eval(pattern, slots)?;
                    let dir = match dir {
                        Some(expr) => self.eval.eval(expr, slots)?.as_text().map(str::to_owned),
                        None => None,
                    };
                    let pattern = pattern.as_text().unwrap_or_default().to_owned();
                    loads.push(LoadRequest::Glob { pattern, dir });
                }
            }
        }
        Ok(loads)
    }
}
