//! Values, ranked by the type that is expected of them.

use cascade_grammar::ast::{Expr, ExprKind};
use cascade_ir as ir;

use super::{
    Question, Usage,
    item::{Collected, Completion, CompletionKind},
    place::{Argument, ValuePlace},
    words,
};
use crate::{
    builtins::{FREE_FUNCTIONS, PERSON_FUNCTIONS},
    checks::capabilities::has_capability,
    index::{Symbol, TYPED_NAME, Variable},
    types::{Ty, TyKind},
    world::{Def, Signature},
};

/// Words that begin a statement, the most frequent first.
const STATEMENT_WORDS: &[&str] =
    &["stage", "let", "return", "if", "for", "gate", "match", "log", "var", "parallel", "warn", "fail", "repeat"];

impl<'a> Question<'a> {
    /// The type that is expected of a value.
    pub(super) fn expected(&self, value: &ValuePlace<'a>) -> Option<Ty> {
        if value.model {
            return Some(Ty::MODEL);
        }
        let recorded = self.index()?.expected;
        let compared = value.compared_with.and_then(|other| self.type_of(other));
        let param = value.argument.as_ref().and_then(|argument| self.param_of(argument)).map(|param| param.ty);
        recorded.or(compared).or(param).filter(|ty| *ty != Ty::ERROR)
    }

    /// How well a type fits what is expected: 0 where nothing is.
    pub(super) fn fit(&self, expected: Option<Ty>, ty: Ty) -> i32 {
        let types = &self.analysis.types;
        match expected {
            None => 0,
            Some(_) if ty == Ty::ERROR => 0,
            Some(expected) if ty == expected => 40,
            Some(expected) if types.base(types.non_null(expected)) == types.base(ty) => 36,
            Some(expected) if types.fits(ty, expected) => 32,
            // It fits once it is known not to be null.
            Some(expected) if types.fits(types.non_null(ty), expected) => 20,
            Some(Ty::FLOAT) if types.base(ty) == Ty::INT => 25,
            // A text becomes a path where one is expected, and the other way round.
            Some(Ty::STRING | Ty::PATH) if matches!(types.base(ty), Ty::STRING | Ty::PATH) => 25,
            Some(Ty::JSON) => 5,
            Some(_) => -25,
        }
    }

    /// The signature of what an argument is given to.
    fn callee_signature(&self, callee: &Expr) -> Option<&'a Signature> {
        match &callee.kind {
            ExprKind::Name(name) => self.find(&name.text).and_then(|def| self.signature_of(def)),
            ExprKind::Field { receiver, name, .. } => {
                let ExprKind::Name(base) = &receiver.kind else { return None };
                let Some(Def::Module(module)) = self.find(&base.text) else { return None };
                let exported = self.exported(module);
                let (_, def) = exported.into_iter().find(|(n, _)| **n == name.text)?;
                self.signature_of(def)
            }
            _ => None,
        }
    }

    fn param_of(&self, argument: &Argument<'a>) -> Option<&'a crate::world::ParamInfo> {
        let signature = self.callee_signature(argument.callee)?;
        match argument.name {
            Some(name) => signature.params.iter().find(|param| param.name == name),
            None => signature.params.get(argument.position),
        }
    }

    /// The variables that can be read at the cursor, the newest first; of those with one name, the
    /// innermost.
    pub(super) fn variables(&self, own: Option<cascade_grammar::ast::Span>) -> Vec<&'a Variable> {
        let Some(index) = self.index() else { return Vec::new() };
        let mut found: Vec<&Variable> = index
            .variables
            .iter()
            .filter(|v| Some(v.span) != own && v.name != TYPED_NAME && v.name != "_" && !v.name.is_empty())
            .filter(|v| self.offset <= v.scope_end && (v.span.end <= self.offset || v.span.touches(self.offset)))
            .collect();
        found.sort_by_key(|v| std::cmp::Reverse(v.span.start));
        let mut seen = std::collections::HashSet::new();
        found.retain(|v| seen.insert(&v.name));
        found
    }

    pub(super) fn complete_value(&self, value: &ValuePlace<'a>, out: &mut Collected) {
        if let Some(argument) = &value.argument {
            self.add_argument_names(argument, out);
            if argument.name == Some(TYPED_NAME) {
                return;
            }
        }
        let expected = self.expected(value);
        let param = value.argument.as_ref().and_then(|argument| self.param_of(argument));
        let wanted_name = param.map(|param| param.name.as_str()).or(value.key);
        self.add_variables(value, expected, wanted_name, out);
        self.add_variants(expected, value.called, out);
        self.add_declared(value, expected, wanted_name, out);
        self.add_functions(value, expected, out);
        self.add_words(value, expected, out);
        if !value.starts_statement {
            self.add_importable(None, -40, out);
        }
    }

    /// The names of the parameters that a call has no argument for yet.
    fn add_argument_names(&self, argument: &Argument<'a>, out: &mut Collected) {
        let Some(signature) = self.callee_signature(argument.callee) else { return };
        let score = if argument.name == Some(TYPED_NAME) { 100 } else { 8 };
        if argument.name.is_some_and(|name| name != TYPED_NAME) {
            return;
        }
        for (number, param) in signature.params.iter().enumerate() {
            // Those before it have no names: they are the first parameters.
            if number < argument.unnamed || argument.present.contains(&param.name.as_str()) {
                continue;
            }
            let label = param.name.to_string();
            let entry = Completion::new(format!("{label}:"), CompletionKind::Property)
                .detail(self.analysis.param_text(signature, number))
                .documentation(param.doc.clone());
            let entry = if score == 100 {
                Completion { label: label.clone(), insert: label, ..entry }
            } else {
                entry.insert(format!("{label}: "))
            };
            let required = if param.default.is_none() { 2 } else { 0 };
            out.add(score + required, entry);
        }
    }

    fn add_variables(
        &self,
        value: &ValuePlace<'a>,
        expected: Option<Ty>,
        wanted_name: Option<&str>,
        out: &mut Collected,
    ) {
        let types = &self.analysis.types;
        for (age, variable) in self.variables(value.own).into_iter().enumerate() {
            let symbol = Symbol::Variable { module: self.module as u32, start: variable.span.start };
            let is_unread = self.is_unread(symbol, variable);
            let mut score = 60 + self.fit(expected, variable.ty) - (age as i32).min(10);
            score += if is_unread && !value.starts_statement { 22 } else { 0 };
            score += if wanted_name == Some(variable.name.as_str()) { 30 } else { 0 };
            // A record holds what is expected in one of its fields.
            if let (Some(expected), Some(fields)) = (expected, types.fields(types.non_null(variable.ty)))
                && fields.iter().any(|(_, ty)| self.fit(Some(expected), *ty) > 30)
            {
                score += 30;
            }
            if let (Some(name), Some(fields)) = (wanted_name, types.fields(types.non_null(variable.ty)))
                && fields.iter().any(|(field, _)| field == name)
            {
                score += 20;
            }
            score += self.rank_member(value.member, variable.ty);
            // What a program writes to its standard output is its result.
            score += if variable.name == "output" { 6 } else { 0 };
            score += if value.starts_statement && value.ends_block { 12 } else { 0 };
            score -= if value.called { 60 } else { 0 };
            score -= if value.stage { 30 } else { 0 };
            let entry =
                Completion::new(variable.name.as_str(), CompletionKind::Variable).detail(types.type_text(variable.ty));
            out.add(score, entry);
        }
    }

    /// Whether nothing between its declaration and the cursor reads a variable: what was declared last is read next.
    fn is_unread(&self, symbol: Symbol, variable: &Variable) -> bool {
        let is_between = |(module, span): (u32, cascade_grammar::ast::Span)| {
            module as usize == self.module && span.start > variable.span.start && span.start < self.offset
        };
        if self.analysis.index.uses(symbol).any(is_between) {
            return false;
        }
        // A parameter has a symbol of its own, by which also its callers name it.
        let Some(index) = self.index() else { return false };
        let own = index.definitions.iter().filter(|d| d.span == variable.span);
        !own.flat_map(|d| self.analysis.index.uses(d.symbol)).any(is_between)
    }

    /// What follows after a dot tells of the value before it.
    pub(super) fn rank_member(&self, member: Option<&str>, ty: Ty) -> i32 {
        let types = &self.analysis.types;
        let Some(member) = member.filter(|member| !member.is_empty()) else { return 0 };
        let present = types.non_null(ty);
        let has = types.field(present, member).is_some()
            || crate::builtins::method_names(types.kind(types.base(present))).contains(&member);
        if has { 45 } else { -40 }
    }

    /// Arguments that are there already tell what is called.
    pub(super) fn rank_arguments(&self, value: &ValuePlace<'a>, signature: Option<&Signature>) -> i32 {
        let (Some(arguments), Some(signature)) = (value.arguments, signature) else { return 0 };
        let needed = signature.params.iter().filter(|param| param.default.is_none()).count();
        if !(needed..=signature.params.len()).contains(&arguments.len()) {
            return -20;
        }
        let mut score = 14;
        for (argument, param) in arguments.iter().zip(&signature.params) {
            let name = match &argument.value.kind {
                ExprKind::Name(name) | ExprKind::Field { name, .. } => Some(&name.text),
                _ => None,
            };
            score += if name == Some(&param.name) { 8 } else { 0 };
            if let Some(ty) = self.type_of(argument.value.span) {
                score += self.fit(Some(param.ty), ty) / 3;
            }
        }
        score
    }

    /// The variants of the enum that is expected.
    fn add_variants(&self, expected: Option<Ty>, called: bool, out: &mut Collected) {
        let types = &self.analysis.types;
        let Some(ty) = expected.map(|ty| types.non_null(ty)) else { return };
        let Some(variants) = types.variants(ty) else { return };
        for variant in variants {
            let fields: Vec<String> =
                variant.fields.iter().map(|f| format!("{}: {}", f.name, types.type_text(f.ty))).collect();
            let mut entry = Completion::new(variant.name.as_str(), CompletionKind::Variant)
                .detail(types.type_text(ty))
                .documentation(variant.doc.clone());
            if !fields.is_empty() && !called {
                let places: Vec<String> =
                    variant.fields.iter().enumerate().map(|(n, f)| format!("{}: ${{{}}}", f.name, n + 1)).collect();
                entry = entry.snippet(format!("{}({})", variant.name, places.join(", ")));
            }
            out.add(118, entry);
        }
    }

    fn add_declared(
        &self,
        value: &ValuePlace<'a>,
        expected: Option<Ty>,
        wanted_name: Option<&str>,
        out: &mut Collected,
    ) {
        let in_test = self.words.words.contains(&"mock");
        for (name, binding) in self.visible() {
            let def = binding.def;
            let result = self.signature_of(def).map_or(Ty::ERROR, |signature| signature.result);
            // Only stages and mocks name what has effects.
            let is_out_of_place = matches!(def, Def::Skill(_) | Def::Cascade(_)) && !value.stage && !in_test;
            let unused = match (!is_out_of_place).then(|| self.usage(def)) {
                Some(Usage::Nowhere) => 26,
                Some(Usage::Elsewhere) => 18,
                Some(Usage::Here) | None => 0,
            };
            let mut score = match def {
                Def::Skill(_) | Def::Cascade(_) if value.stage => 80 + self.fit(expected, result) / 2,
                Def::Skill(_) | Def::Cascade(_) if in_test => 40,
                Def::Skill(_) | Def::Cascade(_) => 2,
                Def::Fn(_) if value.stage => 30,
                Def::Fn(_) => 50 + self.fit(expected, result) + if value.called { 30 } else { 0 },
                Def::Const(_) => 55 + self.fit(expected, result) - if value.called { 60 } else { 0 },
                Def::Memory(_) => 30,
                Def::Model(_) | Def::Route(_) => match expected {
                    Some(ty) if self.analysis.types.non_null(ty) == Ty::MODEL => self.rank_model(value, def),
                    _ => -10,
                },
                Def::Module(module) => self.rank_module(module, value, expected),
                Def::Type(id) => match expected.map(|ty| self.analysis.types.non_null(ty)) {
                    Some(ty) if self.analysis.types.def(ty).is_some_and(|(t, _)| t == id) => 70,
                    _ => -20,
                },
                Def::Mcp(_) | Def::Missing => -30,
            };
            score += if unused > 0 && value.member.is_some() { 0 } else { unused };
            score += self.rank_arguments(value, self.signature_of(def));
            score += match (value.member, def) {
                (Some(member), Def::Module(module))
                    if self.exported(module).iter().any(|(name, _)| *name == member) =>
                {
                    70
                }
                (Some(member), Def::Memory(id)) if self.has_key(id, member) => 70,
                (Some(_), Def::Const(_)) => self.rank_member(value.member, result),
                (Some(_), _) => -40,
                _ => 0,
            };
            score += if wanted_name == Some(name.as_str()) { 20 } else { 0 };
            score -= if self.prelude_name(name) { 20 } else { 0 };
            out.add_declared(score, name, def, !value.called);
        }
    }

    fn has_key(&self, id: ir::MemoryId, name: &str) -> bool {
        self.analysis.declared.memories.get(id.index()).is_some_and(|m| m.keys.iter().any(|key| key.name == name))
    }

    /// A module is worth what it gives: a stage calls a skill of it, another place a fn or a model.
    fn rank_module(&self, module: usize, value: &ValuePlace<'a>, expected: Option<Ty>) -> i32 {
        let exported = self.exported(module);
        let models = expected == Some(Ty::MODEL);
        let gives = |def: &Def| match def {
            Def::Skill(_) | Def::Cascade(_) => value.stage,
            Def::Model(_) | Def::Route(_) => models,
            Def::Fn(_) | Def::Const(_) => !value.stage,
            _ => false,
        };
        let gives_something = exported.iter().any(|(_, def)| gives(def));
        if gives_something { if value.stage { 78 } else { 40 } } else { 0 }
    }

    /// Models that can serve what the stage calls come first.
    fn rank_model(&self, value: &ValuePlace<'a>, def: Def) -> i32 {
        let model = match def {
            Def::Model(id) => ir::ModelRef::Model(id),
            Def::Route(id) => ir::ModelRef::Route(id),
            _ => return 0,
        };
        let skill = value.stage_call.and_then(|callee| self.callee_signature(callee));
        let needs = skill.map(|signature| self.analysis.needs_of(signature)).unwrap_or_default();
        let can = needs.iter().all(|capability| has_capability(&self.analysis.declared, model, capability));
        if can { 95 } else { 40 }
    }

    fn add_functions(&self, value: &ValuePlace<'a>, expected: Option<Ty>, out: &mut Collected) {
        let called = if value.called { 40 } else { 0 };
        for (name, form) in FREE_FUNCTIONS {
            let entry = Completion::new(*name, CompletionKind::Function).detail(*form);
            let entry = if value.called { entry } else { entry.snippet(format!("{name}(${{1}})")) };
            let result = match *name {
                "slug" => Ty::STRING,
                "range" => Ty::ERROR,
                _ => expected.filter(|ty| self.analysis.types.numeric(*ty)).unwrap_or(Ty::INT),
            };
            let fit = self.fit(expected, result) / 2;
            out.add(if value.stage { 0 } else { 25 + called + fit }, entry);
        }
        for name in PERSON_FUNCTIONS {
            let entry = Completion::new(*name, CompletionKind::Function).detail("waits for a person");
            let entry = if value.called { entry } else { entry.snippet(format!("{name}(\"${{1}}\")")) };
            out.add(if value.stage { 60 } else { -20 }, entry);
        }
        let entry =
            Completion::new("env", CompletionKind::Function).detail("env(\"NAME\"): a secret of the environment");
        let entry = if value.called { entry } else { entry.snippet("env(\"${1:NAME}\")") };
        out.add(if value.stage { -20 } else { 10 + called }, entry);
        out.add(5, Completion::new("run", CompletionKind::Store).detail("what is known of this run"));
    }

    /// Whether the line of the cursor is indented deeper than the line above it that is not empty: it continues that.
    fn is_indented(&self) -> bool {
        let before = self.text.get(..self.offset as usize).unwrap_or_default();
        let (above, line) = before.rsplit_once('\n').unwrap_or(("", before));
        let indent = |line: &str| line.len() - line.trim_start().len();
        let above = above.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        indent(line) > indent(above) && !above.trim_end().ends_with(['{', '[', '('])
    }

    fn add_words(&self, value: &ValuePlace<'a>, expected: Option<Ty>, out: &mut Collected) {
        let types = &self.analysis.types;
        for word in &self.words.words {
            let place = STATEMENT_WORDS.iter().position(|w| w == word);
            let score = match (*word, place) {
                (_, Some(place)) if value.starts_statement && value.ends_block => 62 - place as i32,
                (_, Some(place)) if value.starts_statement => 72 - place as i32,
                ("true" | "false", _) if expected.is_some_and(|ty| types.base(types.non_null(ty)) == Ty::BOOL) => 70,
                ("null", _) if expected.is_some_and(|ty| matches!(types.kind(ty), TyKind::Optional(_))) => 50,
                // A clause on the line below its stage.
                _ if value.starts_statement && self.is_indented() => 74 + words::usual(word) / 4,
                _ if value.starts_statement => 30 + words::usual(word) / 2,
                _ => 12,
            };
            out.add(score, Completion::new(*word, CompletionKind::Keyword));
        }
    }
}
