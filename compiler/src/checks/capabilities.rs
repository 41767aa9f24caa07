//! Capabilities and effects: what models can do, and who may use the network.

use cascade_grammar::ast::{Clause, ClauseKind, ErrorAction, Name, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use crate::{
    callees::{Callees, NetworkUse, SkillSummary},
    codes,
    diagnostic::Diagnostic,
    suggest::{quoted_list, with_suggestion},
    world::{Declared, Signature, View},
};

/// Reports a model that does not provide the capability of the arm of a route that leads to it.
pub(crate) fn model_of_arm(view: View<'_>, capability: &Name, id: ir::ModelId, span: Span) -> Option<Diagnostic> {
    let declared = &view.world.declared.models[id.index()];
    let provides = &declared.model.provides;
    if provides.is_empty() || provides.contains(&capability.text) {
        return None;
    }
    let message = format!("`{}` does not provide `{}`", declared.model.name, capability.text);
    let provided = quoted_list(provides.iter().map(SmolStr::as_str));
    let source = view.world.files.source(declared.origin.module);
    Some(view.diagnostic(codes::CAPABILITY, span, message).label("cannot serve this arm").also_at(
        source,
        declared.origin.span,
        format!("provides {provided}"),
    ))
}

/// Whether a model or route can serve a capability, as far as its declaration tells.
pub(crate) fn has_capability(declared: &Declared, model: ir::ModelRef, capability: &str) -> bool {
    match model {
        ir::ModelRef::Model(id) => {
            let provides = &declared.models[id.index()].model.provides;
            provides.is_empty() || provides.iter().any(|p| p == capability)
        }
        ir::ModelRef::Route(id) => {
            let arms = &declared.routes[id.index()].route.arms;
            let arm = arms
                .iter()
                .find(|a| a.capability.as_deref() == Some(capability))
                .or_else(|| arms.iter().find(|a| a.capability.is_none()));
            arm.is_some_and(|a| {
                a.models.is_empty() || a.models.iter().any(|m| has_capability(declared, *m, capability))
            })
        }
    }
}

/// Programs that are of no use without a network.
const NETWORK_PROGRAMS: &[&str] = &["curl", "ftp", "gh", "scp", "sftp", "ssh", "telnet", "wget"];

/// The program among the words of a command that needs the network.
pub(crate) fn network_program<'w>(mut words: impl Iterator<Item = &'w str>) -> Option<&'static str> {
    let first = words.next()?;
    let name = first.rsplit('/').next().unwrap_or(first);
    NETWORK_PROGRAMS.iter().copied().find(|program| *program == name)
}

/// Reports a use of the network inside of a sandbox that has none; `span` is the place in this
/// body, `sandbox` the head of the sandbox.
pub(crate) fn network_in_sandbox(view: View<'_>, network: &NetworkUse, span: Span, sandbox: Span) -> Diagnostic {
    let (source, at) = network.at;
    let message = format!("`{}` needs the network, and this sandbox has none", network.program);
    view.diagnostic(codes::NETWORK, span, message)
        .label("would fail")
        .also_at(view.source(), sandbox, "nothing in here reaches the network")
        .also_at(source, at, format!("`{}` is used here", network.program))
        .help("do it before or after the sandbox, or write `network on`")
}

/// Reports `network on` inside of a sandbox without network, whose head is `around`.
pub(crate) fn network_on_inside(view: View<'_>, network: Span, around: Span) -> Diagnostic {
    view.diagnostic(codes::NETWORK, network, "the sandbox around this one has no network")
        .label("cannot be had here")
        .also_at(view.source(), around, "off in here")
        .help("write `network on` there too")
}

/// The models that the cascade's own `using` names, and where.
pub(crate) type CascadeModels = (ir::Expr, Span);

/// Reports models of a stage that cannot do what its skill needs, and clauses about models where
/// the skill asks none.
pub(crate) fn models_of_stage(
    view: View<'_>,
    callees: &Callees,
    id: ir::SkillId,
    clauses: &[Clause],
    lowered: &ir::Clauses,
    of_cascade: Option<&CascadeModels>,
) -> Vec<Diagnostic> {
    let signature = &view.world.declared.skills[id.index()];
    let Some(skill) = callees.skill(id) else { return Vec::new() };
    if !skill.asks_model {
        return clauses.iter().filter_map(|clause| clause_without_model(view, signature, clause)).collect();
    }
    let mut found = Vec::new();
    let mut check = |models: &ir::Expr, span: Span| {
        found.extend(models_cannot(view, signature, skill, models, &lowered.needs, span));
    };
    let mut own = false;
    let mut handlers = lowered.on_error.iter();
    for clause in clauses {
        match &clause.kind {
            ClauseKind::Using(e) => {
                own = true;
                if let Some(models) = &lowered.using {
                    check(models, e.span);
                }
            }
            ClauseKind::OnError { action, .. } => {
                let handler = handlers.next().map(|h| &h.action);
                if let (ErrorAction::Use(e), Some(ir::ErrorAction::Use(models))) = (action, handler) {
                    check(models, e.span);
                }
            }
            _ => {}
        }
    }
    if !own && let Some((models, span)) = of_cascade {
        check(models, *span);
    }
    found
}

/// Reports a clause about models on a stage whose skill asks none.
fn clause_without_model(view: View<'_>, signature: &Signature, clause: &Clause) -> Option<Diagnostic> {
    let word = match &clause.kind {
        ClauseKind::Using(_) => "using",
        ClauseKind::Needs(_) => "needs",
        ClauseKind::OnError { action: ErrorAction::Use(_), .. } => "use",
        _ => return None,
    };
    let source = view.world.files.source(signature.origin.module);
    let d = view
        .diagnostic(codes::WRONG_PLACE, clause.span, format!("`{}` does not use a model", signature.name))
        .label(format!("`{word}` has no effect here"))
        .also_at(source, signature.origin.span, "its effect is none of a model");
    Some(match word {
        // As `needs: [build]` elsewhere.
        "needs" => d.help(
            "leave it out; a stage waits for the stages whose names it uses, and `needs` says what a model must have",
        ),
        _ => d.help("leave it out"),
    })
}

/// Reports the first of some models that cannot do what a skill needs, where both are known.
fn models_cannot(
    view: View<'_>,
    signature: &Signature,
    skill: &SkillSummary,
    models: &ir::Expr,
    more: &[SmolStr],
    span: Span,
) -> Option<Diagnostic> {
    let needs: Vec<&SmolStr> = skill.needs.iter().chain(more).collect();
    let single;
    let models = match models {
        ir::Expr::Model(_) => {
            single = [models.clone()];
            &single[..]
        }
        ir::Expr::List(items) => items,
        _ => return None,
    };
    let declared = view.world.declared;
    let (model, missing) = models.iter().find_map(|model| match model {
        ir::Expr::Model(model) => {
            let missing = needs.iter().find(|need| !has_capability(declared, *model, need))?;
            Some((*model, *missing))
        }
        _ => None,
    })?;
    let able: Vec<&str> = declared
        .models
        .iter()
        .filter(|m| needs.iter().all(|need| m.model.provides.contains(need)))
        .map(|m| m.model.name.as_str())
        .collect();
    let source = view.world.files.source(signature.origin.module);
    let message = format!("`{}` does not provide `{missing}`", view.world.model_name(model));
    let d = view.diagnostic(codes::CAPABILITY, span, message).label("cannot serve this skill").also_at(
        source,
        signature.origin.span,
        format!("`{}` needs it", signature.name),
    );
    Some(if able.is_empty() { d } else { d.help(format!("{} can", quoted_list(able.into_iter()))) })
}

/// Reports a capability that no model has, when one that a model has is written alike.
pub(crate) fn misspelt_need(view: View<'_>, need: &Name) -> Option<Diagnostic> {
    let models = || view.world.declared.models.iter().map(|declared| &declared.model);
    if need.text.is_empty() || models().any(|m| m.provides.is_empty() || m.provides.contains(&need.text)) {
        return None;
    }
    let known = models().flat_map(|m| m.provides.iter().map(SmolStr::as_str));
    let d =
        view.diagnostic(codes::CAPABILITY, need.span, format!("no model provides `{}`", need.text)).label("not known");
    let d = with_suggestion(d, &need.text, need.span, known);
    d.help.is_some().then_some(d)
}
