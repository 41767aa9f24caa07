//! Capabilities and effects: what models can do, and who may use the network.

use cascade_grammar::ast::{Name, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use crate::{
    codes,
    elab::{Cx, body::Body, literal::names},
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

impl Body<'_, '_> {
    /// Reports models that cannot do what a skill needs, where both are known.
    pub fn capability(&mut self, skill: ir::SkillId, models: &ir::Expr, span: Span) {
        let Some(Some(lowered)) = self.cx.out.skills.get(skill.index()) else { return };
        let needs = lowered.needs.clone();
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
