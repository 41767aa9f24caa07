//! Literals: lists, records, maps and variants.

use cascade_grammar::ast::{Arg, Expr, Name, RecordEntry, Span};
use cascade_ir as ir;
use rustc_hash::FxHashMap as HashMap;
use smol_str::SmolStr;

use super::{BodyChecker, Typed, expr::constant_expr};
use crate::{
    checks::{names::repeated_key, types::unknown_variant},
    codes,
    diagnostic::Diagnostic,
    flow::Flow,
    index::{Builtin, Symbol, field_symbol},
    suggest::{quoted_list, with_suggestion},
    types::{FieldDef, Ty, TyKind, TypeDefKind, VariantDef},
};

/// A field that a literal must fill.
struct Wanted {
    name: SmolStr,
    ty: Ty,
    default: Option<ir::Expr>,
}

impl From<&FieldDef> for Wanted {
    fn from(f: &FieldDef) -> Self {
        Wanted { name: f.name.clone(), ty: f.ty, default: f.default.clone() }
    }
}

impl BodyChecker<'_> {
    /// Checks a list whose elements have a known type.
    pub(super) fn check_list(&mut self, items: &[Expr], element: Ty, list: Ty) -> Typed {
        let mut flow = Flow::default();
        let items = items
            .iter()
            .map(|item| {
                let typed = self.check(item, element);
                flow.include(&typed.flow);
                typed.ir
            })
            .collect();
        Typed::new(ir::Expr::List(items), list, flow)
    }

    /// Infers a list; the type of its elements is what they have in common.
    pub(super) fn infer_list(&mut self, items: &[Expr]) -> Typed {
        let mut flow = Flow::default();
        let mut element = Ty::NEVER;
        let mut values = Vec::with_capacity(items.len());
        let mut first: Option<Span> = None;
        for item in items {
            let typed = self.infer(item);
            flow.include(&typed.flow);
            match self.context.types.join(element, typed.ty) {
                Some(joined) => element = joined,
                None if self.context.types.numeric(element) && self.context.types.numeric(typed.ty) => {
                    element = Ty::FLOAT
                }
                None => {
                    let (a, b) = (self.context.type_text(element), self.context.type_text(typed.ty));
                    let source = self.context.source();
                    let mut d = self
                        .context
                        .diagnostic(
                            codes::MISMATCH,
                            item.span,
                            format!("the elements of a list have one type: `{a}` before, `{b}` here"),
                        )
                        .label(format!("`{b}`"));
                    if let Some(first) = first {
                        d = d.also_at(source, first, format!("`{a}`"));
                    }
                    self.context.report(d);
                    element = Ty::ERROR;
                }
            }
            first.get_or_insert(item.span);
            values.push((typed, item.span));
        }
        let values = values.into_iter().map(|(v, span)| self.coerce(v, element, span).ir).collect();
        let ty = self.context.types.list(element);
        Typed::new(ir::Expr::List(values), ty, flow)
    }

    /// Checks a record literal where a record, a map or json is expected; gives `None` elsewhere.
    pub(super) fn check_record(&mut self, entries: &[RecordEntry], span: Span, wanted: Ty) -> Option<Typed> {
        match self.context.types.kind(wanted).clone() {
            TyKind::Map(element) => Some(self.check_map_literal(entries, element, wanted)),
            TyKind::Json => Some(self.check_map_literal(entries, Ty::JSON, Ty::JSON)),
            TyKind::Record(fields) => {
                let wanted_fields = fields.into_iter().map(|(name, ty)| Wanted { name, ty, default: None }).collect();
                let (fields, flow) = self.fill_record(entries, span, wanted, wanted_fields, "this record");
                Some(Typed::new(fields, wanted, flow))
            }
            TyKind::Named(id) => match &self.context.types.defs[id.index()].kind {
                TypeDefKind::Record(fields) => {
                    let wanted_fields = fields.iter().map(Wanted::from).collect();
                    let name = format!("`{}`", self.context.types.defs[id.index()].name);
                    let (fields, flow) = self.fill_record(entries, span, wanted, wanted_fields, &name);
                    Some(Typed::new(fields, wanted, flow))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Checks a record literal as a map.
    fn check_map_literal(&mut self, entries: &[RecordEntry], element: Ty, ty: Ty) -> Typed {
        let mut flow = Flow::default();
        let mut out = Vec::new();
        let mut seen: HashMap<&str, Span> = HashMap::default();
        for entry in entries {
            match entry {
                RecordEntry::Field { key, value, .. } => {
                    self.report_repeated_key(&mut seen, key);
                    self.context.record_builtin(key.span, Builtin::Key);
                    let value = self.check(value, element);
                    flow.include(&value.flow);
                    out.push(ir::MapEntry::Entry(key.text.clone(), value.ir));
                }
                RecordEntry::Spread(base) => {
                    let value = self.infer(base);
                    flow.include(&value.flow);
                    let is_map = match self.context.types.kind(self.context.types.base(value.ty)) {
                        TyKind::Map(t) => self.context.types.fits(*t, element),
                        _ => false,
                    };
                    if !is_map && element != Ty::JSON && value.ty != Ty::ERROR {
                        self.context.report_mismatch(value.ty, ty, base.span);
                    }
                    out.push(ir::MapEntry::Spread(value.ir));
                }
            }
        }
        Typed::new(ir::Expr::Map(out), ty, flow)
    }

    fn report_repeated_key<'n>(&mut self, seen: &mut HashMap<&'n str, Span>, key: &'n Name) {
        if let Some(first) = seen.get(key.text.as_str()).copied() {
            self.context.report(repeated_key(self.context.view(), key, first));
        }
        seen.entry(&key.text).or_insert(key.span);
    }

    /// Checks the fields of a record literal against those of its type.
    fn fill_record(
        &mut self,
        entries: &[RecordEntry],
        span: Span,
        record: Ty,
        wanted: Vec<Wanted>,
        name: &str,
    ) -> (ir::Expr, Flow) {
        let mut flow = Flow::default();
        let mut given: Vec<Option<ir::Expr>> = vec![None; wanted.len()];
        let mut seen: HashMap<&str, Span> = HashMap::default();
        let positions: HashMap<SmolStr, usize> =
            wanted.iter().enumerate().rev().map(|(i, w)| (w.name.clone(), i)).collect();
        let mut bases: Vec<(ir::Slot, ir::Expr)> = Vec::new();
        let mut broken = false;
        for entry in entries {
            match entry {
                RecordEntry::Field { key, value, .. } => {
                    if key.text.is_empty() {
                        broken = true;
                        self.infer(value);
                        continue;
                    }
                    self.report_repeated_key(&mut seen, key);
                    match positions.get(&key.text).copied() {
                        Some(i) => {
                            self.context.record_field_use(record, key);
                            let value = self.check(value, wanted[i].ty);
                            flow.include(&value.flow);
                            given[i] = Some(value.ir);
                        }
                        None => {
                            self.infer(value);
                            broken = true;
                            let d = self
                                .context
                                .diagnostic(
                                    codes::UNKNOWN_FIELD,
                                    key.span,
                                    format!("{name} has no field `{}`", key.text),
                                )
                                .label("not a field of it");
                            if !self.context.may_suggest() {
                                self.context.report(d);
                                continue;
                            }
                            let open = wanted.iter().map(|w| w.name.as_str()).filter(|n| !seen.contains_key(n));
                            let mut d = with_suggestion(d, &key.text, key.span, open);
                            if d.help.is_none() {
                                d = d.help(format!(
                                    "its fields are {}",
                                    quoted_list(wanted.iter().map(|w| w.name.as_str()))
                                ));
                            }
                            self.context.report(d);
                        }
                    }
                }
                RecordEntry::Spread(base) => {
                    let value = self.infer(base);
                    flow.include(&value.flow);
                    match self.context.types.fields(value.ty) {
                        Some(fields) => {
                            let slot = self.scope.new_slot();
                            bases.push((slot, value.ir));
                            for (i, w) in wanted.iter().enumerate() {
                                let Some((_, ty)) = fields.iter().find(|(n, _)| *n == w.name) else { continue };
                                let read = ir::Expr::Field(Box::new(ir::Expr::Slot(slot)), w.name.clone());
                                let typed = Typed::new(read, *ty, value.flow.clone());
                                given[i] = Some(self.coerce(typed, w.ty, base.span).ir);
                            }
                        }
                        None if value.ty == Ty::ERROR => broken = true,
                        None => {
                            broken = true;
                            let shown = self.context.type_text(value.ty);
                            let d = self
                                .context
                                .diagnostic(
                                    codes::MISMATCH,
                                    base.span,
                                    format!("`...` needs a record, found `{shown}`"),
                                )
                                .label(format!("`{shown}`"));
                            self.context.report(d);
                        }
                    }
                }
            }
        }
        let mut missing = Vec::new();
        let mut fields = Vec::with_capacity(wanted.len());
        for (w, value) in wanted.into_iter().zip(given) {
            let value = match (value, w.default) {
                (Some(value), _) | (None, Some(value)) => value,
                (None, None) => {
                    if !self.context.types.nullable(w.ty) {
                        missing.push((w.name.clone(), w.ty));
                    }
                    constant_expr(ir::Const::Null)
                }
            };
            fields.push((w.name, value));
        }
        if !missing.is_empty() && !broken {
            let d = self
                .context
                .diagnostic(
                    codes::MISSING_FIELD,
                    span,
                    format!("{name} needs {}", quoted_list(missing.iter().map(|(name, _)| name.as_str()))),
                )
                .label(if missing.len() == 1 { "one field is missing" } else { "fields are missing" });
            let d = self.with_missing_fields(d, entries, span, &missing);
            self.context.report(d);
        }
        let mut out = ir::Expr::Record(fields);
        for (slot, base) in bases.into_iter().rev() {
            out = ir::Expr::Let(slot, Box::new(base), Box::new(out));
        }
        (out, flow)
    }

    /// Adds the fix that writes the fields that a record lacks.
    fn with_missing_fields(
        &self,
        d: Diagnostic,
        entries: &[RecordEntry],
        span: Span,
        missing: &[(SmolStr, Ty)],
    ) -> Diagnostic {
        let text = self.context.view().world.files.text(self.context.module, span);
        let filled = missing.iter().map(|(name, ty)| Some(format!("{name}: {}", self.context.types.placeholder(*ty)?)));
        let Some(filled) = filled.collect::<Option<Vec<_>>>().filter(|_| text.starts_with('{') && text.ends_with('}'))
        else {
            return d;
        };
        let title = if missing.len() == 1 { "add the missing field" } else { "add the missing fields" };
        let filled = filled.join(", ");
        let (at, change) = match entries.last() {
            Some(RecordEntry::Field { value, .. }) => (value.span.end, format!(", {filled}")),
            Some(RecordEntry::Spread(base)) => (base.span.end, format!(", {filled}")),
            None => (span.start + 1, format!(" {filled} ")),
        };
        d.fix(title, Span { start: at, end: at }, change)
    }

    /// Infers a record literal, which is an anonymous record.
    pub(super) fn infer_record(&mut self, entries: &[RecordEntry]) -> Typed {
        let mut flow = Flow::default();
        let mut fields: Vec<(SmolStr, Ty, ir::Expr)> = Vec::new();
        let mut bases = Vec::new();
        let mut seen: HashMap<&str, Span> = HashMap::default();
        for entry in entries {
            match entry {
                RecordEntry::Field { key, value, .. } => {
                    let again = seen.contains_key(key.text.as_str()) || !bases.is_empty();
                    self.report_repeated_key(&mut seen, key);
                    let value = self.infer(value);
                    flow.include(&value.flow);
                    if again {
                        fields.retain(|(n, _, _)| *n != key.text);
                    }
                    fields.push((key.text.clone(), value.ty, value.ir));
                }
                RecordEntry::Spread(base) => {
                    let value = self.infer(base);
                    flow.include(&value.flow);
                    let Some(base_fields) = self.context.types.fields(value.ty) else {
                        if value.ty != Ty::ERROR {
                            let shown = self.context.type_text(value.ty);
                            let d = self
                                .context
                                .diagnostic(
                                    codes::MISMATCH,
                                    base.span,
                                    format!("`...` needs a record, found `{shown}`"),
                                )
                                .label(format!("`{shown}`"));
                            self.context.report(d);
                        }
                        return Typed::error();
                    };
                    let slot = self.scope.new_slot();
                    bases.push((slot, value.ir));
                    for (name, ty) in base_fields {
                        let read = ir::Expr::Field(Box::new(ir::Expr::Slot(slot)), name.clone());
                        fields.retain(|(n, _, _)| *n != name);
                        fields.push((name, ty, read));
                    }
                }
            }
        }
        let ty = self.context.types.record(fields.iter().map(|(n, t, _)| (n.clone(), *t)).collect());
        if self.context.recorder().is_on() {
            for (key, span) in seen {
                if let Some(symbol) = field_symbol(self.context.types, ty, key) {
                    self.context.record_definition(span, symbol);
                }
            }
        }
        let mut out = ir::Expr::Record(fields.into_iter().map(|(n, _, e)| (n, e)).collect());
        for (slot, base) in bases.into_iter().rev() {
            out = ir::Expr::Let(slot, Box::new(base), Box::new(out));
        }
        Typed::new(out, ty, flow)
    }

    /// Checks a name where an enum is expected. Gives `None` when it is no variant but a declaration.
    pub(super) fn check_variant_name(&mut self, name: &Name, wanted: Ty) -> Option<Typed> {
        let (id, _) = self.context.types.def(wanted)?;
        let variants = self.context.types.variants(wanted)?;
        if name.text.is_empty() {
            return Some(Typed::error());
        }
        match variants.iter().position(|v| v.name == name.text) {
            Some(position) => {
                let variant = variants[position].clone();
                self.context.record_use(name.span, Symbol::Variant { of: id.0, index: position as u32 });
                Some(self.build_variant(id, position, &variant, &[], name.span, wanted))
            }
            None => {
                if self.context.world.find_name(self.context.module, &name.text).is_some() {
                    return None;
                }
                self.report_unknown_variant(name, wanted);
                Some(Typed::error())
            }
        }
    }

    /// Reports a variant that an enum does not have.
    pub(super) fn report_unknown_variant(&mut self, name: &Name, ty: Ty) {
        if self.scope.find_ended(&name.text).is_some() {
            return self.report_unknown_value(name);
        }
        self.context.report(unknown_variant(self.context.view(), ty, name));
    }

    /// Checks `variant(field: value)` where an enum is expected.
    pub(super) fn check_variant_call(&mut self, name: &Name, args: &[Arg], wanted: Ty) -> Option<Typed> {
        let (id, _) = self.context.types.def(wanted)?;
        let variants = self.context.types.variants(wanted)?;
        let position = variants.iter().position(|v| v.name == name.text)?;
        let variant = variants[position].clone();
        self.context.record_use(name.span, Symbol::Variant { of: id.0, index: position as u32 });
        Some(self.build_variant(id, position, &variant, args, name.span, wanted))
    }

    /// Checks the arguments of a variant against its fields.
    pub(super) fn build_variant(
        &mut self,
        id: ir::TypeId,
        position: usize,
        variant: &VariantDef,
        args: &[Arg],
        span: Span,
        ty: Ty,
    ) -> Typed {
        let mut flow = Flow::default();
        let mut fields: Vec<(SmolStr, Option<ir::Expr>)> =
            variant.fields.iter().map(|f| (f.name.clone(), None)).collect();
        for (i, arg) in args.iter().enumerate() {
            let index = match &arg.name {
                Some(name) => match variant.fields.iter().position(|f| f.name == name.text) {
                    Some(index) => {
                        let (variant, index32) = (position as u32, index as u32);
                        self.context.record_use(name.span, Symbol::VariantField { of: id.0, variant, index: index32 });
                        index
                    }
                    None => {
                        let d = self
                            .context
                            .diagnostic(
                                codes::UNKNOWN_FIELD,
                                name.span,
                                format!("`{}` has no field `{}`", variant.name, name.text),
                            )
                            .label("not a field of it");
                        let d =
                            with_suggestion(d, &name.text, name.span, variant.fields.iter().map(|f| f.name.as_str()));
                        self.context.report(d);
                        self.infer(&arg.value);
                        continue;
                    }
                },
                None => i,
            };
            let Some(field) = variant.fields.get(index) else {
                let d = self
                    .context
                    .diagnostic(
                        codes::ARGUMENTS,
                        arg.value.span,
                        format!("`{}` has {} fields", variant.name, variant.fields.len()),
                    )
                    .label("one too many");
                self.context.report(d);
                continue;
            };
            let value = self.check(&arg.value, field.ty);
            flow.include(&value.flow);
            fields[index].1 = Some(value.ir);
        }
        let mut missing = Vec::new();
        let fields = fields
            .into_iter()
            .zip(&variant.fields)
            .map(|((name, value), def)| {
                let value = value.or_else(|| def.default.clone()).unwrap_or_else(|| {
                    if !self.context.types.nullable(def.ty) {
                        missing.push(name.clone());
                    }
                    constant_expr(ir::Const::Null)
                });
                (name, value)
            })
            .collect();
        if !missing.is_empty() {
            let example: Vec<String> = missing.iter().map(|n| format!("{n}: …")).collect();
            let d = self
                .context
                .diagnostic(
                    codes::MISSING_FIELD,
                    span,
                    format!("`{}` needs {}", variant.name, quoted_list(missing.iter().map(SmolStr::as_str))),
                )
                .label("given without")
                .help(format!("write `{}({})`", variant.name, example.join(", ")));
            self.context.report(d);
        }
        Typed::new(ir::Expr::Variant { ty: id, variant: position as u32, fields }, ty, flow)
    }
}
