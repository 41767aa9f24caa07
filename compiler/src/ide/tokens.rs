//! What each token of a file is, as far as only the meaning tells: a name may be a stage, a field or a
//! model, a text a prompt or a command.

use cascade_grammar::{
    Parse, TokenClass,
    ast::{Expr, ExprKind, ItemKind, SkillLineKind, Span},
};
use rustc_hash::FxHashMap as HashMap;

use super::shell_words::shell_words;
use crate::{
    compile::Analysis,
    index::{Builtin, Symbol},
    source::SourceId,
    types::TypeDefKind,
    walk,
};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A word of the language.
    Keyword,
    /// A number with its unit.
    Number,
    /// An operator.
    Operator,
    /// The text of a string.
    Text,
    /// The text of a prompt.
    Prompt,
    /// The text of a command, but its words.
    Shell,
    /// The word of a command that names a program.
    ShellProgram,
    /// A word of a command that begins with `-`.
    ShellOption,
    /// Another word of a command.
    ShellArgument,
    /// `$<` and `>`.
    Hole,
    /// A record, an alias, a built-in type.
    Type,
    /// An enum.
    Enum,
    /// A variant of an enum.
    Variant,
    /// A field, a key, a setting.
    Field,
    /// A parameter.
    Parameter,
    /// A variable, the value of a stage.
    Variable,
    /// A fn, a built-in function.
    Function,
    /// A skill or a cascade: what a stage calls.
    Skill,
    /// A method of a built-in type.
    Method,
    /// A model or a route.
    Model,
    /// A module.
    Module,
    /// A memory or an mcp server.
    Store,
    /// A word with a meaning at its place only.
    Word,
}

/// A token with what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SemanticToken {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: TokenKind,
    /// Whether it declares the name.
    pub declaration: bool,
    /// Whether the value may hold text that came from outside.
    pub untrusted: bool,
    /// Whether the value holds a secret.
    pub secret: bool,
}

/// The tokens of a file, which has this text, sorted by place and apart.
pub fn semantic_tokens(analysis: &Analysis, source: SourceId, text: &str) -> Vec<SemanticToken> {
    let Some(number) = analysis.module(source) else { return Vec::new() };
    let Some(index) = analysis.index.modules().get(number) else { return Vec::new() };
    let parse = &analysis.modules[number].parse;
    let texts = kinds_of_texts(parse);
    let mut words = words_of_commands(parse, text).into_iter().peekable();
    // Of a name that is both (`{ a }` in a pattern), the use tells more.
    let mut names: HashMap<u32, (Symbol, bool)> = HashMap::default();
    for definition in index.definitions.iter().filter(|definition| definition.named) {
        names.insert(definition.span.start, (definition.symbol, true));
    }
    names.extend(index.uses.iter().map(|used| (used.span.start, (used.symbol, false))));
    let mut found = Vec::new();
    for token in &parse.tokens {
        let span = token.span();
        if span.start == span.end {
            continue;
        }
        let mut token_found =
            SemanticToken { span, kind: TokenKind::Word, declaration: false, untrusted: false, secret: false };
        token_found.kind = match token.class() {
            TokenClass::Keyword | TokenClass::Constant => TokenKind::Keyword,
            TokenClass::Number => TokenKind::Number,
            TokenClass::Operator => TokenKind::Operator,
            TokenClass::Hole => TokenKind::Hole,
            TokenClass::StringText | TokenClass::Quote => {
                let around = texts.iter().filter(|(text, _)| text.encloses(span));
                around.min_by_key(|(text, _)| text.end - text.start).map_or(TokenKind::Text, |(_, kind)| *kind)
            }
            TokenClass::Name => {
                let Some((symbol, declaration)) = names.get(&span.start) else { continue };
                let Some(kind) = analysis.token_kind(*symbol) else { continue };
                token_found.declaration = *declaration;
                let typed = index.type_of(span).map(|found| (found.ty, found.untrusted));
                let variable = || index.variables.iter().find(|v| v.span == span).map(|v| (v.ty, v.untrusted));
                if let Some((ty, untrusted)) = typed.or_else(variable) {
                    token_found.untrusted = untrusted;
                    token_found.secret = analysis.types.holds_secret(ty);
                }
                kind
            }
            TokenClass::LineEnd | TokenClass::Bracket | TokenClass::Punctuation => continue,
        };
        // A text of a command is what its words leave of it.
        while words.next_if(|(word, _)| word.end <= span.start).is_some() {}
        while let Some((word, kind)) = words.next_if(|(word, _)| word.end <= span.end) {
            let before = Span { start: token_found.span.start, end: word.start };
            if before.start < before.end {
                found.push(SemanticToken { span: before, ..token_found });
            }
            found.push(SemanticToken { span: word, kind, ..token_found });
            token_found.span.start = word.end;
        }
        if token_found.span.start < token_found.span.end {
            found.push(token_found);
        }
    }
    found
}

/// The words of all commands, sorted by place.
fn words_of_commands(parse: &Parse, text: &str) -> Vec<(Span, TokenKind)> {
    let mut found = Vec::new();
    for item in &parse.file.items {
        walk::walk_item(item, &mut |e: &Expr| {
            if let ExprKind::Command(command) = &e.kind {
                found.extend(shell_words(command, text));
            }
        });
    }
    found.sort_unstable_by_key(|(span, _)| span.start);
    found
}

/// The literals that are prompts or commands; those in their holes are texts again.
fn kinds_of_texts(parse: &Parse) -> Vec<(Span, TokenKind)> {
    let mut found = Vec::new();
    for item in &parse.file.items {
        walk::walk_item(item, &mut |e: &Expr| match &e.kind {
            ExprKind::Command(text) => found.push((text.span, TokenKind::Shell)),
            ExprKind::Str(text) => found.push((text.span, TokenKind::Text)),
            _ => {}
        });
        let ItemKind::Skill(decl) = &item.kind else { continue };
        for line in &decl.body {
            if let SkillLineKind::Prompt(e) | SkillLineKind::System(e) | SkillLineKind::Agent { prompt: e, .. } =
                &line.kind
                && let ExprKind::Str(text) = &e.kind
            {
                found.retain(|(span, _)| *span != text.span);
                found.push((text.span, TokenKind::Prompt));
            }
        }
    }
    found
}

impl Analysis {
    fn token_kind(&self, symbol: Symbol) -> Option<TokenKind> {
        Some(match symbol {
            Symbol::Type(id) => match self.types.defs.get(id as usize).map(|def| &def.kind) {
                Some(TypeDefKind::Enum(_)) => TokenKind::Enum,
                _ => TokenKind::Type,
            },
            Symbol::Builtin(Builtin::Type) => TokenKind::Type,
            Symbol::Model(_) | Symbol::Route(_) => TokenKind::Model,
            Symbol::Mcp(_) | Symbol::Memory(_) => TokenKind::Store,
            Symbol::Skill(_) | Symbol::Cascade(_) => TokenKind::Skill,
            Symbol::Fn(id) if self.declared.fns.get(id as usize).is_some_and(|s| s.is_constant) => TokenKind::Variable,
            Symbol::Fn(_) | Symbol::Builtin(Builtin::Function) => TokenKind::Function,
            Symbol::Builtin(Builtin::Method) => TokenKind::Method,
            Symbol::Module(_) => TokenKind::Module,
            Symbol::Field { .. }
            | Symbol::VariantField { .. }
            | Symbol::RecordField { .. }
            | Symbol::MemoryKey { .. }
            | Symbol::Builtin(Builtin::Key) => TokenKind::Field,
            Symbol::Variant { .. } => TokenKind::Variant,
            Symbol::Param { .. } => TokenKind::Parameter,
            Symbol::Variable { .. } => TokenKind::Variable,
            Symbol::Builtin(Builtin::Word) => TokenKind::Word,
            Symbol::Missing => return None,
        })
    }
}
