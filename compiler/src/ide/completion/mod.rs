//! What can be written at the cursor.
//!
//! The word at the cursor, if there is one, is replaced by [`TYPED_NAME`], and the file is analysed
//! with it, or only the declaration at the cursor ([`excerpt`]): so a half-typed line is as whole as it can be. The tree tells what the name stands for
//! ([`place`]), the checker which type is expected of it, and the grammar which words of the language
//! may stand there.

mod excerpt;
mod files;
mod habits;
mod imports;
mod item;
mod members;
mod place;
mod place_in_body;
mod types;
mod values;
mod words;

use std::sync::Arc;

use cascade_grammar::{
    Expectations, Parse, TokenClass,
    ast::{ItemKind, Span},
    expected_at,
};
use rustc_hash::FxHashMap as HashMap;
use smol_str::SmolStr;

pub(super) use files::project_file;
pub use item::{Completion, CompletionKind, Completions};

use item::Collected;
use place::{Place, Wanted, find_place};

use crate::{
    analyze::Options,
    body::error_kind,
    checks::attributes::{Target, attribute_names},
    compile::{Analysis, compile_with},
    ide::Analysed,
    index::{ModuleIndex, TYPED_NAME},
    source::Sources,
    types::{Ty, TypeDefKind},
    world::{Binding, Def},
};

/// A question about a place of an analysed file.
struct Question<'a> {
    analysis: &'a Analysis,
    sources: &'a dyn Sources,
    /// The file's name.
    name: &'a str,
    /// The analysed text, with [`TYPED_NAME`] at the cursor.
    text: &'a str,
    /// Where [`TYPED_NAME`] begins.
    offset: u32,
    /// Where the places of the analysed text stand in the text that is edited.
    moved: Moved,
    module: usize,
    prelude: Option<usize>,
    words: Expectations,
    /// The declaration around the cursor, unless it is a test.
    around: Option<usize>,
    /// The imports of the file.
    imports: Vec<Span>,
    /// The program before the declaration at the cursor was changed, and where that stood. It knows what the
    /// other declarations use.
    kept: Option<(&'a Analysis, Span)>,
}

/// Where a file names one of its declarations or imports. Who declares something uses it, mostly once in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usage {
    /// Nowhere yet.
    Nowhere,
    /// In other declarations than the one at the cursor, as far as they were analysed.
    Elsewhere,
    /// In the declaration at the cursor.
    Here,
}

/// How places of the analysed text become places of the text that is edited: those behind `from` are moved by
/// `by` bytes, but not before it.
#[derive(Debug, Clone, Copy)]
struct Moved {
    from: u32,
    by: i64,
    /// Where a declaration begins that was checked alone, and where it stands in the edited text.
    excerpt: Option<(u32, u32)>,
}

impl Moved {
    fn place(self, at: u32) -> u32 {
        match self.excerpt {
            Some((start, original)) if at >= start => original + (at - start),
            _ if at > self.from => (i64::from(at) + self.by).max(i64::from(self.from)) as u32,
            _ => at,
        }
    }
}

/// What can be written at an offset of a file's text. `sources` gives the files that it imports, and
/// the folders for paths. `kept` is the program as it was analysed last, if it was: where it differs from the
/// text in the body at the cursor only, that body alone is checked.
pub fn complete(name: &str, text: &str, offset: u32, sources: &dyn Sources, kept: Option<Analysed<'_>>) -> Completions {
    let word = word_at(text, offset as usize);
    let prefix = text.get(word.start as usize..(offset as usize).clamp(word.start as usize, word.end as usize));
    let prefix = prefix.unwrap_or_default();
    let nothing = Completions { replace: word, ..Completions::default() };
    let longer = i64::from(word.end - word.start) - TYPED_NAME.len() as i64;
    if let Some(kept) = kept
        && let Some(excerpt) = excerpt::check_declaration(kept, name, text, word)
    {
        let (before, start) = (excerpt.before, excerpt.start);
        let moved = Moved { from: before.start, by: excerpt.grown, excerpt: Some((start, before.start)) };
        let around = Analyzed { analysis: &excerpt.analysis, text: &excerpt.text, module: excerpt.module, moved };
        let kept = Some((kept.analysis, before));
        return around.complete(name, excerpt.typed, word, prefix, sources, kept).unwrap_or(nothing);
    }
    let before = text.get(..word.start as usize).unwrap_or_default();
    let after = text.get(word.end as usize..).unwrap_or_default();
    let patched: Arc<str> = format!("{before}{TYPED_NAME}{after}").into();
    let typed = Span { start: word.start, end: word.start + TYPED_NAME.len() as u32 };
    let focused = Focused { sources, root: name };
    let options = Options { index: true, focus: Some(word.start) };
    let compiled = compile_with(name, patched.clone(), &focused, options);
    let analysis = &*compiled.analysis;
    let module = analysis.modules.iter().position(|module| module.name == name && !module.std);
    let Some(module) = module else { return nothing };
    let moved = Moved { from: typed.start, by: longer, excerpt: None };
    let around = Analyzed { analysis, text: &patched, module, moved };
    around.complete(name, typed, word, prefix, sources, None).unwrap_or(nothing)
}

/// A text with [`TYPED_NAME`] that was analysed.
struct Analyzed<'a> {
    analysis: &'a Analysis,
    text: &'a str,
    module: usize,
    moved: Moved,
}

impl<'a> Analyzed<'a> {
    /// What can be written in place of [`TYPED_NAME`]. `word` is what is typed there, `prefix` the part of it before
    /// the cursor.
    fn complete(
        self,
        name: &str,
        typed: Span,
        word: Span,
        prefix: &str,
        sources: &dyn Sources,
        kept: Option<(&'a Analysis, Span)>,
    ) -> Option<Completions> {
        let Self { analysis, text, module, moved } = self;
        let parse = &analysis.modules[module].parse;
        let token = parse.tokens.partition_point(|token| token.span().end < typed.end);
        let mut near = parse.tokens.get(token..)?.iter().take_while(|token| token.span().start <= typed.start);
        let token = near.find(|token| typed.end <= token.span().end)?;
        if token.class() == TokenClass::StringText {
            return Some(files::complete_path(name, text, parse, typed, word, sources));
        }
        // Beside a name there may be digits of a number or a unit, where no name can be.
        if token.span() != typed {
            return None;
        }
        let items = &parse.file.items;
        let around = items.iter().position(|item| item.span.touches(typed.start));
        // What stands before the declaration before the cursor does not change what may follow.
        let before = items.partition_point(|item| excerpt::part_start(item) <= typed.start as usize);
        let start = match moved.excerpt {
            Some((start, _)) => start as usize,
            None => before.checked_sub(2).and_then(|item| items.get(item)).map_or(0, |item| excerpt::part_start(item)),
        };
        let question = Question {
            analysis,
            sources,
            name,
            text,
            offset: typed.start,
            moved,
            module,
            prelude: analysis.modules.iter().position(|module| module.name == "std.prelude"),
            words: expected_at(text, start, typed.start),
            around,
            imports: items.iter().filter(|item| matches!(item.kind, ItemKind::Import(_))).map(|i| i.span).collect(),
            kept,
        };
        let (entries, cut) = question.answer(parse).finish(&question, prefix);
        Some(Completions { replace: word, entries, cut })
    }
}

/// The word that an offset touches, or the empty range there.
fn word_at(text: &str, offset: usize) -> Span {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let start = text[..at].rfind(|c| !is_part(c)).map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8));
    let end = text[at..].find(|c| !is_part(c)).map_or(text.len(), |i| at + i);
    Span::new(start, end)
}

/// Sources whose trees of the root are not kept: its text has a name that nobody wrote.
struct Focused<'s> {
    sources: &'s dyn Sources,
    root: &'s str,
}

impl Sources for Focused<'_> {
    fn read(&self, name: &str) -> std::io::Result<Arc<str>> {
        self.sources.read(name)
    }
    fn parse(&self, name: &str, text: &str) -> Arc<Parse> {
        if name == self.root { Arc::new(cascade_grammar::parse(text)) } else { self.sources.parse(name, text) }
    }
    fn is_cancelled(&self) -> bool {
        self.sources.is_cancelled()
    }
    fn list(&self, folder: &str) -> std::io::Result<Vec<(String, bool)>> {
        self.sources.list(folder)
    }
    fn resolve(&self, from: &str, target: &str) -> String {
        self.sources.resolve(from, target)
    }
}

impl<'a> Question<'a> {
    fn index(&self) -> Option<&'a ModuleIndex> {
        self.analysis.index.modules().get(self.module)
    }

    /// The names that can be seen at the cursor: those of the file, then those of the prelude. A declaration does not
    /// see itself, since nothing recurses.
    fn visible(&self) -> impl Iterator<Item = (&'a SmolStr, &'a Binding)> {
        let scopes = &self.analysis.declared.scopes;
        let own: Option<&HashMap<_, _>> = scopes.get(self.module);
        let prelude =
            self.prelude.and_then(|prelude| scopes.get(prelude)).filter(|_| self.prelude != Some(self.module));
        let seen = move |(name, binding): &(&SmolStr, &Binding)| *name != TYPED_NAME && !self.is_around(binding.def);
        own.into_iter().chain(prelude).flatten().filter(seen)
    }

    /// Whether the cursor is in a declaration.
    fn is_around(&self, def: Def) -> bool {
        self.around.is_some_and(|around| {
            self.signature_of(def).is_some_and(|s| (s.origin.module, s.origin.item) == (self.module, around))
        })
    }

    /// What a name of the file stands for.
    fn find(&self, name: &str) -> Option<Def> {
        let scopes = &self.analysis.declared.scopes;
        let modules = std::iter::once(self.module).chain(self.prelude.filter(|prelude| *prelude != self.module));
        let mut found = modules.filter_map(|module| scopes.get(module)?.get(name)).map(|binding| binding.def);
        found.find(|def| name != TYPED_NAME && !self.is_around(*def))
    }

    /// The names that another module gives.
    fn exported(&self, module: usize) -> Vec<(&'a SmolStr, Def)> {
        let scope = self.analysis.declared.scopes.get(module);
        let mut found: Vec<_> = scope
            .into_iter()
            .flatten()
            .filter(|(name, binding)| !binding.imported && !name.starts_with('_'))
            .map(|(name, binding)| (name, binding.def, binding.span))
            .collect();
        found.sort_by_key(|(_, _, span)| span.start);
        found.into_iter().map(|(name, def, _)| (name, def)).collect()
    }

    fn answer(&self, parse: &'a Parse) -> Collected {
        let mut out = Collected::default();
        let item = parse.file.items.iter().find(|item| item.span.touches(self.offset));
        match item.and_then(|item| find_place(item)) {
            Some(place) => self.complete_place(&place, &mut out),
            None => self.complete_unknown(parse, &mut out),
        }
        out
    }

    fn complete_place(&self, place: &Place<'a>, out: &mut Collected) {
        match place {
            Place::NewName => {}
            Place::Value(value) => self.complete_value(value, out),
            Place::Member { receiver, value } => self.complete_member(receiver, value, out),
            Place::RecordKey { record, present } => self.complete_record_key(*record, present, out),
            Place::Pattern { subject, present } => self.complete_pattern(*subject, present, out),
            Place::VariantField { subject, variant, present } => {
                self.complete_variant_field(*subject, variant, present, out);
            }
            Place::RecordField { record, present } => {
                if let Some(ty) = self.type_of(*record) {
                    self.add_fields(ty, present, 100, out);
                }
            }
            Place::Type { of, depth, like } => self.complete_type(*of, *depth, like.as_ref(), out),
            Place::ModuleMember { module, wanted } => {
                if let Some(Def::Module(module)) = self.find(module) {
                    for (name, def) in self.exported(module).into_iter().filter(|(_, def)| is_wanted(*wanted, *def)) {
                        out.add_declared(80, name, def, false);
                    }
                }
            }
            Place::Module(before) => self.complete_module(before, out),
            Place::Imported { item, present } => self.complete_imported(item, present, out),
            Place::Declared(wanted) => self.complete_declared(*wanted, out),
            Place::Capability(present) => self.complete_capability(present, out),
            Place::Word(words) => out.words(100, CompletionKind::Word, words.iter().copied()),
            Place::Setting(of, present) => {
                let words = words::settings(of).iter().filter(|word| !present.contains(*word));
                for word in words {
                    out.add(100, Completion::new(*word, CompletionKind::Property).insert(format!("{word}: ")));
                }
            }
            Place::Attribute(item, stmt) => {
                let target = match (item, stmt) {
                    (Some(item), _) => Target::of_item(item),
                    (None, Some(stmt)) => Target::of_stmt(stmt),
                    (None, None) => Target::Item,
                };
                out.words(100, CompletionKind::Word, attribute_names(target));
            }
            Place::ErrorKind => {
                // A program says `failed` most often: of its gates and of `fail`.
                out.words(110, CompletionKind::Word, ["failed", "command_failed"]);
                out.words(100, CompletionKind::Word, error_kind::KINDS.iter().map(|(name, _)| *name));
            }
            Place::StagePath(before) => self.complete_stage_path(before, out),
        }
        if !matches!(place, Place::NewName | Place::Value(_) | Place::Member { .. }) {
            self.add_keywords(-20, out);
        }
    }

    /// A place that the tree does not show: the tokens before it tell what they can.
    fn complete_unknown(&self, parse: &'a Parse, out: &mut Collected) {
        let before =
            parse.tokens.iter().rfind(|token| token.span().end <= self.offset && !token.span().range().is_empty());
        let sign = before.and_then(|token| self.text.get(token.span().range())).unwrap_or_default();
        match sign {
            "." | "?." => self.complete_member_of_names(parse, out),
            // `on error` is two words of one clause; the others begin a block.
            "on" => out.words(100, CompletionKind::Keyword, ["error", "success", "failure", "cancel"]),
            "@" => {
                let all = [Target::Cascade, Target::Skill, Target::Stage].into_iter().flat_map(attribute_names);
                out.words(100, CompletionKind::Word, all);
            }
            ":" | "->" | "<" if self.words.name && !self.words.expression => {
                self.complete_type(None, usize::from(sign == "<"), None, out)
            }
            _ if self.words.expression => self.complete_value(&place::ValuePlace::default(), out),
            _ => {}
        }
        self.add_keywords(50, out);
    }

    fn add_keywords(&self, score: i32, out: &mut Collected) {
        for word in &self.words.words {
            out.add(score + words::usual(word), Completion::new(*word, CompletionKind::Keyword));
        }
    }

    fn complete_declared(&self, wanted: Wanted, out: &mut Collected) {
        for (name, binding) in self.visible() {
            let def = binding.def;
            let leads = matches!(def, Def::Module(module)
                if self.exported(module).iter().any(|(_, def)| is_wanted(wanted, *def)));
            if is_wanted(wanted, def) {
                let unused = if self.usage(def) == Usage::Here { 0 } else { 15 };
                out.add_declared(80 + unused, name, def, false);
            } else if leads {
                out.add_declared(40, name, def, false);
            }
        }
        self.add_importable(Some(wanted), 10, out);
    }

    /// The capabilities that models and routes of the program know, those that are used most first.
    fn complete_capability(&self, present: &[&str], out: &mut Collected) {
        let declared = &self.analysis.declared;
        let provided = declared.models.iter().flat_map(|m| &m.model.provides);
        let routed = declared.routes.iter().flat_map(|r| r.route.arms.iter().filter_map(|arm| arm.capability.as_ref()));
        let mut counts: Vec<(&str, i32)> = Vec::new();
        let needed = self.analysis.modules.iter().flat_map(|module| &module.parse.file.items);
        let needed = needed.filter_map(|item| match &item.kind {
            ItemKind::Skill(skill) => Some(skill),
            _ => None,
        });
        let needed = needed.flat_map(|skill| &skill.body).filter_map(|line| match &line.kind {
            cascade_grammar::ast::SkillLineKind::Needs(names) => Some(names),
            _ => None,
        });
        let needed = needed.flatten().map(|name| &name.text).filter(|name| *name != TYPED_NAME);
        for capability in provided.chain(routed).chain(needed) {
            match counts.iter_mut().find(|(name, _)| *name == capability.as_str()) {
                Some((_, count)) => *count += 1,
                None => counts.push((capability, 1)),
            }
        }
        for (capability, count) in counts.into_iter().filter(|(name, _)| !present.contains(name)) {
            out.add(80 + count.min(15), Completion::new(capability, CompletionKind::Word));
        }
    }

    /// The type of the expression of a span.
    fn type_of(&self, span: Span) -> Option<Ty> {
        self.index()?.type_of(span).map(|found| found.ty).filter(|ty| *ty != Ty::ERROR)
    }

    /// Where the file names a declaration or an import.
    fn usage(&self, def: Def) -> Usage {
        let here = |(module, span): (u32, Span)| (module as usize == self.module).then_some(span);
        // The name in an import is no use.
        let is_use = |span: &Span| !self.imports.iter().any(|import| import.touches(span.start));
        let symbol = def.symbol();
        if self.analysis.index.uses(symbol).filter_map(here).any(|span| is_use(&span)) {
            return Usage::Here;
        }
        let others = self.kept.into_iter().flat_map(|(kept, changed)| {
            kept.index.uses(symbol).filter_map(here).filter(move |span| !changed.touches(span.start))
        });
        if others.into_iter().any(|span| is_use(&span)) { Usage::Elsewhere } else { Usage::Nowhere }
    }

    /// Whether a name comes from the prelude.
    fn prelude_name(&self, name: &str) -> bool {
        self.analysis.declared.scopes.get(self.module).is_some_and(|scope| !scope.contains_key(name))
    }

    /// The entry of a declared name. Where nothing follows, what is called gets its arguments.
    fn declared_entry(&self, name: &str, def: Def, arguments: bool) -> Completion {
        let kind = match def {
            Def::Type(id) => match self.analysis.types.defs.get(id.index()).map(|def| &def.kind) {
                Some(TypeDefKind::Enum(_)) => CompletionKind::Enum,
                _ => CompletionKind::Type,
            },
            Def::Model(_) | Def::Route(_) => CompletionKind::Model,
            Def::Mcp(_) | Def::Memory(_) => CompletionKind::Store,
            Def::Skill(_) | Def::Fn(_) | Def::Cascade(_) => CompletionKind::Function,
            Def::Const(_) => CompletionKind::Variable,
            Def::Module(_) | Def::Missing => CompletionKind::Module,
        };
        let described = self.analysis.describe(def.symbol()).unwrap_or_default();
        let mut entry = Completion::new(name, kind).detail(described.code).documentation(described.documentation);
        entry.deprecated = self.analysis.declared.deprecated.iter().any(|(d, _)| *d == def)
            || self.signature_of(def).is_some_and(|signature| signature.deprecated.is_some());
        if arguments && let Some(signature) = self.signature_of(def).filter(|s| !s.is_constant) {
            let needed = signature.params.iter().filter(|param| param.default.is_none());
            let places: Vec<String> =
                needed.enumerate().map(|(n, param)| format!("${{{}:{}}}", n + 1, param.name)).collect();
            entry = entry.snippet(format!("{name}({})", places.join(", ")));
        }
        entry
    }

    fn signature_of(&self, def: Def) -> Option<&'a crate::world::Signature> {
        let declared = &self.analysis.declared;
        match def {
            Def::Skill(id) => declared.skills.get(id.index()),
            Def::Fn(id) | Def::Const(id) => declared.fns.get(id.index()),
            Def::Cascade(id) => declared.cascades.get(id.index()),
            _ => None,
        }
    }
}

/// Whether a declaration is what is wanted.
fn is_wanted(wanted: Wanted, def: Def) -> bool {
    match wanted {
        Wanted::Type => matches!(def, Def::Type(_)),
        Wanted::Model => matches!(def, Def::Model(_) | Def::Route(_)),
        Wanted::Server => matches!(def, Def::Mcp(_)),
        Wanted::Skill => matches!(def, Def::Skill(_)),
    }
}
