//! The places of an answer that its type says are secrets.

use cascade_ir::{Field, Program, Type, TypeDefKind};
use serde_json::Value as Json;

use crate::value::REDACTED;

/// Puts `[secret]` where the type has a secret.
pub fn mask_declared(program: &Program, ty: &Type, json: &mut Json) {
    let in_fields = |fields: &[Field], json: &mut Json| {
        for field in fields {
            if let Some(item) = json.get_mut(field.name.as_str()) {
                mask_declared(program, &field.ty, item);
            }
        }
    };
    match ty {
        Type::Secret if !json.is_null() => *json = REDACTED.into(),
        Type::Optional(inner) | Type::Refined(inner, _) => mask_declared(program, inner, json),
        Type::List(inner) => {
            json.as_array_mut().into_iter().flatten().for_each(|item| mask_declared(program, inner, item))
        }
        Type::Map(inner) => {
            json.as_object_mut().into_iter().flatten().for_each(|(_, item)| mask_declared(program, inner, item));
        }
        Type::Record(fields) => in_fields(fields, json),
        Type::Named(id) => match program.types.get(id.index()).map(|def| &def.kind) {
            Some(TypeDefKind::Record(fields)) => in_fields(fields, json),
            Some(TypeDefKind::Enum(variants)) => {
                let kind = json.get("kind").and_then(Json::as_str).unwrap_or_default().to_owned();
                for variant in variants.iter().filter(|variant| variant.name == kind) {
                    in_fields(&variant.fields, json);
                }
            }
            Some(TypeDefKind::Alias(inner)) => mask_declared(program, inner, json),
            None => {}
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_declared_is_masked() {
        let field = |name: &str, ty| Field { name: name.into(), ty, doc: String::new(), default: None };
        let ty = Type::List(Box::new(Type::Record(vec![
            field("token", Type::Optional(Box::new(Type::Secret))),
            field("user", Type::String),
        ])));
        let mut json = json!([{ "token": "minted", "user": "ada" }, { "token": null, "user": "bo" }]);
        mask_declared(&Program::empty("a.cascade"), &ty, &mut json);
        assert_eq!(json, json!([{ "token": "[secret]", "user": "ada" }, { "token": null, "user": "bo" }]));
    }
}
