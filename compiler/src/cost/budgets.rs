//! W0801: a budget below the worst case.

use cascade_grammar::ast::Span;
use cascade_ir::{CascadeId, Effect, Place, Program};

use super::costs_of;
use crate::{
    codes,
    diagnostic::Diagnostic,
    source::{SourceId, SourceMap},
};

/// A clause `budget`: the place of its stage or cascade, and the span of the clause.
pub(crate) type Budget = (Place, SourceId, Span);

/// The budgets of a program, and the cascades that contain them.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    pub clauses: Vec<Budget>,
    pub cascades: Vec<CascadeId>,
}

/// Reports budgets below the worst case.
pub(crate) fn warn_of_budgets(
    program: &Program,
    map: &SourceMap,
    budgets: &Budgets,
    diagnostics: &mut Vec<Diagnostic>,
) {
    // Only models cost money.
    if !program.skills.iter().any(|skill| matches!(skill.effect, Effect::Prompt(_))) {
        return;
    }
    let mut reported: Vec<Place> = Vec::new();
    for exceeded in costs_of(program, &budgets.cascades).into_iter().flat_map(|cost| cost.exceeded) {
        let clause = budgets.clauses.iter().find(|(place, ..)| *place == exceeded.place);
        let Some((_, source, span)) = clause.filter(|_| !reported.contains(&exceeded.place)) else { continue };
        reported.push(exceeded.place);
        let [budget, worst] = [exceeded.budget, exceeded.worst].map(super::report::money_text);
        let message = format!(
            "the worst case costs {worst}, more than the budget of {budget}: a run may fail when it is used up"
        );
        let mut d = Diagnostic::new(codes::OVER_BUDGET, *source, *span, message)
            .label("less than the worst case")
            .help("allow fewer attempts or rounds, shorter answers (`max_tokens`), a cheaper model, or more money");
        if let Some(peak) = exceeded.peak
            && let Some((source, span)) = first_word_at(map, peak.place)
        {
            d = d.also_at(source, span, format!("{} costs the most", peak.what));
        }
        diagnostics.push(d);
    }
}

/// The span of the first word at a place.
fn first_word_at(map: &SourceMap, place: Place) -> Option<(SourceId, Span)> {
    let source = SourceId(place.file);
    let text = &map.iter().find(|(id, _)| *id == source)?.1.text;
    let before: usize = text.split_inclusive('\n').take(place.line.saturating_sub(1) as usize).map(str::len).sum();
    let line = text.get(before..)?.lines().next()?;
    let column = line.char_indices().nth(place.column.saturating_sub(1) as usize)?.0;
    let word = line.get(column..)?.find(|c: char| !c.is_alphanumeric()).unwrap_or(line.len() - column);
    let start = before + column;
    Some((source, Span { start: start as u32, end: (start + word.max(1)) as u32 }))
}
