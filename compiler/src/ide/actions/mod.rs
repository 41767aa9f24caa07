//! Changes that an editor offers at a place: the fixes of diagnostics, and rewritings of the program.
//!
//! A rewriting is drafted from the tree and the index, and offered only if the program with it has no diagnostic that
//! it did not have before: whether a change can be right is not guessed.

mod clauses;
mod extract;
mod import;
mod inline;
mod parallel;
mod place;
mod tidy;

use std::{cell::OnceCell, collections::HashMap, sync::Arc};

use cascade_grammar::{Parse, ast::Span};

use super::{Analysed, changed::Changed};
use crate::{
    compile::compile,
    diagnostic::Diagnostic,
    index::ModuleIndex,
    source::{SourceId, Sources},
};

/// What an action is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionKind {
    /// Mends what a diagnostic reports.
    QuickFix,
    /// Gives a part a name of its own.
    Extract,
    /// Puts a value where its name stood.
    Inline,
    /// Changes how the program does the same.
    Rewrite,
}

/// A change of one file that can be made at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it does, for a menu: "import `auto` from `std.models`".
    pub title: String,
    /// What it is for.
    pub kind: ActionKind,
    /// The diagnostic that it mends, as its number in the analysis.
    pub diagnostic: Option<usize>,
    /// What is replaced, and by what; sorted by place, apart from each other.
    pub changes: Vec<(Span, String)>,
}

/// The place that is asked about.
struct Question<'a> {
    program: Analysed<'a>,
    sources: &'a dyn Sources,
    source: SourceId,
    /// The file's number among the modules.
    module: usize,
    index: &'a ModuleIndex,
    parse: &'a Parse,
    name: &'a str,
    text: &'a str,
    /// What is selected; empty where a cursor stands.
    selected: Span,
    /// Files of the project that could be imported.
    project: &'a dyn Fn() -> Vec<String>,
    /// The diagnostics of the program as it is. Those that the editor shows may be fewer: a project leaves some out.
    before: OnceCell<Vec<Diagnostic>>,
}

/// A change whose result has not been looked at yet.
struct Draft {
    title: String,
    kind: ActionKind,
    diagnostic: Option<usize>,
    changes: Vec<(Span, String)>,
    /// Whether the program with it may have other diagnostics, if only the one that it mends is gone: a name that
    /// is known at last shows what else is wrong.
    reveals: bool,
}

/// The actions at a range of a file, fixes first. `project` gives the names of the project's files.
pub fn find_actions(
    program: Analysed<'_>,
    source: SourceId,
    selected: Span,
    sources: &dyn Sources,
    project: &dyn Fn() -> Vec<String>,
) -> Vec<Action> {
    let Some(module) = program.analysis.module(source) else { return Vec::new() };
    let Some(index) = program.analysis.index.modules().get(module) else { return Vec::new() };
    let file = program.sources.get(source);
    let parse = &*program.analysis.modules[module].parse;
    let (name, text) = (file.name.as_str(), &*file.text);
    let question = Question {
        program,
        sources,
        source,
        module,
        index,
        parse,
        name,
        text,
        selected,
        project,
        before: OnceCell::new(),
    };
    let mut found = question.fixes();
    let mut drafts = Vec::new();
    question.draft_imports(&mut drafts);
    question.draft_extractions(&mut drafts);
    question.draft_inlinings(&mut drafts);
    question.draft_parallels(&mut drafts);
    question.draft_clauses(&mut drafts);
    found.extend(drafts.into_iter().filter_map(|draft| question.finish(draft)));
    found
}

impl Question<'_> {
    /// The diagnostics of the file that the selection touches, with their numbers.
    fn diagnostics(&self) -> impl Iterator<Item = (usize, &Diagnostic)> {
        self.program.diagnostics.iter().enumerate().filter(|(_, d)| {
            let place = d.primary.span;
            d.primary.source == self.source && place.start <= self.selected.end && self.selected.start <= place.end
        })
    }

    /// The fixes of the diagnostics.
    fn fixes(&self) -> Vec<Action> {
        let mut found = Vec::new();
        for (number, diagnostic) in self.diagnostics() {
            for fix in diagnostic.fixes.iter().filter(|fix| fix.source == self.source) {
                let change = [(fix.span, fix.replacement.clone())];
                let Some((_, changes)) = tidy::apply_changes(self.text, self.parse, &change) else { continue };
                let (title, kind) = (fix.title.clone(), ActionKind::QuickFix);
                found.push(Action { title, kind, diagnostic: Some(number), changes });
            }
        }
        found
    }

    /// The action of a draft, if the program can be as it says.
    fn finish(&self, mut draft: Draft) -> Option<Action> {
        draft.changes.sort_by_key(|(span, _)| (span.start, span.end));
        let (after, changes) = tidy::apply_changes(self.text, self.parse, &draft.changes)?;
        let after: Arc<str> = after.into();
        let sources = Changed::one(self.name, Arc::clone(&after), self.sources);
        let compiled = compile(self.name, after, &sources);
        if self.sources.is_cancelled() {
            return None;
        }
        // Of each message so many as there were before: places move.
        let mut known: HashMap<(&str, &str), usize> = HashMap::new();
        let before = self.before.get_or_init(|| compile(self.name, self.text.into(), self.sources).diagnostics);
        for diagnostic in before {
            *known.entry((diagnostic.code.as_str(), &diagnostic.message)).or_default() += 1;
        }
        let mended = draft.diagnostic.and_then(|number| self.program.diagnostics.get(number));
        if let Some(mended) = mended
            && let Some(count) = known.get_mut(&(mended.code.as_str(), mended.message.as_str()))
        {
            *count -= 1;
        }
        for diagnostic in &compiled.diagnostics {
            match known.get_mut(&(diagnostic.code.as_str(), diagnostic.message.as_str())) {
                Some(count) if *count > 0 => *count -= 1,
                None if draft.reveals => {}
                _ => return None,
            }
        }
        let Draft { title, kind, diagnostic, .. } = draft;
        Some(Action { title, kind, diagnostic, changes })
    }

    /// The text of a range.
    fn text_of(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }
}
