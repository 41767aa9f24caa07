//! `textDocument/prepareCallHierarchy`, `callHierarchy/incomingCalls` and `callHierarchy/outgoingCalls`.
//!
//! An item carries its file and the position of its name: a question about it is a question about that place of an
//! open document, or of a file that is analysed for it.

use std::sync::Arc;

use cascade_compiler::{
    SourceId, Sources,
    ide::{Callee, Calls},
};
use tower_lsp::ls_types::{CallHierarchyIncomingCall, CallHierarchyItem, CallHierarchyOutgoingCall, Position, Range};

use super::{View, symbols::symbol_kind};
use crate::{analysis::Analysis, document::source_name, position::LineIndex};

/// What the name at a position stands for, if it can be called.
pub(crate) fn answer_prepare(view: &View, position: Position) -> Option<Vec<CallHierarchyItem>> {
    let checked = view.checked()?;
    let callee = checked.compiled.callee_at(checked.source, view.offset(position))?;
    Some(vec![hierarchy_item(view, checked.analysis, callee)?])
}

/// Who calls an item, in all programs of the project.
pub(crate) fn answer_incoming(view: &View, asked: &CallHierarchyItem) -> Option<Vec<CallHierarchyIncomingCall>> {
    let (analysis, source, offset) = find_callee(view, asked)?;
    let file = source_name(&asked.uri);
    let mut found: Vec<CallHierarchyIncomingCall> = Vec::new();
    let mut add = |analysis: &Analysis, calls: Vec<Calls>| {
        for call in calls {
            let from_ranges = call_ranges(view, analysis, call.other.whole.source, &call);
            if let Some(from) = hierarchy_item(view, analysis, call.other)
                && !found.iter().any(|other| other.from.uri == from.uri && other.from.range == from.range)
            {
                found.push(CallHierarchyIncomingCall { from, from_ranges });
            }
        }
    };
    add(&analysis, analysis.compiled.as_deref()?.callers(source, offset));
    for other in view.programs_with(&file) {
        let source = other.sources.iter().find(|(_, source)| source.name == file).map(|(source, _)| source);
        if let (Some(source), Some(compiled)) = (source, &other.compiled) {
            add(&other, compiled.callers(source, offset));
        }
    }
    Some(found)
}

/// What an item calls.
pub(crate) fn answer_outgoing(view: &View, asked: &CallHierarchyItem) -> Option<Vec<CallHierarchyOutgoingCall>> {
    let (analysis, source, offset) = find_callee(view, asked)?;
    let calls = analysis.compiled.as_deref()?.calls(source, offset);
    let found = calls.into_iter().filter_map(|call| {
        let from_ranges = call_ranges(view, &analysis, source, &call);
        Some(CallHierarchyOutgoingCall { to: hierarchy_item(view, &analysis, call.other)?, from_ranges })
    });
    Some(found.collect())
}

/// The analysis of the file of an item, with where the item's name stands in it.
fn find_callee(view: &View, asked: &CallHierarchyItem) -> Option<(Arc<Analysis>, SourceId, u32)> {
    let file = source_name(&asked.uri);
    let own = view.analysis.iter().chain(&view.others).find(|analysis| analysis.root == file);
    let analysis = match own {
        Some(analysis) => Arc::clone(analysis),
        None => Arc::new(view.analyse(&file, view.sources().read(&file).ok()?)),
    };
    let (source, text) =
        analysis.sources.iter().find(|(_, source)| source.name == file).map(|(id, s)| (id, &s.text))?;
    let offset = LineIndex::new(text).offset(text, asked.selection_range.start, view.settings.encoding) as u32;
    Some((Arc::clone(&analysis), source, offset))
}

fn call_ranges(view: &View, analysis: &Analysis, source: SourceId, call: &Calls) -> Vec<Range> {
    let text = &analysis.sources.get(source).text;
    let lines = LineIndex::new(text);
    call.spans.iter().map(|span| lines.range(text, *span, view.settings.encoding)).collect()
}

/// An item of the protocol; `None` in the standard library, which has no file.
fn hierarchy_item(view: &View, analysis: &Analysis, callee: Callee) -> Option<CallHierarchyItem> {
    let whole = view.location(analysis, callee.whole)?;
    Some(CallHierarchyItem {
        name: callee.name,
        kind: symbol_kind(callee.kind),
        tags: None,
        detail: None,
        uri: whole.uri,
        range: whole.range,
        selection_range: view.location(analysis, callee.place)?.range,
        data: None,
    })
}
