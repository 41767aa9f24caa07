//! Resolves names of module scopes: what is found is used by that, and the index learns of it.

use cascade_grammar::ast::Name;
use cascade_ir as ir;

use crate::{
    checks::names::{deprecated_use, not_exported, unknown_declaration},
    codes,
    findings::Findings,
    world::{Def, View, World},
};

/// What a name stands for in a module.
pub(crate) fn resolve_name(world: World<'_>, module: usize, name: &Name, findings: &mut Findings) -> Option<Def> {
    let (owner, binding) = world.find_binding(module, &name.text)?;
    if owner == module {
        findings.used_names.push((module, binding.number));
    }
    findings.index.record_use(module, name.span, binding.def.symbol());
    Some(binding.def)
}

/// What a name stands for that stands after the name of another module.
pub(crate) fn resolve_exported(
    world: World<'_>,
    module: usize,
    other: usize,
    name: &Name,
    findings: &mut Findings,
) -> Option<Def> {
    let def = world.find_exported(other, &name.text)?;
    findings.index.record_use(module, name.span, def.symbol());
    Some(def)
}

/// The mcp server that a name stands for; reports one that is none.
pub(crate) fn resolve_server(view: View<'_>, name: &Name, findings: &mut Findings) -> Option<ir::ServerId> {
    if name.text.is_empty() {
        return None;
    }
    match resolve_name(view.world, view.module, name, findings) {
        Some(Def::Mcp(id)) => Some(ir::ServerId(id)),
        Some(Def::Missing) => None,
        _ => {
            let may_suggest = findings.may_suggest();
            findings.report(unknown_declaration(view, name, "mcp server", may_suggest));
            None
        }
    }
}

/// What a dotted name stands for (`github.Issue`). Reports it when it stands for nothing; `wanted`
/// says what is needed there ("type", "model").
pub(crate) fn resolve_path(view: View<'_>, path: &[Name], wanted: &str, findings: &mut Findings) -> Option<Def> {
    let (world, module) = (view.world, view.module);
    let first = path.first()?;
    if first.text.is_empty() {
        return None;
    }
    let Some(def) = resolve_name(world, module, first, findings) else {
        let may_suggest = findings.may_suggest();
        findings.report(unknown_declaration(view, first, wanted, may_suggest));
        return None;
    };
    if !world.declared.deprecated.is_empty() && path.len() == 1 {
        findings.diagnostics.extend(deprecated_use(view, def, &first.text, first.span));
    }
    match (def, path.get(1)) {
        (Def::Missing, _) => Some(Def::Missing),
        (def, None) => Some(def),
        (Def::Module(other), Some(second)) => {
            if second.text.is_empty() {
                return None;
            }
            let found = resolve_exported(world, module, other, second, findings);
            if found.is_none() {
                let may_suggest = findings.may_suggest();
                findings.report(not_exported(view, other, second, may_suggest));
            }
            found
        }
        (def, Some(second)) => {
            let message = format!("`{}` is {} and has no parts", first.text, def.kind_name());
            findings.report(view.diagnostic(codes::UNKNOWN_NAME, second.span, message).label("not found"));
            None
        }
    }
}
