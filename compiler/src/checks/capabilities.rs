//! Capabilities and effects: what models can do, and who may use the network.

use cascade_grammar::ast::{Clause, ClauseKind, ErrorAction, Name, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use crate::{
    codes,
    elab::{Cx, body::Body, literal::names, with_suggestion},
    source::SourceId,
};

impl<'a> Cx<'a> {
    pub fn arm_capability(&mut self, module: usize, capability: &Name, id: ir::ModelId, span: Span) {
        let model = &self.out.models[id.index()];
        if model.provides.is_empty() || model.provides.contains(&capability.text) {
            return;
        }
        let (name, provides) = (model.name.clone(), model.provides.clone());
        let info = &self.model_infos[id.index()];
        let (source, declared) = (self.source(info.module), info.decl.name.span);
        let d = self
            .diag(module, codes::CAPABILITY, span, format!("`{name}` does not provide `{}`", capability.text))
            .label("cannot serve this arm")
            .also(source, declared, format!("provides {}", names(provides.iter().map(SmolStr::as_str))));
        self.report(d);
    }

    /// Whether a model or route can serve a capability, as far as its declaration tells.
    pub fn serves(&self, model: ir::ModelRef, capability: &str) -> bool {
        match model {
            ir::ModelRef::Model(id) => {
                let provides = &self.out.models[id.index()].provides;
                provides.is_empty() || provides.iter().any(|p| p == capability)
            }
            ir::ModelRef::Route(id) => {
                let arms = &self.out.routes[id.index()].arms;
                let arm = arms
                    .iter()
                    .find(|a| a.capability.as_deref() == Some(capability))
                    .or_else(|| arms.iter().find(|a| a.capability.is_none()));
                arm.is_some_and(|a| a.models.is_empty() || a.models.iter().any(|m| self.serves(*m, capability)))
            }
        }
    }
}

/// A use of the network by something that is no model.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// What it is: `http`, `curl`.
    pub what: SmolStr,
    /// Where it is written.
    pub source: SourceId,
    /// Where it is written.
    pub span: Span,
}

/// Programs that are of no use without a network.
const NETWORK_PROGRAMS: &[&str] = &["curl", "ftp", "gh", "scp", "sftp", "ssh", "telnet", "wget"];

/// The program among the words of a command that needs the network.
pub(crate) fn network_program<'w>(mut words: impl Iterator<Item = &'w str>) -> Option<&'static str> {
    let first = words.next()?;
    let name = first.rsplit('/').next().unwrap_or(first);
    NETWORK_PROGRAMS.iter().copied().find(|program| *program == name)
}

impl<'a> Body<'_, 'a> {
    /// Notes a use of the network, or reports it where there is none; `span` is the place in
    /// this body.
    pub fn uses_network(&mut self, network: Network, span: Span) {
        let Some(sandbox) = self.checks.network_off else {
            self.checks.effects.network.get_or_insert(network);
            return;
        };
        let source = self.source();
        let message = format!("`{}` needs the network, and this sandbox has none", network.what);
        let d = self
            .diag(codes::NETWORK, span, message)
            .label("would fail")
            .also(source, sandbox, "nothing in here reaches the network")
            .also(network.source, network.span, format!("`{}` is used here", network.what))
            .help("do it before or after the sandbox, or write `network on`");
        self.report(d);
    }

    /// The network of a sandbox; gives that of the place around it.
    pub fn enter_network(&mut self, network: Option<&Name>, head: Span) -> Option<Span> {
        let outer = self.checks.network_off;
        match network {
            Some(name) if name.text == "on" => {
                if let Some(around) = outer {
                    let source = self.source();
                    let d = self
                        .diag(codes::NETWORK, name.span, "the sandbox around this one has no network")
                        .label("cannot be had here")
                        .also(source, around, "off in here")
                        .help("write `network on` there too");
                    self.report(d);
                }
            }
            _ => self.checks.network_off = Some(head),
        }
        outer
    }

    /// Reports models of a stage that cannot do what its skill needs, and models where none is
    /// asked.
    pub fn stage_models(&mut self, skill: Option<ir::SkillId>, clauses: &'a [Clause], lowered: &ir::Clauses) {
        let Some(id) = skill else { return };
        if !self.asks_model(id) {
            for clause in clauses {
                let word = match &clause.kind {
                    ClauseKind::Using(_) => "using",
                    ClauseKind::Needs(_) => "needs",
                    ClauseKind::OnError { action: ErrorAction::Use(_), .. } => "use",
                    _ => continue,
                };
                let sig = &self.cx.skills[id.index()].sig;
                let (name, source, declared) = (sig.name.clone(), self.cx.source(sig.module), sig.span);
                let d = self
                    .diag(codes::WRONG_PLACE, clause.span, format!("`{name}` asks no model"))
                    .label(format!("`{word}` means nothing here"))
                    .also(source, declared, "its effect is none of a model");
                self.report(d);
            }
            return;
        }
        let mut own = false;
        let mut handlers = lowered.on_error.iter();
        for clause in clauses {
            match &clause.kind {
                ClauseKind::Using(e) => {
                    own = true;
                    if let Some(models) = &lowered.using {
                        self.capability(id, models, &lowered.needs, e.span);
                    }
                }
                ClauseKind::OnError { action, .. } => {
                    let handler = handlers.next().map(|h| &h.action);
                    if let (ErrorAction::Use(e), Some(ir::ErrorAction::Use(models))) = (action, handler) {
                        self.capability(id, models, &lowered.needs, e.span);
                    }
                }
                _ => {}
            }
        }
        if !own && let Some(models) = self.checks.using.take() {
            let span = self.checks.using_span;
            self.capability(id, &models, &lowered.needs, span);
            self.checks.using = Some(models);
        }
    }

    /// Whether a skill's effect is that of a model, as far as it is known.
    fn asks_model(&self, id: ir::SkillId) -> bool {
        match self.cx.out.skills.get(id.index()).and_then(Option::as_ref).map(|s| &s.effect) {
            Some(ir::Effect::Run(_) | ir::Effect::Http(_)) => false,
            Some(ir::Effect::Unsupported(u)) => u.construct != "mcp",
            _ => true,
        }
    }

    /// Reports a capability that no model has, when one that a model has is written alike.
    pub fn misspelt_need(&mut self, need: &Name) {
        let models = &self.cx.out.models;
        if need.text.is_empty() || models.iter().any(|m| m.provides.is_empty() || m.provides.contains(&need.text)) {
            return;
        }
        let known: Vec<SmolStr> = models.iter().flat_map(|m| m.provides.iter().cloned()).collect();
        let d =
            self.diag(codes::CAPABILITY, need.span, format!("no model provides `{}`", need.text)).label("not known");
        let d = with_suggestion(d, &need.text, need.span, known.iter().map(SmolStr::as_str));
        if d.help.is_some() {
            self.report(d);
        }
    }

    /// Reports models that cannot do what a skill needs, where both are known.
    fn capability(&mut self, skill: ir::SkillId, models: &ir::Expr, more: &[SmolStr], span: Span) {
        let Some(Some(lowered)) = self.cx.out.skills.get(skill.index()) else { return };
        if lowered.needs.is_empty() && more.is_empty() {
            return;
        }
        let mut needs = lowered.needs.clone();
        needs.extend(more.iter().cloned());
        let name = lowered.name.clone();
        let refs: Vec<ir::ModelRef> = match models {
            ir::Expr::Model(m) => vec![*m],
            ir::Expr::List(items) => items
                .iter()
                .filter_map(|i| match i {
                    ir::Expr::Model(m) => Some(*m),
                    _ => None,
                })
                .collect(),
            _ => return,
        };
        for model in refs {
            let missing = needs.iter().find(|n| !self.cx.serves(model, n));
            let Some(missing) = missing else { continue };
            let model_name = match model {
                ir::ModelRef::Model(id) => self.cx.out.models[id.index()].name.clone(),
                ir::ModelRef::Route(id) => self.cx.out.routes[id.index()].name.clone(),
            };
            let sig = &self.cx.skills[skill.index()].sig;
            let (source, declared) = (self.cx.source(sig.module), sig.span);
            let able: Vec<SmolStr> = self
                .cx
                .out
                .models
                .iter()
                .filter(|m| needs.iter().all(|n| m.provides.contains(n)))
                .map(|m| m.name.clone())
                .collect();
            let mut d = self
                .diag(codes::CAPABILITY, span, format!("`{model_name}` does not provide `{missing}`"))
                .label("cannot serve this skill")
                .also(source, declared, format!("`{name}` needs it"));
            if !able.is_empty() {
                d = d.help(format!("{} can", names(able.iter().map(SmolStr::as_str))));
            }
            self.report(d);
            return;
        }
    }
}
