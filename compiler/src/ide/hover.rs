//! What is known of the name or the expression under the cursor.

use cascade_grammar::ast::Span;
use cascade_ir as ir;

use super::type_at;
use crate::{
    checks::capabilities::has_capability,
    compile::Analysis,
    cost,
    index::{Callable, Symbol},
    source::SourceId,
};

/// What an editor shows beside the cursor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hover {
    /// The name or the expression.
    pub span: Span,
    /// Its declaration or its type, in the syntax of the language.
    pub code: String,
    /// Its documentation, in Markdown.
    pub documentation: String,
    /// What else is known, a sentence each.
    pub notes: Vec<String>,
}

/// What is known of the name or the expression at an offset. The worst case of a cascade is known where
/// the program has no errors.
pub fn hover(analysis: &Analysis, program: Option<&ir::Program>, source: SourceId, offset: u32) -> Option<Hover> {
    let mut found = Hover::default();
    let symbols = analysis.symbols_at(source, offset);
    let described = symbols.iter().find_map(|(symbol, span)| Some((*symbol, *span, analysis.describe(*symbol)?)));
    let typed = type_at(analysis, source, offset);
    match described {
        Some((symbol, span, description)) => {
            (found.span, found.code, found.documentation) = (span, description.code, description.documentation);
            // What a test tells of the type of a variable here is more than its declaration.
            if let (Symbol::Variable { .. }, Some(typed)) = (symbol, &typed)
                && typed.span == span
                && let Some((name, _)) = found.code.split_once(':')
            {
                found.code = format!("{name}: {}", typed.ty);
            }
            match symbol {
                Symbol::Skill(id) => found.notes.extend(analysis.notes_of_skill(id)),
                Symbol::Cascade(id) => found.notes.extend(program.and_then(|program| worst_case(program, id))),
                _ => {}
            }
        }
        None => {
            // `?` is the type of what is wrong.
            let typed = typed.as_ref().filter(|typed| typed.ty != "?")?;
            (found.span, found.code) = (typed.span, typed.ty.clone());
        }
    }
    if let Some(typed) = typed.filter(|typed| typed.span == found.span) {
        if typed.untrusted {
            found.notes.push("It may hold text that came from outside: of a model, a command, the web.".to_owned());
        }
        if typed.secret {
            found.notes.push("It holds a secret.".to_owned());
        }
    }
    Some(found)
}

impl Analysis {
    /// The capabilities that a skill needs, and the models that have them.
    fn notes_of_skill(&self, id: u32) -> Vec<String> {
        let Some(signature) = self.declared.signature(Callable::Skill(id)) else { return Vec::new() };
        if !self.asks_model(signature) {
            return Vec::new();
        }
        let needs = self.needs_of(signature);
        let mut notes = Vec::new();
        if !needs.is_empty() {
            notes.push(format!("It needs {}.", quote_names(needs.iter().copied())));
        }
        let models = self.declared.models.iter().enumerate().filter(|(number, _)| {
            let model = ir::ModelRef::Model(ir::ModelId(*number as u32));
            needs.iter().all(|capability| has_capability(&self.declared, model, capability))
        });
        let names: Vec<&str> = models.map(|(_, declared)| declared.model.name.as_str()).collect();
        notes.push(match names.as_slice() {
            [] => "No model of the program can serve it.".to_owned(),
            names => format!("Models that can serve it: {}.", quote_names(names.iter().copied())),
        });
        notes
    }
}

fn quote_names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The worst case of a cascade, in one line.
fn worst_case(program: &ir::Program, cascade: u32) -> Option<String> {
    let (cost, _) = cost::cost_of(program, ir::CascadeId(cascade))?;
    Some(format!("Worst case: {}.", cost::cost_figures(&cost)))
}
