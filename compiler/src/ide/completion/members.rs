//! What follows a dot, and what stands in the braces of records and patterns.

use cascade_grammar::{
    Parse, TokenClass,
    ast::{BinaryOp, Block, Expr, ExprKind, ItemKind, Span, StmtKind, UnaryOp},
};

use super::{
    Question,
    item::{Collected, Completion, CompletionKind},
    place::ValuePlace,
};
use crate::{
    builtins::{method_names, method_signature},
    index::field_symbol,
    types::{Ty, TyKind, VariantDef},
    walk,
    world::Def,
};

impl<'a> Question<'a> {
    pub(super) fn complete_member(&self, receiver: &Expr, value: &ValuePlace<'a>, out: &mut Collected) {
        if let ExprKind::Name(base) = &receiver.kind {
            if base.text == "run" && self.type_of(receiver.span).is_none() {
                out.words(90, CompletionKind::Field, ["id", "started", "cascade", "attempt"]);
            }
            let is_variable = self.variables(None).iter().any(|variable| variable.name == base.text);
            if !is_variable && let Some(def) = self.find(&base.text) {
                match def {
                    Def::Module(module) => return self.add_members_of_module(module, value, out),
                    Def::Memory(id) => {
                        let keys = self.analysis.declared.memories.get(id.index()).map(|memory| &memory.keys);
                        for key in keys.into_iter().flatten() {
                            let entry = Completion::new(key.name.as_str(), CompletionKind::Field);
                            out.add(90, entry.detail(self.analysis.types.type_text(key.ty)));
                        }
                        return;
                    }
                    Def::Type(id) => {
                        if let Some(variants) = self.variants_of(id) {
                            for variant in variants {
                                out.add(90, variant_entry(variant));
                            }
                        }
                        return;
                    }
                    _ => {}
                }
            }
        }
        if let Some(ty) = self.type_of(receiver.span) {
            self.add_members(ty, receiver.span, value, out);
        }
    }

    fn variants_of(&self, id: cascade_ir::TypeId) -> Option<&'a [VariantDef]> {
        match &self.analysis.types.defs.get(id.index())?.kind {
            crate::types::TypeDefKind::Enum(variants) => Some(variants),
            _ => None,
        }
    }

    fn add_members_of_module(&self, module: usize, value: &ValuePlace<'a>, out: &mut Collected) {
        let expected = self.expected(value);
        for (name, def) in self.exported(module) {
            let result = self.signature_of(def).map_or(Ty::ERROR, |signature| signature.result);
            let score = match def {
                Def::Skill(_) | Def::Cascade(_) if value.stage => 90,
                Def::Fn(_) | Def::Const(_) if !value.stage => 80,
                Def::Model(_) | Def::Route(_) if expected == Some(Ty::MODEL) => 90,
                _ => 40,
            };
            let score = score + self.rank_arguments(value, self.signature_of(def));
            out.add_declared(score + self.fit(expected, result) / 2, name, def, !value.called);
        }
    }

    /// Fields and methods of a value. Of a value that may be null they are read by `?.`.
    fn add_members(&self, ty: Ty, receiver: Span, value: &ValuePlace<'a>, out: &mut Collected) {
        let types = &self.analysis.types;
        let present = types.non_null(ty);
        let dot = Span { start: receiver.end, end: self.offset };
        let is_plain_dot = self.text.get(dot.range()).is_some_and(|text| text.trim() == ".");
        let guard = (present != ty && is_plain_dot).then_some(dot);
        let also = |mut entry: Completion| {
            entry.also.extend(guard.map(|dot| {
                let text = self.text.get(dot.range()).unwrap_or_default();
                (self.original(dot), text.replace('.', "?."))
            }));
            entry
        };
        let expected = self.expected(value);
        let wanted_name = value.key.or(value.argument.as_ref().and_then(|argument| argument.name));
        for (number, (name, field)) in types.fields(present).into_iter().flatten().enumerate() {
            let mut score = 80 - (number as i32).min(15) + self.fit(expected, field) / 2;
            score += if wanted_name == Some(name.as_str()) { 30 } else { 0 };
            score -= if value.called { 60 } else { 0 };
            score += if self.is_field_read(present, &name) { 0 } else { 20 };
            score += self.rank_member(value.member, field) / 2;
            let entry = Completion::new(name.as_str(), CompletionKind::Field).detail(types.type_text(field));
            let doc = self.field_doc(present, &name);
            out.add(score, also(entry.documentation(doc)));
        }
        let base = types.base(present);
        let kind = types.kind(base);
        let expected_text = expected.map(|ty| types.type_text(types.base(ty)));
        for (number, name) in method_names(kind).iter().enumerate() {
            let (form, result) = method_signature(kind, name);
            let result = self.method_result(base, result);
            let mut score = 45 - (number as i32) / 4 + usual(name) + shape(value, form);
            if let Some([argument]) = value.arguments
                && is_condition(&argument.value)
            {
                score += if matches!(*name, "filter" | "any" | "all" | "find" | "count") { 15 } else { 0 };
            }
            score += self.rank_for_elements(base, name) + rank_result(value.member, &result);
            score += match &expected_text {
                Some(expected) if *expected == result => 20,
                Some(expected) if result.strip_suffix('?') == Some(expected) => 10,
                _ => 0,
            };
            let entry = Completion::new(*name, CompletionKind::Method).detail(format!("{form} -> {result}"));
            let entry = match form {
                _ if value.called => entry,
                "()" => entry.insert(format!("{name}()")),
                "(|x| …)" => entry.snippet(format!("{name}(|${{1:x}}| ${{2}})")),
                _ => entry.snippet(format!("{name}(${{1}})")),
            };
            out.add(score, also(entry));
        }
    }

    /// Whether the declaration at the cursor reads this field: who reads one field goes on with the others.
    fn is_field_read(&self, record: Ty, name: &str) -> bool {
        let Some(symbol) = field_symbol(&self.analysis.types, record, name) else { return false };
        let around = self.around.and_then(|item| self.analysis.modules[self.module].parse.file.items.get(item));
        let mut uses = self.analysis.index.uses(symbol);
        uses.any(|(module, span)| {
            module as usize == self.module && around.is_none_or(|item| item.span.touches(span.start))
        })
    }

    /// What the elements of a list tell of its methods: numbers are added, texts joined, lists flattened.
    fn rank_for_elements(&self, receiver: Ty, method: &str) -> i32 {
        let types = &self.analysis.types;
        let TyKind::List(element) = types.kind(receiver) else { return 0 };
        let present = types.non_null(*element);
        let is_number = types.numeric(present) || matches!(types.base(present), Ty::MONEY | Ty::DURATION);
        match method {
            "sum" | "avg" => {
                if is_number {
                    20
                } else {
                    -20
                }
            }
            "min" | "max" | "sort" => {
                if types.is_ordered(present) {
                    5
                } else {
                    -20
                }
            }
            "join" if types.base(present) == Ty::STRING => 12,
            "compact" => {
                if present == *element {
                    -20
                } else {
                    25
                }
            }
            "flatten" => {
                if types.element(present).is_some() {
                    20
                } else {
                    -20
                }
            }
            _ => 0,
        }
    }

    /// The result of a method with the types of its receiver.
    fn method_result(&self, receiver: Ty, result: &str) -> String {
        let types = &self.analysis.types;
        let element = match types.kind(receiver) {
            TyKind::List(element) | TyKind::Map(element) => types.type_text(*element),
            TyKind::Int | TyKind::Float if result == "number" => return types.type_text(receiver),
            _ => return result.to_owned(),
        };
        let mut text = String::new();
        for part in result.split_inclusive(|c: char| !c.is_alphanumeric()) {
            match part.strip_prefix('T') {
                Some(rest) if !rest.starts_with(char::is_alphanumeric) => {
                    text.push_str(&element);
                    text.push_str(rest);
                }
                _ => text.push_str(part),
            }
        }
        text
    }

    fn field_doc(&self, record: Ty, name: &str) -> String {
        let symbol = field_symbol(&self.analysis.types, record, name);
        symbol.and_then(|symbol| self.analysis.describe(symbol)).map(|d| d.documentation).unwrap_or_default()
    }

    /// Fields of a record that are not there yet.
    pub(super) fn add_fields(&self, record: Ty, present: &[&str], score: i32, out: &mut Collected) {
        let types = &self.analysis.types;
        for (number, (name, ty)) in types.fields(types.non_null(record)).into_iter().flatten().enumerate() {
            if !present.contains(&name.as_str()) {
                let entry = Completion::new(name.as_str(), CompletionKind::Field).detail(types.type_text(ty));
                let doc = self.field_doc(record, &name);
                out.add(score - (number as i32).min(40), entry.documentation(doc));
            }
        }
    }

    /// The keys of a record: those that are missing and have no default first.
    pub(super) fn complete_record_key(&self, record: Span, present: &[&str], out: &mut Collected) {
        let types = &self.analysis.types;
        let expected = self.index().and_then(|index| index.records.iter().find(|(span, _)| *span == record));
        let Some(ty) = expected.map(|(_, ty)| types.non_null(*ty)).or_else(|| self.type_of(record)) else { return };
        let needed = |name: &str| match types.def(ty).map(|(_, def)| &def.kind) {
            Some(crate::types::TypeDefKind::Record(fields)) => {
                fields.iter().any(|f| f.name == name && f.default.is_none() && !types.nullable(f.ty))
            }
            _ => true,
        };
        for (number, (name, field)) in types.fields(ty).into_iter().flatten().enumerate() {
            if present.contains(&name.as_str()) || name == crate::index::TYPED_NAME {
                continue;
            }
            let score = if needed(&name) { 100 } else { 70 } - (number as i32).min(25);
            let mut entry = Completion::new(name.as_str(), CompletionKind::Field).detail(types.type_text(field));
            if !self.colon_follows() {
                entry = entry.insert(format!("{name}: "));
            }
            let doc = self.field_doc(ty, &name);
            out.add(score, entry.documentation(doc));
        }
    }

    fn colon_follows(&self) -> bool {
        let after = self.text.get(self.offset as usize + crate::index::TYPED_NAME.len()..).unwrap_or_default();
        after.trim_start().starts_with(':')
    }

    /// The variants that no other arm of a `match` has come first.
    pub(super) fn complete_pattern(&self, subject: Span, present: &[&str], out: &mut Collected) {
        let types = &self.analysis.types;
        let ty = self.type_of(subject);
        for variant in ty.and_then(|ty| types.variants(types.non_null(ty))).unwrap_or_default() {
            let score = if present.contains(&variant.name.as_str()) { 20 } else { 90 };
            let mut entry = variant_entry(variant);
            if !variant.fields.is_empty() && !self.brace_follows() {
                let names: Vec<&str> = variant.fields.iter().map(|field| field.name.as_str()).collect();
                entry = entry.insert(format!("{} {{ {} }}", variant.name, names.join(", ")));
            }
            out.add(score, entry);
        }
        if ty.is_some_and(|ty| types.base(types.non_null(ty)) == Ty::BOOL) {
            out.words(90, CompletionKind::Keyword, ["true", "false"]);
        }
        if ty.is_some_and(|ty| types.nullable(ty)) {
            out.words(60, CompletionKind::Keyword, ["null"]);
        }
        out.words(30, CompletionKind::Keyword, ["_"]);
    }

    fn brace_follows(&self) -> bool {
        let after = self.text.get(self.offset as usize + crate::index::TYPED_NAME.len()..).unwrap_or_default();
        after.trim_start().starts_with('{')
    }

    pub(super) fn complete_variant_field(&self, subject: Span, variant: &str, present: &[&str], out: &mut Collected) {
        let types = &self.analysis.types;
        let variants = self.type_of(subject).and_then(|ty| types.variants(types.non_null(ty))).unwrap_or_default();
        let fields = variants.iter().find(|v| v.name == variant).map(|v| &v.fields);
        for field in fields.into_iter().flatten().filter(|field| !present.contains(&field.name.as_str())) {
            let entry = Completion::new(field.name.as_str(), CompletionKind::Field);
            out.add(90, entry.detail(types.type_text(field.ty)).documentation(field.doc.clone()));
        }
    }

    /// Stages of the file's cascades: all of them, or those inside of the one before the dot.
    pub(super) fn complete_stage_path(&self, before: &[&str], out: &mut Collected) {
        let items = &self.analysis.modules[self.module].parse.file.items;
        for item in items {
            if let ItemKind::Cascade(decl) = &item.kind {
                match before.last() {
                    None => add_stages(&decl.body, 80, out),
                    Some(outer) => add_stages_inside(&decl.body, outer, out),
                }
            }
        }
    }

    /// What follows a dot after names, where the tree does not show it.
    pub(super) fn complete_member_of_names(&self, parse: &Parse, out: &mut Collected) {
        let end = parse.tokens.partition_point(|token| token.span().start < self.offset);
        let mut names = Vec::new();
        for pair in parse.tokens[..end].rchunks(2) {
            let [name, dot] = pair else { break };
            let is_dot = self.text.get(dot.span().range()).is_some_and(|text| matches!(text, "." | "?."));
            if !is_dot || name.class() != TokenClass::Name {
                break;
            }
            names.push(self.text.get(name.span().range()).unwrap_or_default());
        }
        let types = &self.analysis.types;
        let Some((first, rest)) = names.split_last() else { return };
        if let Some(variable) = self.variables(None).into_iter().find(|variable| variable.name == *first) {
            let field = |ty: Option<Ty>, name: &&str| ty.and_then(|ty| types.field(types.non_null(ty), name));
            if let Some(ty) = rest.iter().rev().fold(Some(variable.ty), field) {
                let receiver = Span { start: self.offset, end: self.offset };
                self.add_members(ty, receiver, &ValuePlace::default(), out);
            }
        } else if let (Some(Def::Module(module)), []) = (self.find(first), rest) {
            self.add_members_of_module(module, &ValuePlace::default(), out);
        }
    }
}

/// What follows after a dot tells of the result of the method before it.
fn rank_result(member: Option<&str>, result: &str) -> i32 {
    let Some(member) = member.filter(|member| !member.is_empty()) else { return 0 };
    let kind = match result.trim_end_matches('?') {
        list if list.starts_with("list<") => TyKind::List(Ty::ERROR),
        map if map.starts_with("map<") => TyKind::Map(Ty::ERROR),
        "string" => TyKind::String,
        "int" => TyKind::Int,
        "float" => TyKind::Float,
        "bool" => TyKind::Bool,
        "path" => TyKind::Path,
        "time" => TyKind::Time,
        "duration" => TyKind::Duration,
        // A record or what the program declares: its fields are not looked up here.
        _ => return 0,
    };
    if method_names(&kind).contains(&member) { 20 } else { -20 }
}

/// Whether a function gives a truth value, as far as its form tells.
fn is_condition(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Lambda { body, .. } => is_condition(body),
        ExprKind::Paren(inner) => is_condition(inner),
        ExprKind::Unary(UnaryOp::Not, _) => true,
        ExprKind::Binary(_, op, _) => matches!(
            op,
            BinaryOp::Or
                | BinaryOp::And
                | BinaryOp::Eq
                | BinaryOp::Ne
                | BinaryOp::Lt
                | BinaryOp::Le
                | BinaryOp::Gt
                | BinaryOp::Ge
                | BinaryOp::In
                | BinaryOp::NotIn
        ),
        _ => false,
    }
}

/// How much a method is preferred because programs call it often.
fn usual(name: &str) -> i32 {
    match name {
        "map" | "len" | "filter" | "sort_by" | "group_by" => 12,
        "join" | "take" | "first" | "last" | "any" | "all" | "is_empty" | "entries" => 8,
        "sum" | "contains" | "split" | "trim" | "lines" | "find" | "get" | "unique" | "compact" | "to_int" => 6,
        _ => 0,
    }
}

/// Arguments that are there already tell which form the method has.
fn shape(value: &ValuePlace<'_>, form: &str) -> i32 {
    let Some(arguments) = value.arguments else { return 0 };
    let lambda = arguments.iter().any(|arg| matches!(arg.value.kind, ExprKind::Lambda { .. }));
    let fits = match form {
        "()" => arguments.is_empty(),
        form if form.contains('|') => lambda || arguments.len() == 1,
        // A number is no separator.
        "(n: int)" => matches!(arguments, [arg] if !matches!(arg.value.kind, ExprKind::Str(_)) && !lambda),
        _ => !lambda && !arguments.is_empty() && !matches!(arguments[0].value.kind, ExprKind::Int(_)),
    };
    let is_literal = match arguments {
        [arg] if form.ends_with("string)") => matches!(arg.value.kind, ExprKind::Str(_)),
        [arg] if form == "(n: int)" => matches!(arg.value.kind, ExprKind::Int(_)),
        _ => false,
    };
    match (fits, is_literal) {
        (true, true) => 30,
        (true, false) => 15,
        _ => -30,
    }
}

fn variant_entry(variant: &VariantDef) -> Completion {
    Completion::new(variant.name.as_str(), CompletionKind::Variant).documentation(variant.doc.clone())
}

fn add_stages(block: &Block, score: i32, out: &mut Collected) {
    for stmt in &block.stmts {
        if let StmtKind::Stage { name, .. } = &stmt.kind
            && name.text != crate::index::TYPED_NAME
        {
            out.add(score, Completion::new(name.text.as_str(), CompletionKind::Variable));
        }
        let mut inner = Vec::new();
        walk::blocks_of(stmt, &mut inner);
        let named = matches!(stmt.kind, StmtKind::Stage { .. });
        // A stage inside of a stage is named after it; inside of an `if` it stands for itself.
        inner.into_iter().for_each(|block| add_stages(block, if named { score - 40 } else { score }, out));
    }
}

fn add_stages_inside(block: &Block, outer: &str, out: &mut Collected) {
    for stmt in &block.stmts {
        let mut inner = Vec::new();
        walk::blocks_of(stmt, &mut inner);
        let found = matches!(&stmt.kind, StmtKind::Stage { name, .. } if name.text == outer);
        for block in inner {
            if found {
                add_stages(block, 90, out);
            } else {
                add_stages_inside(block, outer, out);
            }
        }
    }
}
