//! The parameters of the call around the cursor.

use cascade_grammar::ast::{Expr, ExprKind};

use crate::{
    compile::Analysis,
    index::{Callable, Symbol},
    source::SourceId,
    walk,
};

/// A call that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHelp {
    /// The whole signature.
    pub label: String,
    /// The parameters, as they stand in the signature, each with its documentation.
    pub params: Vec<(String, String)>,
    /// The documentation of what is called.
    pub documentation: String,
    /// The parameter at the cursor.
    pub active: Option<usize>,
}

/// The signature of the innermost call whose parentheses hold the offset.
pub fn signature_help(analysis: &Analysis, source: SourceId, offset: u32) -> Option<SignatureHelp> {
    let module = analysis.module(source)?;
    let items = &analysis.modules.get(module)?.parse.file.items;
    let mut innermost: Option<&Expr> = None;
    for item in items.iter().filter(|item| item.span.touches(offset)) {
        walk::walk_item(item, &mut |e| {
            if let ExprKind::Call { args_span, .. } = &e.kind
                && args_span.start < offset
                && offset < args_span.end
            {
                innermost = Some(e);
            }
        });
    }
    let ExprKind::Call { callee, args, .. } = &innermost?.kind else { return None };
    let name = match &callee.kind {
        ExprKind::Name(name) | ExprKind::Field { name, .. } => name,
        _ => return None,
    };
    let of = analysis.symbols_at(source, name.span.start).into_iter().find_map(|(symbol, _)| match symbol {
        Symbol::Skill(id) => Some(Callable::Skill(id)),
        Symbol::Fn(id) => Some(Callable::Fn(id)),
        Symbol::Cascade(id) => Some(Callable::Cascade(id)),
        _ => None,
    })?;
    let signature = analysis.declared.signature(of)?;
    // The argument at the cursor: the first one that does not end before it.
    let position = args.iter().take_while(|arg| arg.value.span.end < offset).count();
    let active = match args.get(position).and_then(|arg| arg.name.as_ref()) {
        Some(name) => signature.params.iter().position(|param| param.name == name.text),
        None => (position < signature.params.len()).then_some(position),
    };
    let texts = (0..signature.params.len()).map(|number| analysis.param_text(signature, number));
    Some(SignatureHelp {
        label: analysis.signature_text(signature),
        params: texts.zip(signature.params.iter().map(|param| param.doc.clone())).collect(),
        documentation: analysis.doc_of(signature.origin).unwrap_or_default(),
        active,
    })
}
