//! Converts a schema to declarations.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json, json};

use super::{
    Loss,
    decls::{Decl, Decls, Field, Kind, Variant},
    inspect::{Place, description, docs_of, not_null, record_fields},
    keywords::{is_field, is_type, is_variant, literal_text, read_constraints, shorten_json, to_pascal_case},
    shapes::{find_alternatives, is_null},
};

/// An inline object with at least this many fields gets a declaration of its own.
const MIN_FIELDS_OF_DECLARATION: usize = 5;

/// The types of the language that a schema can name in `x-cascade`.
const CASCADE_TYPES: &[&str] =
    &["path", "secret", "duration", "time", "money", "command", "model", "file", "image", "audio", "video"];

/// The declarations of a schema, and what could not be converted.
pub(super) fn convert_schema(schema: &Json, name: &str) -> (Decls, Vec<Loss>) {
    let taken = ["Error", "ErrorKind", "TestStatus", "TestCase", "TestRun"].map(str::to_owned).into();
    let mut importer = Importer {
        root: schema,
        decls: Decls::default(),
        taken,
        named: HashMap::new(),
        waiting: Vec::new(),
        lost: Vec::new(),
    };
    let only_definitions = schema.as_object().is_some_and(|fields| {
        let said = ["type", "$ref", "properties", "enum", "const", "oneOf", "anyOf", "allOf", "items"];
        !said.iter().any(|word| fields.contains_key(*word))
            && ["$defs", "definitions"].iter().any(|d| fields.contains_key(*d))
    });
    // If the root only refers to a definition, the definition is meant, unless the root has a name of its own.
    let own_title = schema.get("title").and_then(Json::as_str);
    let pure_reference = schema.get("$ref").and_then(Json::as_str).is_some_and(|r| {
        r != "#" && importer.resolve_reference(r).is_some() && own_title.is_none_or(|t| r.rsplit('/').next() == Some(t))
    });
    let title = schema.get("title").and_then(Json::as_str).unwrap_or(name);
    if pure_reference {
        let reference = schema.get("$ref").and_then(Json::as_str).unwrap_or_default();
        importer.import_named(reference);
    } else if !only_definitions {
        let name = importer.free_name(title);
        importer.named.insert("#".to_owned(), name);
        importer.waiting.push("#".to_owned());
    }
    for word in ["$defs", "definitions"] {
        for key in schema.get(word).and_then(Json::as_object).into_iter().flat_map(Map::keys) {
            importer.import_named(&format!("#/{word}/{}", key.replace('~', "~0").replace('/', "~1")));
        }
    }
    importer.waiting.reverse();
    while let Some(pointer) = importer.waiting.pop() {
        importer.declare_pointer(&pointer);
    }
    (importer.decls, importer.lost)
}

/// A type expression, and whether null is one of its values.
struct ImportedType {
    text: String,
    null: bool,
    /// Constraints that could not be converted.
    notes: Vec<String>,
}

impl ImportedType {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), null: false, notes: Vec::new() }
    }

    /// Whether it is too long to be written inline in another type.
    fn is_long(&self) -> bool {
        self.text.contains(" where ")
    }
}

pub(super) struct Importer<'s> {
    root: &'s Json,
    decls: Decls,
    taken: HashSet<String>,
    /// The type names by JSON pointer.
    named: HashMap<String, String>,
    /// Pointers with a name whose declaration is still missing.
    waiting: Vec<String>,
    lost: Vec<Loss>,
}

impl<'s> Importer<'s> {
    fn report_loss(&mut self, place: &str, what: impl Into<String>) -> String {
        let what = what.into();
        self.lost.push(Loss { place: place.to_owned(), what: what.clone() });
        what
    }

    /// The schema that a local reference points to.
    pub(super) fn resolve_reference(&self, reference: &str) -> Option<&'s Json> {
        let pointer = reference.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    fn free_name(&mut self, wanted: &str) -> String {
        let base = if is_type(wanted) && !wanted.contains('_') { wanted.to_owned() } else { to_pascal_case(wanted) };
        let base = if is_type(&base) { base } else { format!("{base}Value") };
        let mut name = base.clone();
        let mut n = 1;
        while !self.taken.insert(name.clone()) {
            n += 1;
            name = format!("{base}{n}");
        }
        name
    }

    /// The name of the type that a reference resolves to.
    fn import_named(&mut self, reference: &str) -> Option<String> {
        if let Some(name) = self.named.get(reference) {
            return Some(name.clone());
        }
        let target = self.resolve_reference(reference)?;
        let last = reference.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
        let title = target.get("title").and_then(Json::as_str).filter(|t| is_type(t) && !is_type(&last));
        let name = self.free_name(title.unwrap_or(&last));
        self.named.insert(reference.to_owned(), name.clone());
        self.waiting.push(reference.to_owned());
        Some(name)
    }

    fn declare_pointer(&mut self, pointer: &str) {
        let (Some(schema), Some(name)) = (self.resolve_reference(pointer), self.named.get(pointer).cloned()) else {
            return;
        };
        self.declaration(schema, name, pointer);
    }

    /// Declares a type with a given name.
    fn declaration(&mut self, schema: &'s Json, name: String, place: &str) {
        let docs = description(schema);
        // The slot is reserved first: the declarations it refers to follow it.
        let index = self.decls.0.len();
        let kind = Kind::Alias("json".to_owned());
        self.decls.0.push(Decl { name: name.clone(), docs, notes: Vec::new(), place: place.to_owned(), kind });
        let (kind, notes) = self.kind(schema, &name, place);
        self.decls.0[index].kind = kind;
        self.decls.0[index].notes = notes;
    }

    fn kind(&mut self, schema: &'s Json, name: &str, place: &str) -> (Kind, Vec<String>) {
        let null = |fields: &Map<String, Json>| {
            let has =
                |word: &str| fields.get(word).and_then(Json::as_array).is_some_and(|all| !all.iter().all(not_null));
            has("type") || has("enum") || find_alternatives(fields).is_some_and(|(_, ways)| ways.iter().any(is_null))
        };
        if let Some(fields) = schema.as_object().filter(|fields| !null(fields)) {
            if let Some(variants) = self.variants(fields, name, place) {
                return (Kind::Enum(variants), Vec::new());
            }
            if record_fields(fields).is_some() {
                let mut notes = Vec::new();
                let inner = self.fields(fields, (name, place, ""), &mut notes);
                return (Kind::Record(inner), notes);
            }
        }
        let ty = self.ty(schema, name, place, Place::Declared);
        (Kind::Alias(self.with_null(&ty, &format!("{name}_value"), place)), ty.notes)
    }

    /// The fields of an object, without the one to skip.
    pub(super) fn fields(
        &mut self,
        schema: &'s Map<String, Json>,
        (name, place, skip): (&str, &str, &str),
        notes: &mut Vec<String>,
    ) -> Vec<Field> {
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return Vec::new() };
        let required =
            |key: &str| schema.get("required").and_then(Json::as_array).is_some_and(|all| all.iter().any(|r| r == key));
        if schema.get("additionalProperties").is_some_and(|a| a.is_object()) {
            notes.push(self.report_loss(place, "other keys may be there; they are not kept"));
        }
        for word in read_constraints(schema, "object").lost {
            notes.push(self.report_loss(place, word));
        }
        let mut out = Vec::new();
        for (key, property) in properties.iter().filter(|(key, _)| *key != skip) {
            let place = format!("{place}/properties/{}", key.replace('~', "~0").replace('/', "~1"));
            if !is_field(key) {
                notes.push(self.report_loss(&place, format!("the key {key:?}, which no field can have")));
                continue;
            }
            let hint = format!("{name}_{key}");
            let mut ty = self.ty(property, &hint, &place, Place::Field);
            let mut field = Field {
                name: key.clone(),
                ty: String::new(),
                default: None,
                docs: description(property),
                notes: std::mem::take(&mut ty.notes),
                place: place.clone(),
            };
            let default = property.get("default").filter(|_| !required(key));
            match default.map(|value| (value, self.default_of(property, value))) {
                Some((_, Some(text))) => field.default = Some(text),
                Some((value, None)) if !value.is_null() => {
                    field.notes.push(self.report_loss(&place, format!("default: {}", shorten_json(value))));
                }
                _ => {}
            }
            ty.null |= !required(key) && field.default.is_none();
            field.ty = self.with_null(&ty, &hint, &place);
            out.push(field);
        }
        out
    }

    /// A default value as an expression of its type.
    fn default_of(&self, schema: &'s Json, value: &Json) -> Option<String> {
        let mut target = schema;
        for _ in 0..8 {
            match target.get("$ref").and_then(Json::as_str).and_then(|r| self.resolve_reference(r)) {
                Some(next) => target = next,
                None => break,
            }
        }
        let own = target.get("x-cascade").is_some_and(|own| own != "path")
            || target.get("format").is_some_and(|format| format == "date-time");
        let of_enum = target.get("enum").is_some() || target.get("oneOf").is_some();
        match value {
            Json::String(word) if of_enum && is_variant(word) => Some(word.clone()),
            _ if own || of_enum => None,
            _ => literal_text(value),
        }
    }

    /// A type expression. If it needs a declaration, `hint` becomes its name.
    fn ty(&mut self, schema: &'s Json, hint: &str, place: &str, at: Place) -> ImportedType {
        let fields = match schema {
            Json::Object(fields) => fields,
            Json::Bool(true) => return ImportedType::new("json"),
            _ => {
                let mut ty = ImportedType::new("json");
                ty.notes.push(self.report_loss(place, format!("{} fits no value", shorten_json(schema))));
                return ty;
            }
        };
        if let Some(ty) = self.nullable(fields, hint, place, at) {
            return ty;
        }
        let (mut ty, base) = self.base_type(fields, hint, place, at);
        if ty.text == "json" && base == "json" {
            return ty;
        }
        let constraints = read_constraints(fields, base);
        for word in constraints.lost {
            ty.notes.push(self.report_loss(place, word));
        }
        if let Some(text) = fields.get("$comment").and_then(Json::as_str).and_then(|t| t.strip_prefix("where ")) {
            ty.notes.push(self.report_loss(place, format!("where {text}")));
        }
        if !constraints.predicates.is_empty() {
            ty.text = format!("{} where {}", ty.text, constraints.predicates.join(" and "));
        }
        ty
    }

    /// A schema of the form "a type or null".
    fn nullable(&mut self, fields: &'s Map<String, Json>, hint: &str, place: &str, at: Place) -> Option<ImportedType> {
        for word in ["anyOf", "oneOf"] {
            let Some(ways) = fields.get(word).and_then(Json::as_array) else { continue };
            let others: Vec<(usize, &Json)> = ways.iter().enumerate().filter(|(_, way)| !is_null(way)).collect();
            let null = others.len() < ways.len();
            if !null && self.is_variants(fields) {
                continue;
            }
            if let [(index, one)] = others.as_slice() {
                let mut ty = self.ty(one, hint, &format!("{place}/{word}/{index}"), at);
                ty.null |= null;
                return Some(ty);
            }
        }
        None
    }

    /// A type without its constraints, and the base type by which its constraints are interpreted.
    fn base_type(
        &mut self,
        fields: &'s Map<String, Json>,
        hint: &str,
        place: &str,
        at: Place,
    ) -> (ImportedType, &'static str) {
        if let Some(own) = fields.get("x-cascade").and_then(Json::as_str)
            && let Some(own) = CASCADE_TYPES.iter().find(|o| **o == own)
        {
            let null = fields.get("type").and_then(Json::as_array).is_some_and(|all| all.iter().any(|t| t == "null"));
            let base = match *own {
                "money" => "float",
                "time" => "time",
                _ => "string",
            };
            return (ImportedType { text: (*own).to_owned(), null, notes: Vec::new() }, base);
        }
        if let Some(reference) = fields.get("$ref").and_then(Json::as_str) {
            return match self.import_named(reference) {
                Some(name) => (ImportedType::new(name), self.base_of(reference)),
                None => (self.json(place, format!("`{reference}`, which is in another file")), "json"),
            };
        }
        let chooses = self.is_variants(fields) || self.shapes(fields).is_some();
        if chooses || fields.contains_key("enum") || fields.contains_key("const") {
            return self.one_of(fields, hint, place, at);
        }
        if let Some(all) = fields.get("allOf").and_then(Json::as_array) {
            return self.all_of(fields, all, hint, place, at);
        }
        for word in ["oneOf", "anyOf"] {
            if fields.contains_key(word) {
                return (self.json(place, format!("{word}: several types at once")), "json");
            }
        }
        let mut null = false;
        let word = match fields.get("type") {
            Some(Json::String(word)) => word.as_str(),
            Some(Json::Array(words)) => {
                null = words.iter().any(|w| w == "null");
                let others: Vec<&str> = words.iter().filter_map(Json::as_str).filter(|w| *w != "null").collect();
                match others.as_slice() {
                    [one] => one,
                    ["integer", "number"] | ["number", "integer"] => "number",
                    _ => return (self.json(place, format!("type: {}", shorten_json(&json!(words)))), "json"),
                }
            }
            _ if fields.contains_key("properties") => "object",
            _ if fields.contains_key("items") => "array",
            _ => "",
        };
        let (mut ty, base) = match word {
            "string" if fields.get("format").is_some_and(|f| f == "date-time") => (ImportedType::new("time"), "time"),
            "string" => (ImportedType::new("string"), "string"),
            "integer" => (ImportedType::new("int"), "int"),
            "number" => (ImportedType::new("float"), "float"),
            "boolean" => (ImportedType::new("bool"), "bool"),
            "null" => (ImportedType { null: true, ..ImportedType::new("json") }, "json"),
            "array" => (self.list(fields, hint, place), "list"),
            "object" => (self.object(fields, hint, place, at), "object"),
            "" => (ImportedType::new("json"), "json"),
            other => (self.json(place, format!("type: {other}")), "json"),
        };
        ty.null |= null;
        (ty, base)
    }

    fn json(&mut self, place: &str, what: String) -> ImportedType {
        let note = self.report_loss(place, what);
        ImportedType { notes: vec![note], ..ImportedType::new("json") }
    }

    /// The base type by which the constraints beside a reference are interpreted.
    fn base_of(&self, reference: &str) -> &'static str {
        match self.resolve_reference(reference).and_then(|s| s.get("type")).and_then(Json::as_str) {
            Some("string") => "string",
            Some("integer") => "int",
            Some("number") => "float",
            Some("array") => "list",
            _ => "object",
        }
    }

    fn list(&mut self, fields: &'s Map<String, Json>, hint: &str, place: &str) -> ImportedType {
        let Some(items) = fields.get("items").filter(|items| !items.is_array()) else {
            return ImportedType::new("list<json>");
        };
        let item = self.ty(items, &format!("{hint}_item"), &format!("{place}/items"), Place::Inside);
        let hint = format!("{hint}_item");
        let described = !description(items).is_empty() && !self.taken.contains(&item.text);
        let text = self.nested_type(&item, described.then_some(items), &hint, &format!("{place}/items"));
        ImportedType { notes: item.notes, ..ImportedType::new(format!("list<{text}>")) }
    }

    /// A type including null. Null cannot be combined with a predicate, so such a type gets a name.
    fn with_null(&mut self, ty: &ImportedType, hint: &str, place: &str) -> String {
        match ty.null && ty.text != "json" {
            true if ty.is_long() => format!("{}?", self.alias(ty.text.clone(), String::new(), hint, place)),
            true => format!("{}?", ty.text),
            false => ty.text.clone(),
        }
    }

    /// A type within another: a long one is declared and referred to by name.
    fn nested_type(&mut self, ty: &ImportedType, described: Option<&Json>, hint: &str, place: &str) -> String {
        match described {
            Some(schema) => {
                let text = self.with_null(ty, &format!("{hint}_value"), place);
                self.alias(text, description(schema), hint, place)
            }
            None if ty.is_long() && !ty.null => self.alias(ty.text.clone(), String::new(), hint, place),
            None => self.with_null(ty, hint, place),
        }
    }

    fn alias(&mut self, text: String, docs: String, hint: &str, place: &str) -> String {
        let name = self.free_name(hint);
        let kind = Kind::Alias(text);
        self.decls.0.push(Decl { name: name.clone(), docs, notes: Vec::new(), place: place.to_owned(), kind });
        name
    }

    fn object(&mut self, fields: &'s Map<String, Json>, hint: &str, place: &str, at: Place) -> ImportedType {
        let Some(properties) = record_fields(fields) else {
            let rest = match fields.get("additionalProperties") {
                Some(rest @ Json::Object(_)) => Some(rest),
                _ => None,
            };
            let of_pattern = fields.get("patternProperties").and_then(Json::as_object).filter(|p| p.len() == 1);
            let value = rest.or_else(|| of_pattern.and_then(|p| p.values().next()));
            let Some(value) = value else { return ImportedType::new("map<json>") };
            let inner =
                self.ty(value, &format!("{hint}_value"), &format!("{place}/additionalProperties"), Place::Inside);
            let text = self.nested_type(&inner, None, &format!("{hint}_value"), place);
            return ImportedType { notes: inner.notes, ..ImportedType::new(format!("map<{text}>")) };
        };
        let named = (at != Place::Declared && fields.contains_key("title"))
            || !docs_of(fields, at).is_empty()
            || properties.len() >= MIN_FIELDS_OF_DECLARATION
            || properties.is_empty()
            || properties.values().any(|p| p.get("default").is_some() || !description(p).is_empty());
        let mut notes = Vec::new();
        if named {
            let title = fields.get("title").and_then(Json::as_str).unwrap_or(hint);
            let name = self.free_name(title);
            let index = self.decls.0.len();
            let kind = Kind::Alias("json".to_owned());
            let docs = docs_of(fields, at);
            self.decls.0.push(Decl { name: name.clone(), docs, notes: Vec::new(), place: place.to_owned(), kind });
            let inner = self.fields(fields, (&name, place, ""), &mut notes);
            self.decls.0[index].kind = Kind::Record(inner);
            self.decls.0[index].notes = notes;
            return ImportedType::new(name);
        }
        let inner = self.fields(fields, (hint, place, ""), &mut notes);
        let mut shown = Vec::new();
        for mut field in inner {
            notes.append(&mut field.notes);
            if field.ty.contains(" where ") {
                field.ty = self.alias(field.ty, String::new(), &format!("{hint}_{}", field.name), &field.place);
            }
            shown.push(format!("{}: {}", field.name, field.ty));
        }
        ImportedType { notes, ..ImportedType::new(format!("{{ {} }}", shown.join(", "))) }
    }

    /// An enumeration of literal values.
    fn one_of(
        &mut self,
        fields: &'s Map<String, Json>,
        hint: &str,
        place: &str,
        at: Place,
    ) -> (ImportedType, &'static str) {
        if let Some(variants) = self.variants(fields, hint, place) {
            let name = self.free_name(fields.get("title").and_then(Json::as_str).unwrap_or(hint));
            let null = fields.get("enum").and_then(Json::as_array).is_some_and(|all| all.iter().any(Json::is_null))
                || find_alternatives(fields).is_some_and(|(_, ways)| ways.iter().any(is_null));
            let docs = docs_of(fields, at);
            let kind = Kind::Enum(variants);
            self.decls.0.push(Decl { name: name.clone(), docs, notes: Vec::new(), place: place.to_owned(), kind });
            return (ImportedType { null, ..ImportedType::new(name) }, "enum");
        }
        let all: Vec<&Json> = match (fields.get("enum"), fields.get("const")) {
            (Some(Json::Array(all)), _) => all.iter().collect(),
            (_, Some(one)) => vec![one],
            _ => return (self.json(place, "values that are no texts".to_owned()), "json"),
        };
        let null = all.iter().any(|v| v.is_null());
        let values: Vec<&Json> = all.into_iter().filter(|v| !v.is_null()).collect();
        let base = if values.iter().all(|v| v.is_string()) {
            "string"
        } else if values.iter().all(|v| v.is_i64()) {
            "int"
        } else if values.iter().all(|v| v.is_boolean()) {
            "bool"
        } else {
            return (self.json(place, format!("one of {}", shorten_json(&json!(values)))), "json");
        };
        let shown: Vec<String> = values.iter().filter_map(|v| literal_text(v)).collect();
        let predicate = match shown.as_slice() {
            [] => return (ImportedType { null, ..ImportedType::new("json") }, "json"),
            [one] => format!("it == {one}"),
            several => format!("[{}].contains(it)", several.join(", ")),
        };
        (ImportedType { null, ..ImportedType::new(format!("{base} where {predicate}")) }, "enum")
    }

    fn is_variants(&self, fields: &Map<String, Json>) -> bool {
        let Some(ways) = ["oneOf", "anyOf"].iter().find_map(|w| fields.get(*w)).and_then(Json::as_array) else {
            return false;
        };
        let word = |way: &Json| way.get("const").is_some_and(Json::is_string);
        !ways.is_empty() && (ways.iter().all(word) || ways.iter().all(|way| self.tag(way).is_some()))
    }

    /// The variant that an object with a constant `kind` describes.
    fn tag<'w>(&self, way: &'w Json) -> Option<(&'w str, &'w Map<String, Json>)>
    where
        's: 'w,
    {
        let way = match way.get("$ref").and_then(Json::as_str) {
            Some(reference) => self.resolve_reference(reference)?,
            None => way,
        };
        let fields = way.as_object()?;
        let kind = fields.get("properties")?.get("kind")?;
        let one = match (kind.get("const"), kind.get("enum").and_then(Json::as_array).map(Vec::as_slice)) {
            (Some(one), _) | (None, Some([one])) => one.as_str()?,
            _ => return None,
        };
        is_variant(one).then_some((one, fields))
    }

    /// The variants of an enum, if the schema describes one.
    fn variants(&mut self, fields: &'s Map<String, Json>, name: &str, place: &str) -> Option<Vec<Variant>> {
        let plain = |word: &str, docs: String| Variant { name: word.to_owned(), docs, fields: Vec::new() };
        if let Some(all) = fields.get("enum").and_then(Json::as_array) {
            let words: Vec<&str> = all.iter().filter(|v| !v.is_null()).map(Json::as_str).collect::<Option<_>>()?;
            let unique: HashSet<&&str> = words.iter().collect();
            let fine = !words.is_empty() && unique.len() == words.len() && words.iter().all(|w| is_variant(w));
            return fine.then(|| words.iter().map(|w| plain(w, String::new())).collect());
        }
        if !self.is_variants(fields) {
            return self.shapes(fields).map(|shapes| self.shape_variants(shapes, name, place));
        }
        let (word, ways) = find_alternatives(fields)?;
        let mut out: Vec<Variant> = Vec::new();
        for (index, way) in ways.iter().enumerate() {
            let place = format!("{place}/{word}/{index}");
            let variant = match way.get("const").and_then(Json::as_str) {
                Some(text) if is_variant(text) => plain(text, description(way)),
                Some(_) => return None,
                None => {
                    let (kind, inner) = self.tag(way)?;
                    // The losses within a variant are already reported; a variant has no place for comments.
                    let mut notes = Vec::new();
                    let own = self.fields(inner, (&format!("{name}_{kind}"), &place, "kind"), &mut notes);
                    Variant { name: kind.to_owned(), docs: description(way), fields: own }
                }
            };
            if out.iter().any(|v| v.name == variant.name) {
                return None;
            }
            out.push(variant);
        }
        Some(out)
    }

    /// Several schemas that apply at once; combinations of objects were merged before.
    fn all_of(
        &mut self,
        fields: &'s Map<String, Json>,
        all: &'s [Json],
        hint: &str,
        place: &str,
        at: Place,
    ) -> (ImportedType, &'static str) {
        let own = fields.contains_key("properties");
        if let ([one], false) = (all, own) {
            return (self.ty(one, hint, &format!("{place}/allOf/0"), at), "object");
        }
        (self.json(place, "allOf: several schemas at once".to_owned()), "json")
    }
}
