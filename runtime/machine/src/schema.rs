//! JSON Schema (2020-12) of types, for models and for users.

use cascade_ir::{ArtifactKind, Const, Expr, Field, Param, Program, Skill, Type, TypeDefKind, TypeId, Variant};
use serde_json::{Map, Value as Json, json};
use smol_str::SmolStr;

use crate::{check::is_tagged, eval::constant_value, value::to_json};

/// The schema of a declared type for users: optional fields are not required, references have
/// descriptions, and `x-cascade` names types that JSON lacks. Named types are under `$defs`.
pub fn schema_of_type(program: &Program, id: TypeId) -> Json {
    let mut writer = Writer { program, defs: Vec::new(), strict: false };
    let schema = writer.named_schema(id);
    let reference = schema.get("$ref").and_then(Json::as_str).map(str::to_owned);
    let recursive = reference.is_some_and(|r| writer.defs.iter().any(|(_, _, def)| contains_reference(def, &r)));
    let schema = if recursive { schema } else { writer.inline_reference(schema) };
    let title = program.types.get(id.index()).map_or("", |def| def.name.as_str());
    let mut out = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title });
    if let (Json::Object(out), Json::Object(fields)) = (&mut out, writer.finish(schema)) {
        out.extend(fields);
    }
    out
}

/// The schema for a model: an object at the top, which every provider accepts. A map is an object whose
/// properties are not named, free JSON an empty schema. `None` if the answer is text or nothing but free JSON.
pub(crate) fn model_schema(program: &Program, ty: &Type) -> Option<Json> {
    if is_text(program, ty) || is_free_json(program, ty) {
        return None;
    }
    let mut writer = Writer { program, defs: Vec::new(), strict: true };
    let inner = writer.schema(ty);
    let schema = if is_wrapped(program, ty) {
        object_schema([("value".to_owned(), inner)].into_iter().collect())
    } else {
        // Not every provider accepts a reference at the top: its definition is inserted.
        writer.inline_reference(inner)
    };
    Some(writer.finish(schema))
}

/// The schema of the inputs of a skill that a model may call as a tool. An input with a default may be left out.
pub(crate) fn parameters_schema(program: &Program, params: &[Param]) -> Json {
    let mut writer = Writer { program, defs: Vec::new(), strict: false };
    let field = |param: &Param| Field {
        name: param.name.clone(),
        ty: param.ty.clone(),
        doc: param.doc.clone(),
        default: param.default.clone(),
    };
    let fields: Vec<Field> = params.iter().map(field).collect();
    let schema = writer.record(&fields);
    writer.finish(schema)
}

/// The name of a skill's schema: letters, digits and `_`, at most 64.
pub(crate) fn schema_name(program: &Program, skill: &Skill) -> String {
    let base = match &skill.output {
        Type::Named(id) => program.types.get(id.index()).map_or(&skill.name, |d| &d.name),
        _ => &skill.name,
    };
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }
    };
    base.chars().map(clean).take(64).collect()
}

/// Whether the answer is plain text.
pub(crate) fn is_text(program: &Program, ty: &Type) -> bool {
    match ty {
        Type::String | Type::Null | Type::Path | Type::Secret => true,
        Type::Refined(inner, _) | Type::Optional(inner) => is_text(program, inner),
        Type::Named(id) => match program.types.get(id.index()).map(|d| &d.kind) {
            Some(TypeDefKind::Alias(inner)) => is_text(program, inner),
            _ => false,
        },
        _ => false,
    }
}

/// Whether the type is not an object, and is therefore wrapped as `{ value: … }`.
pub(crate) fn is_wrapped(program: &Program, ty: &Type) -> bool {
    match ty {
        Type::Record(_) => false,
        Type::Refined(inner, _) => is_wrapped(program, inner),
        Type::Named(id) => match program.types.get(id.index()).map(|d| &d.kind) {
            Some(TypeDefKind::Record(_)) => false,
            Some(TypeDefKind::Alias(inner)) => is_wrapped(program, inner),
            _ => true,
        },
        _ => true,
    }
}

/// Whether the type is any JSON: there is nothing to say of it.
fn is_free_json(program: &Program, ty: &Type) -> bool {
    match ty {
        Type::Json => true,
        Type::Refined(inner, _) | Type::Optional(inner) => is_free_json(program, inner),
        Type::Named(id) => match program.types.get(id.index()).map(|d| &d.kind) {
            Some(TypeDefKind::Alias(inner)) => is_free_json(program, inner),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a schema for a model says all of its values: no part of it is a map or free JSON, which strict
/// validators refuse.
pub fn is_closed(schema: &Json) -> bool {
    match schema {
        Json::Object(fields) if fields.is_empty() => false,
        Json::Object(fields) => fields.iter().all(|(keyword, value)| match keyword.as_str() {
            "additionalProperties" => *value == Json::Bool(false),
            // The names below are those of fields and definitions.
            "properties" | "$defs" => value.as_object().into_iter().flatten().all(|(_, schema)| is_closed(schema)),
            "enum" | "required" | "default" | "const" => true,
            _ => is_closed(value),
        }),
        Json::Array(items) => items.iter().all(is_closed),
        _ => true,
    }
}

fn object_schema(properties: Map<String, Json>) -> Json {
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

struct Writer<'p> {
    program: &'p Program,
    /// For models: every field is required, and references have no siblings.
    strict: bool,
    defs: Vec<(TypeId, SmolStr, Json)>,
}

impl Writer<'_> {
    fn finish(self, mut schema: Json) -> Json {
        if let Json::Object(fields) = &mut schema
            && !self.defs.is_empty()
        {
            let defs: Map<String, Json> = self.defs.into_iter().map(|(_, name, def)| (name.to_string(), def)).collect();
            fields.insert("$defs".to_owned(), Json::Object(defs));
        }
        schema
    }

    fn inline_reference(&mut self, schema: Json) -> Json {
        let target = schema.get("$ref").and_then(Json::as_str).and_then(|r| r.strip_prefix("#/$defs/"));
        match target.and_then(|name| self.defs.iter().position(|(_, n, _)| n == name)) {
            // Also kept in `$defs`: it may refer to itself.
            Some(position) => {
                let definition = self.defs[position].2.clone();
                let name = self.defs[position].1.to_string();
                let used = self.defs.iter().any(|(_, _, d)| contains_reference(d, &format!("#/$defs/{name}")));
                if !used {
                    self.defs.remove(position);
                }
                definition
            }
            None => schema,
        }
    }

    fn schema(&mut self, ty: &Type) -> Json {
        let mut schema = self.schema_without_docs(ty);
        if !self.strict
            && let Some(name) = cascade_type_name(ty)
        {
            schema["x-cascade"] = json!(name);
        }
        schema
    }

    fn schema_without_docs(&mut self, ty: &Type) -> Json {
        match ty {
            Type::Null => json!({ "type": "null" }),
            Type::String | Type::Path | Type::Secret | Type::Command | Type::Artifact(_) | Type::Model => {
                json!({ "type": "string" })
            }
            Type::Int => json!({ "type": "integer" }),
            Type::Float => json!({ "type": "number" }),
            Type::Bool => json!({ "type": "boolean" }),
            Type::Json => json!({}),
            Type::Duration => {
                json!({ "type": "string", "description": "A duration such as 1m30s" })
            }
            Type::Time => json!({ "type": "string", "format": "date-time" }),
            Type::Money => json!({ "type": "number", "description": "US dollars" }),
            Type::List(inner) => json!({ "type": "array", "items": self.schema(inner) }),
            Type::Map(inner) => {
                json!({ "type": "object", "additionalProperties": self.schema(inner) })
            }
            Type::Optional(inner) => nullable_schema(self.schema(inner)),
            Type::Record(fields) => self.record(fields),
            Type::Named(id) => self.named_schema(*id),
            Type::Refined(inner, refinement) => {
                let mut schema = self.schema(inner);
                // Strict validators allow no siblings of a reference; the answer is checked
                // afterwards in any case.
                if let Json::Object(fields) = &mut schema
                    && (!self.strict || !fields.contains_key("$ref"))
                {
                    for (keyword, value) in &refinement.schema {
                        fields.insert(keyword.to_string(), constant_json(value));
                    }
                    if !self.strict && refinement.schema.is_empty() {
                        fields.insert("$comment".to_owned(), json!(format!("where {}", refinement.text)));
                    }
                }
                schema
            }
        }
    }

    fn record(&mut self, fields: &[Field]) -> Json {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in fields {
            let mut schema = self.schema(&field.ty);
            let optional = matches!(field.ty, Type::Optional(_));
            if self.strict && field.default.is_some() && !optional {
                schema = nullable_schema(schema);
            }
            if let Some(value) =
                field.default.as_ref().filter(|_| !self.strict).and_then(|d| default_value(self.program, d))
            {
                schema["default"] = value;
            }
            if field.default.is_none() && !optional {
                required.push(json!(field.name));
            }
            properties.insert(field.name.to_string(), self.with_description(schema, &field.doc));
        }
        let mut schema = object_schema(properties);
        if !self.strict {
            schema["required"] = Json::Array(required);
        }
        schema
    }

    fn named_schema(&mut self, id: TypeId) -> Json {
        let Some(def) = self.program.types.get(id.index()) else {
            return json!({});
        };
        if let TypeDefKind::Alias(inner) = &def.kind
            && is_scalar(inner)
        {
            let schema = self.schema(inner);
            return self.with_description(schema, &def.doc);
        }
        if let Some((_, name, _)) = self.defs.iter().find(|(known, ..)| *known == id) {
            return json!({ "$ref": format!("#/$defs/{name}") });
        }
        let taken = self.defs.iter().any(|(_, name, _)| *name == def.name);
        let name = if taken { SmolStr::from(format!("{}_{}", def.name, id.0)) } else { def.name.clone() };
        // The slot is reserved first: a recursive type refers to itself.
        self.defs.push((id, name.clone(), Json::Null));
        let schema = match &def.kind {
            TypeDefKind::Record(fields) => self.record(fields),
            TypeDefKind::Enum(variants) => self.variants(variants),
            TypeDefKind::Alias(inner) => self.schema(inner),
        };
        let schema = self.with_description(schema, &def.doc);
        if let Some(entry) = self.defs.iter_mut().find(|(known, ..)| *known == id) {
            entry.2 = schema;
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn variants(&mut self, variants: &[Variant]) -> Json {
        if !is_tagged(variants) {
            if !self.strict && variants.iter().any(|v| !v.doc.is_empty()) {
                let one = |v: &Variant| self.with_description(json!({ "const": v.name }), &v.doc);
                return json!({ "oneOf": variants.iter().map(one).collect::<Vec<_>>() });
            }
            let names: Vec<&str> = variants.iter().map(|v| v.name.as_str()).collect();
            let docs: Vec<String> = variants
                .iter()
                .filter(|v| !v.doc.is_empty())
                .map(|v| format!("{}: {}", v.name, v.doc.trim()))
                .collect();
            return self.with_description(json!({ "type": "string", "enum": names }), &docs.join("\n"));
        }
        let all: Vec<Json> = variants
            .iter()
            .map(|variant| {
                let mut schema = self.record(&variant.fields);
                let kind = match self.strict {
                    true => json!({ "type": "string", "enum": [variant.name.as_str()] }),
                    false => json!({ "const": variant.name }),
                };
                if let Some(Json::Object(properties)) = schema.get_mut("properties") {
                    properties.shift_insert(0, "kind".to_owned(), kind);
                }
                if let Some(Json::Array(required)) = schema.get_mut("required") {
                    required.insert(0, json!("kind"));
                }
                self.with_description(schema, &variant.doc)
            })
            .collect();
        if self.strict { json!({ "anyOf": all }) } else { json!({ "oneOf": all }) }
    }

    fn with_description(&self, mut schema: Json, doc: &str) -> Json {
        let doc = doc.trim();
        // Strict validators allow no siblings of a reference.
        if doc.is_empty() || (self.strict && schema.get("$ref").is_some()) {
            return schema;
        }
        if let Json::Object(fields) = &mut schema {
            fields.insert("description".to_owned(), Json::String(doc.to_owned()));
        }
        schema
    }
}

/// The name of a type that JSON lacks.
fn cascade_type_name(ty: &Type) -> Option<&'static str> {
    Some(match ty {
        Type::Path => "path",
        Type::Secret => "secret",
        Type::Duration => "duration",
        Type::Time => "time",
        Type::Money => "money",
        Type::Command => "command",
        Type::Model => "model",
        Type::Artifact(ArtifactKind::File) => "file",
        Type::Artifact(ArtifactKind::Image) => "image",
        Type::Artifact(ArtifactKind::Audio) => "audio",
        Type::Artifact(ArtifactKind::Video) => "video",
        _ => return None,
    })
}

/// The value of a default that is a constant.
fn default_value(program: &Program, default: &Expr) -> Option<Json> {
    match default {
        Expr::Const(value) => Some(constant_json(value)),
        Expr::ToFloat(inner) => default_value(program, inner)?.as_f64().map(Json::from),
        Expr::Cast(inner, _, _) | Expr::Refine(inner, _, _) => default_value(program, inner),
        Expr::List(items) => {
            items.iter().map(|item| default_value(program, item)).collect::<Option<Vec<_>>>().map(Json::Array)
        }
        Expr::Variant { ty, variant, .. } => match program.types.get(ty.index()).map(|def| &def.kind) {
            Some(TypeDefKind::Enum(all)) if !is_tagged(all) => Some(json!(all.get(*variant as usize)?.name)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a type refers to no other type: its aliases are inlined.
fn is_scalar(ty: &Type) -> bool {
    match ty {
        Type::Refined(inner, _) | Type::Optional(inner) => is_scalar(inner),
        Type::List(_) | Type::Map(_) | Type::Record(_) | Type::Named(_) => false,
        _ => true,
    }
}

fn constant_json(value: &Const) -> Json {
    to_json(&constant_value(value))
}

fn nullable_schema(schema: Json) -> Json {
    match schema.get("type") {
        Some(Json::String(ty)) if schema.get("enum").is_none() && ty != "null" => {
            let both = json!([ty, "null"]);
            let mut schema = schema;
            schema["type"] = both;
            schema
        }
        _ => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

fn contains_reference(schema: &Json, reference: &str) -> bool {
    match schema {
        Json::Object(fields) => {
            fields.iter().any(|(k, v)| (k == "$ref" && v == reference) || contains_reference(v, reference))
        }
        Json::Array(items) => items.iter().any(|v| contains_reference(v, reference)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use cascade_ir::TypeDef;

    use super::*;

    fn program(types: Vec<TypeDef>) -> Program {
        Program { types, ..Program::empty("test.cascade") }
    }

    fn field(name: &str, ty: Type) -> Field {
        Field { name: name.into(), ty, doc: String::new(), default: None }
    }

    fn def(name: &str, kind: TypeDefKind) -> TypeDef {
        TypeDef { name: name.into(), doc: String::new(), kind }
    }

    #[test]
    fn recursive_types_refer_to_themselves() {
        let children = field("children", Type::List(Box::new(Type::Named(TypeId(0)))));
        let program = program(vec![def("Tree", TypeDefKind::Record(vec![children]))]);
        let node = json!({
            "type": "object",
            "properties": { "children": { "type": "array", "items": { "$ref": "#/$defs/Tree" } } },
            "required": ["children"],
            "additionalProperties": false,
        });
        let mut expected = node.clone();
        expected["$defs"] = json!({ "Tree": node });
        assert_eq!(model_schema(&program, &Type::Named(TypeId(0))), Some(expected));
    }

    #[test]
    fn variants_with_fields_are_tagged_and_wrapped() {
        let variants = vec![
            Variant { name: "passed".into(), doc: String::new(), fields: vec![field("score", Type::Int)] },
            Variant { name: "unknown".into(), doc: String::new(), fields: vec![] },
        ];
        let program = program(vec![def("Outcome", TypeDefKind::Enum(variants))]);
        let schema = model_schema(&program, &Type::Named(TypeId(0))).unwrap();
        assert_eq!(schema["required"], json!(["value"]));
        let first = &schema["$defs"]["Outcome"]["anyOf"][0];
        assert_eq!(first["required"], json!(["kind", "score"]));
        assert_eq!(first["properties"]["kind"], json!({ "type": "string", "enum": ["passed"] }));
    }

    #[test]
    fn free_json_and_text_have_no_schema() {
        let program = program(vec![]);
        assert_eq!(model_schema(&program, &Type::String), None);
        assert_eq!(model_schema(&program, &Type::Json), None);
        assert_eq!(model_schema(&program, &Type::Optional(Box::new(Type::Json))), None);
    }

    #[test]
    fn a_map_or_free_json_within_a_type_leaves_the_rest_of_the_schema() {
        let fields = vec![
            field("title", Type::String),
            field("words", Type::Map(Box::new(Type::Int))),
            field("rest", Type::Json),
        ];
        let program = program(vec![def("Summary", TypeDefKind::Record(fields))]);
        let schema = model_schema(&program, &Type::Named(TypeId(0))).unwrap();
        assert_eq!(
            schema["properties"],
            json!({
                "title": { "type": "string" },
                "words": { "type": "object", "additionalProperties": { "type": "integer" } },
                "rest": {},
            })
        );
        assert_eq!(schema["required"], json!(["title", "words", "rest"]));
        assert!(!is_closed(&schema));
        assert!(is_closed(&schema["properties"]["title"]));
        let map = model_schema(&program, &Type::Map(Box::new(Type::Int))).unwrap();
        assert_eq!(map["properties"]["value"]["additionalProperties"], json!({ "type": "integer" }));
        let list = model_schema(&program, &Type::List(Box::new(Type::Int))).unwrap();
        assert!(is_closed(&list));
    }
}
