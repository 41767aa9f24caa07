//! Types and values in the words of messages, and the nearest of known names.

use cascade_ir::{Field, Type, TypeDefKind};

use crate::value::{REDACTED, Value, to_json};

/// A short form of a value for messages.
pub fn shorten_value(value: &Value) -> String {
    if let Value::Secret(_) = value {
        return REDACTED.to_owned();
    }
    let text = to_json(value).to_string();
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// The name of a type for messages.
pub fn describe_type(program: &cascade_ir::Program, ty: &Type) -> String {
    match ty {
        Type::Null => "null".into(),
        Type::String => "string".into(),
        Type::Int => "int".into(),
        Type::Float => "float".into(),
        Type::Bool => "bool".into(),
        Type::Path => "path".into(),
        Type::Json => "json".into(),
        Type::Duration => "duration".into(),
        Type::Time => "time".into(),
        Type::Money => "money".into(),
        Type::Secret => "secret".into(),
        Type::Command => "command".into(),
        Type::Artifact(kind) => format!("{kind:?}").to_lowercase(),
        Type::Model => "model".into(),
        Type::List(inner) => format!("list<{}>", describe_type(program, inner)),
        Type::Map(inner) => format!("map<{}>", describe_type(program, inner)),
        Type::Optional(inner) => format!("{}?", describe_type(program, inner)),
        Type::Record(fields) => {
            let names: Vec<&str> = fields.iter().map(|f| f.name.as_str()).collect();
            format!("{{ {} }}", names.join(", "))
        }
        Type::Named(id) => program.types.get(id.index()).map_or_else(|| "?".into(), |d| d.name.to_string()),
        Type::Refined(inner, _) => describe_type(program, inner),
    }
}

/// Whether a type contains secrets.
pub(crate) fn declares_secret(program: &cascade_ir::Program, ty: &Type) -> bool {
    fn declares(program: &cascade_ir::Program, ty: &Type, seen: &mut Vec<cascade_ir::TypeId>) -> bool {
        let any = |fields: &[Field], seen: &mut Vec<_>| fields.iter().any(|f| declares(program, &f.ty, seen));
        match ty {
            Type::Secret => true,
            Type::List(inner) | Type::Map(inner) | Type::Optional(inner) | Type::Refined(inner, _) => {
                declares(program, inner, seen)
            }
            Type::Record(fields) => any(fields, seen),
            Type::Named(id) if seen.contains(id) => false,
            Type::Named(id) => {
                seen.push(*id);
                match program.types.get(id.index()).map(|def| &def.kind) {
                    Some(TypeDefKind::Record(fields)) => any(fields, seen),
                    Some(TypeDefKind::Enum(variants)) => variants.iter().any(|variant| any(&variant.fields, seen)),
                    Some(TypeDefKind::Alias(inner)) => declares(program, inner, seen),
                    None => false,
                }
            }
            _ => false,
        }
    }
    declares(program, ty, &mut Vec::new())
}

/// `; did you mean …?` if a known name is similar.
pub(crate) fn suggest_name(name: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|k| (edit_distance(name, k), k))
        .filter(|(d, k)| *d <= 1 + k.chars().count() / 4)
        .min()
        .map(|(_, k)| format!("; did you mean `{k}`?"))
        .unwrap_or_default()
}

/// The edit distance of two names, where swapped neighbours count as one edit.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let cost = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + cost);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            }
        }
    }
    rows[a.len()][b.len()]
}
