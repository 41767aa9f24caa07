//! Types, ranked by what has them.

use cascade_grammar::ast::{TypeExpr, TypeExprKind};
use rustc_hash::FxHashMap as HashMap;

use super::{
    Question, Usage,
    item::{Collected, Completion, CompletionKind},
    place::{TypeLike, Wanted},
};
use crate::{
    builtins::BASIC_TYPE_NAMES,
    index::TYPED_NAME,
    types::{Ty, TyKind, TypeDefKind},
    world::Def,
};

impl<'a> Question<'a> {
    /// A type: first that of a value that it belongs to, then the one that fields and parameters of the same name have,
    /// then what the file names often. `depth` is how many types surround it: 1 in `list<…>`.
    pub(super) fn complete_type(
        &self,
        of: Option<&str>,
        depth: usize,
        like: Option<&TypeLike<'_>>,
        out: &mut Collected,
    ) {
        let inner = depth > 0;
        let like = like.and_then(|like| self.name_of_like(like, depth));
        let used = self.words_of_text();
        let count = |name: &str| used.get(name).copied().unwrap_or(0).min(7);
        let before = of.map(|of| self.types_of_namesakes(of, true)).unwrap_or_default();
        let elsewhere = of.map(|of| self.types_of_namesakes(of, false)).unwrap_or_default();
        // `verdict: Verdict`, `tracked_files: list<TrackedFile>`.
        let plain = of.unwrap_or_default().replace('_', "").to_lowercase();
        let singular = plain.trim_end_matches('s');
        let alike = |name: &str| {
            let name = name.trim_start_matches('_').to_lowercase();
            let whole = plain.ends_with(&name) || singular.ends_with(&name);
            if whole || (name.len() > 3 && plain.starts_with(&name)) { 45 } else { 0 }
        };
        let namesake = |name: &str| {
            let of_value = if like.as_deref() == Some(name) { 90 } else { 0 };
            let known = if before.iter().any(|ty| *ty == name) {
                60
            } else if elsewhere.iter().any(|ty| *ty == name) {
                50
            } else {
                0
            };
            alike(name) + of_value + known
        };
        for (number, name) in BASIC_TYPE_NAMES.iter().enumerate() {
            let entry = Completion::new(*name, CompletionKind::Type);
            let entry = if matches!(*name, "list" | "map" | "outcome") && !self.bracket_follows() {
                entry.snippet(format!("{name}<${{1:T}}>"))
            } else {
                entry
            };
            let common = match *name {
                "string" => 20,
                "int" | "list" | "path" => 12,
                "bool" | "float" | "file" => 8,
                _ => 0,
            };
            // With `<` after it, it has arguments.
            let takes = matches!(*name, "list" | "map" | "outcome") == self.bracket_follows();
            let score = 50 - number as i32 + common + 2 * count(name) + namesake(name);
            out.add(if takes { score + if self.bracket_follows() { 60 } else { 0 } } else { score - 40 }, entry);
        }
        for (name, binding) in self.visible() {
            match binding.def {
                def @ Def::Type(_) => {
                    let unused = if self.usage(def) == Usage::Nowhere { 35 } else { 0 };
                    let score = 50 + unused + 2 * count(name) + namesake(name) + if inner { 12 } else { 0 };
                    let foreign = if self.prelude_name(name) { 45 } else { 0 };
                    out.add_declared(score - foreign, name, def, false);
                }
                def @ Def::Module(module)
                    if self.exported(module).iter().any(|(_, def)| matches!(def, Def::Type(_))) =>
                {
                    let gives = |like: &String| self.exported(module).iter().any(|(name, _)| *name == like);
                    let of_value = if like.as_ref().is_some_and(gives) { 90 } else { 0 };
                    out.add_declared(20 + of_value, name, def, false);
                }
                _ => {}
            }
        }
        self.add_importable(Some(Wanted::Type), 0, out);
    }

    /// The outermost name of the type that a value has, or that is written elsewhere; within `depth` others.
    fn name_of_like(&self, like: &TypeLike<'_>, depth: usize) -> Option<String> {
        let types = &self.analysis.types;
        match like {
            TypeLike::Value(span) => {
                let mut ty = types.non_null(self.type_of(*span)?);
                for _ in 0..depth {
                    ty = match types.kind(types.base(ty)) {
                        TyKind::List(inner) | TyKind::Map(inner) => types.non_null(*inner),
                        _ => return None,
                    };
                }
                Some(outermost_name(&types.type_text(types.base(ty))))
            }
            TypeLike::Written(ty) => name_of_written(ty, depth),
        }
    }

    fn bracket_follows(&self) -> bool {
        self.text.get(self.offset as usize + TYPED_NAME.len()..).unwrap_or_default().starts_with('<')
    }

    /// How often each word stands in the text.
    fn words_of_text(&self) -> HashMap<&'a str, i32> {
        let mut counts = HashMap::default();
        for word in self.text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            *counts.entry(word).or_insert(0) += 1;
        }
        counts
    }

    /// The outermost names of the types that fields and parameters of a name have elsewhere in the file, or in the other
    /// files of the program.
    fn types_of_namesakes(&self, name: &str, in_file: bool) -> Vec<String> {
        let types = &self.analysis.types;
        let declared = &self.analysis.declared;
        let here = |module: usize| (module == self.module) == in_file;
        let signatures = declared.fns.iter().chain(&declared.skills).chain(&declared.cascades);
        let params = signatures.filter(|s| here(s.origin.module)).flat_map(|s| &s.params);
        let params = params.filter(|param| param.name == name).map(|param| param.ty);
        let records = types.defs.iter().zip(&declared.types).filter(|(_, of)| here(of.origin.module));
        let fields = records.filter_map(|(def, _)| match &def.kind {
            TypeDefKind::Record(fields) => fields.iter().find(|field| field.name == name).map(|field| field.ty),
            _ => None,
        });
        let texts = params.chain(fields).filter(|ty| *ty != Ty::ERROR).map(|ty| types.type_text(types.non_null(ty)));
        texts.map(|text| outermost_name(&text)).collect()
    }
}

/// `list` of `list<string>`.
fn outermost_name(text: &str) -> String {
    text.split(['<', ' ']).next().unwrap_or_default().to_owned()
}

fn name_of_written(ty: &TypeExpr, depth: usize) -> Option<String> {
    match &ty.kind {
        TypeExprKind::Named { path, args } => match depth {
            0 => path.first().map(|name| name.text.to_string()),
            _ => name_of_written(args.first()?, depth - 1),
        },
        TypeExprKind::Optional(inner) | TypeExprKind::Where(inner, _) => name_of_written(inner, depth),
        TypeExprKind::Record(_) | TypeExprKind::Error => None,
    }
}
