//! W0801: a budget that the worst case passes, told where everything about it is known.

use cascade_grammar::ast::Span;
use cascade_ir::{CascadeId, Effect, Place, Program};

use super::of;
use crate::{
    codes,
    diagnostic::Diagnostic,
    source::{SourceId, SourceMap},
};

/// A clause `budget`, by the place of what has it.
pub(crate) type Budget = (Place, SourceId, Span);

/// The budgets of a program, and the cascades that they stand in.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    pub clauses: Vec<Budget>,
    pub cascades: Vec<CascadeId>,
}

/// Reports budgets that the worst case passes.
pub(crate) fn warn(program: &Program, map: &SourceMap, budgets: &Budgets, diagnostics: &mut Vec<Diagnostic>) {
    // Only models cost money.
    if !program.skills.iter().any(|skill| matches!(skill.effect, Effect::Prompt(_))) {
        return;
    }
    let mut told: Vec<Place> = Vec::new();
    for over in of(program, &budgets.cascades).into_iter().flat_map(|cost| cost.over) {
        let clause = budgets.clauses.iter().find(|(place, ..)| *place == over.place);
        let Some((_, source, span)) = clause.filter(|_| !told.contains(&over.place)) else { continue };
        told.push(over.place);
        let [budget, worst] = [over.budget, over.worst].map(super::tell::money);
        let message = format!("the worst case is {worst}, the budget {budget}: a run may stop in the middle");
        let mut d = Diagnostic::new(codes::OVER_BUDGET, *source, *span, message)
            .label("does not pay for all of it")
            .help("allow fewer attempts or rounds, shorter answers (`max_tokens`), a cheaper model, or more money");
        if let Some(peak) = over.peak
            && let Some((source, span)) = spot(map, peak.place)
        {
            d = d.also(source, span, format!("{} costs the most", peak.what));
        }
        diagnostics.push(d);
    }
}

/// The first word at a place.
fn spot(map: &SourceMap, place: Place) -> Option<(SourceId, Span)> {
    let source = SourceId(place.file);
    let text = &map.iter().find(|(id, _)| *id == source)?.1.text;
    let before: usize = text.split_inclusive('\n').take(place.line.saturating_sub(1) as usize).map(str::len).sum();
    let line = text.get(before..)?.lines().next()?;
    let column = line.char_indices().nth(place.column.saturating_sub(1) as usize)?.0;
    let word = line.get(column..)?.find(|c: char| !c.is_alphanumeric()).unwrap_or(line.len() - column);
    let start = before + column;
    Some((source, Span { start: start as u32, end: (start + word.max(1)) as u32 }))
}
