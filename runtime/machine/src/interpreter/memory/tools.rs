//! Tools of MCP servers that keep values by key: how they are recognised, what they are asked, and what they answer.
//!
//! Two forms are known. One tool for all with `action`, `key` and `value`, such as `memory_usage`; or a pair of tools, such
//! as `memory_store` and `memory_retrieve`, whose arguments are `key` and `value`. A `namespace` is used where there is one.

use serde_json::{Map, Value as Json, json};
use smol_str::SmolStr;

/// The verbs of a pair: to keep a value, and to give it back.
const VERBS: &[(&str, &str)] =
    &[("store", "retrieve"), ("set", "get"), ("put", "get"), ("save", "load"), ("write", "read")];
/// Words that may stand beside the verb.
const NOUNS: &[&str] = &["memory", "kv", "key", "value", "entry"];
/// Arguments that are given where a tool takes them.
const ARGUMENTS: &[&str] = &["action", "key", "value", "namespace"];
/// Where the values of programs are kept on servers with namespaces.
const NAMESPACE: &str = "cascade";
/// The field of a value that could be read as something else, if it stood by itself.
const VALUE_FIELD: &str = "cascade_value";

/// The tools of a server that keep values by key.
#[derive(Debug, Clone)]
pub(in crate::interpreter) struct KeyValueTools {
    store: KeyValueTool,
    retrieve: KeyValueTool,
}

#[derive(Debug, Clone)]
struct KeyValueTool {
    name: SmolStr,
    /// What a tool for all is told to do.
    action: Option<&'static str>,
    takes_namespace: bool,
    /// Whether a value is given as its JSON text, and not as it is.
    takes_text: bool,
}

impl KeyValueTools {
    /// Finds the tools in the list of a server.
    ///
    /// # Errors
    /// The names of the tools that it has instead.
    pub(super) fn recognise(tools: &Json) -> Result<Self, Vec<String>> {
        let tools = tools.as_array().map(Vec::as_slice).unwrap_or_default();
        let for_all = tools.iter().find(|tool| {
            let acts = ["store", "retrieve"].iter().all(|action| allows_value(tool, "action", action));
            acts && takes_arguments(tool, &["action", "key", "value"])
        });
        if let Some(tool) = for_all {
            let with_action = |action| KeyValueTool { action: Some(action), ..KeyValueTool::from_tool(tool) };
            return Ok(Self { store: with_action("store"), retrieve: with_action("retrieve") });
        }
        let find =
            |verb: &str, args: &[&str]| tools.iter().find(|tool| is_named(tool, verb) && takes_arguments(tool, args));
        let pair = VERBS
            .iter()
            .find_map(|(store, retrieve)| Some((find(store, &["key", "value"])?, find(retrieve, &["key"])?)));
        match pair {
            Some((store, retrieve)) => {
                Ok(Self { store: KeyValueTool::from_tool(store), retrieve: KeyValueTool::from_tool(retrieve) })
            }
            None => Err(tools.iter().map(|tool| name_of(tool).to_owned()).collect()),
        }
    }

    /// The tool that gives a value back, and its arguments.
    pub(super) fn retrieve(&self, key: &str) -> (SmolStr, Json) {
        (self.retrieve.name.clone(), Json::Object(self.retrieve.arguments(key)))
    }

    /// The tool that keeps a value, and its arguments.
    pub(super) fn store(&self, key: &str, value: &Json) -> (SmolStr, Json) {
        let mut args = self.store.arguments(key);
        let value = match self.store.takes_text {
            true => encode_value(value).into(),
            false => value.clone(),
        };
        args.insert("value".to_owned(), value);
        (self.store.name.clone(), Json::Object(args))
    }
}

impl KeyValueTool {
    fn from_tool(tool: &Json) -> Self {
        let value = tool.pointer("/inputSchema/properties/value/type");
        let takes_text = match value {
            Some(Json::String(one)) => one == "string",
            Some(Json::Array(several)) => several.iter().any(|one| one == "string"),
            _ => true,
        };
        let takes_namespace = has_property(tool, "namespace");
        Self { name: name_of(tool).into(), action: None, takes_namespace, takes_text }
    }

    fn arguments(&self, key: &str) -> Map<String, Json> {
        let mut args = Map::new();
        if let Some(action) = self.action {
            args.insert("action".to_owned(), action.into());
        }
        args.insert("key".to_owned(), key.into());
        if self.takes_namespace {
            args.insert("namespace".to_owned(), NAMESPACE.into());
        }
        args
    }
}

fn name_of(tool: &Json) -> &str {
    tool.get("name").and_then(Json::as_str).unwrap_or_default()
}

fn tool_property<'t>(tool: &'t Json, name: &str) -> Option<&'t Json> {
    tool.get("inputSchema")?.get("properties")?.get(name)
}

fn has_property(tool: &Json, name: &str) -> bool {
    tool_property(tool, name).is_some()
}

/// Whether an argument may have a value, as far as its schema lists values.
fn allows_value(tool: &Json, argument: &str, value: &str) -> bool {
    match tool_property(tool, argument).and_then(|schema| schema.get("enum")).and_then(Json::as_array) {
        Some(values) => values.iter().any(|one| one == value),
        None => true,
    }
}

/// Whether a tool takes these arguments, and needs no others than are known.
fn takes_arguments(tool: &Json, args: &[&str]) -> bool {
    let required = tool.pointer("/inputSchema/required").and_then(Json::as_array);
    let needs_others = required.into_iter().flatten().filter_map(Json::as_str).any(|name| !ARGUMENTS.contains(&name));
    !needs_others && args.iter().all(|name| has_property(tool, name))
}

/// Whether the name of a tool is a verb, or the verb and what is meant by it: `store`, `memory_store`, `kv-set`.
fn is_named(tool: &Json, verb: &str) -> bool {
    let mut words = name_of(tool).split(['_', '-', '.', '/']).map(str::to_lowercase);
    let (verbs, others): (Vec<String>, Vec<String>) = words.by_ref().partition(|word| word == verb);
    verbs.len() == 1 && others.iter().all(|word| NOUNS.contains(&word.as_str()))
}

/// A value as the text that a server keeps: its JSON. Marked are texts that would themselves be read as JSON, since some
/// servers read the JSON of what they keep, and objects, since some servers give back an object around the value.
fn encode_value(value: &Json) -> String {
    let is_marked = match value {
        Json::String(text) => serde_json::from_str::<Json>(text).is_ok(),
        value => value.is_object(),
    };
    if is_marked { json!({ VALUE_FIELD: value }).to_string() } else { value.to_string() }
}

/// The values that what a server gave back may mean, the likeliest first.
pub(super) fn possible_values(given: Json) -> Vec<Json> {
    let unmarked = |value: Json| match value.as_object().filter(|fields| fields.len() == 1) {
        Some(fields) => fields.get(VALUE_FIELD).cloned().unwrap_or(value),
        None => value,
    };
    match given {
        Json::String(text) => {
            let read = serde_json::from_str(&text).ok().map(unmarked);
            read.into_iter().chain([Json::String(text)]).collect()
        }
        other => vec![unmarked(other)],
    }
}

/// What a tool gave back for a key; `None`: the server has no value.
///
/// # Errors
/// What the server says went wrong, or why its answer is not understood.
pub(super) fn read_retrieved(answer: Json, key: &str) -> Result<Option<Json>, String> {
    let answer = match answer {
        Json::String(text) => match serde_json::from_str::<Json>(&text) {
            Ok(object @ Json::Object(_)) => object,
            _ if text.is_empty() || says_absent(&text, key) => return Ok(None),
            _ => return Ok(Some(Json::String(text))),
        },
        other => other,
    };
    let Json::Object(fields) = &answer else { return Ok(Some(answer)) };
    let is = |name: &str, value: bool| fields.get(name) == Some(&Json::Bool(value));
    if is("found", false) || is("exists", false) {
        return Ok(None);
    }
    if let Some(why) = refusal_in(fields) {
        return if says_absent(&why, key) { Ok(None) } else { Err(why) };
    }
    let nested = || ["entry", "memory", "result", "data"].iter().find_map(|name| fields.get(*name)?.get("value"));
    match fields.get("value").or_else(nested) {
        Some(Json::Null) if !is("found", true) && !is("exists", true) => Ok(None),
        Some(value) => Ok(Some(value.clone())),
        // Some servers give back the value without more. Whether it is one, its type says.
        None => Ok(Some(answer)),
    }
}

/// Looks at the answer to a value that was to be kept.
///
/// # Errors
/// What the server says went wrong.
pub(super) fn read_stored(answer: &Json) -> Result<(), String> {
    let read = answer.as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
    match read.as_ref().unwrap_or(answer).as_object().and_then(refusal_in) {
        Some(why) => Err(why),
        None => Ok(()),
    }
}

/// What went wrong, where an answer says that something did.
pub(in crate::interpreter) fn refusal_in(fields: &Map<String, Json>) -> Option<String> {
    let failed = ["success", "ok", "stored"].iter().any(|name| fields.get(*name) == Some(&Json::Bool(false)));
    let error = fields.get("error").filter(|error| !error.is_null() && **error != Json::Bool(false));
    match (error, failed) {
        (Some(Json::String(why)), _) => Some(why.clone()),
        (Some(why), _) => {
            Some(why.get("message").and_then(Json::as_str).map_or_else(|| why.to_string(), str::to_owned))
        }
        (None, true) => Some("it says that it failed, and not why".to_owned()),
        (None, false) => None,
    }
}

/// Whether a message says that there is no value for this very key. Another thing that is missing is a failure: a value that
/// is there and cannot be read must not be replaced by the first one of the program.
pub(super) fn says_absent(message: &str, key: &str) -> bool {
    let lower = message.to_lowercase();
    message.contains(key)
        && ["not found", "no such key", "does not exist", "no value"].iter().any(|words| lower.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, properties: Json, required: &[&str]) -> Json {
        json!({ "name": name, "inputSchema": { "type": "object", "properties": properties, "required": required } })
    }

    fn names(tools: &Json) -> Result<(String, String), Vec<String>> {
        KeyValueTools::recognise(tools).map(|tools| (tools.store.name.to_string(), tools.retrieve.name.to_string()))
    }

    #[test]
    fn tools_are_recognised_by_name_and_arguments() {
        let text = json!({ "type": "string" });
        let store = |name| tool(name, json!({ "key": text, "value": text }), &["key", "value"]);
        let get = |name| tool(name, json!({ "key": text }), &["key"]);
        let both = |one: &str, two: &str| Ok((one.to_owned(), two.to_owned()));
        for (a, b) in
            [("memory_store", "memory_retrieve"), ("set", "get"), ("kv-put", "kv.get"), ("Save", "load_value")]
        {
            assert_eq!(names(&json!([get(b), store(a)])), both(a, b));
        }
        let usage = json!({ "action": { "enum": ["store", "retrieve", "list"] }, "key": text, "value": text });
        assert_eq!(names(&json!([tool("memory_usage", usage, &["action"])])), both("memory_usage", "memory_usage"));
        for others in [
            // It reports what memory its process uses.
            json!([tool("memory_usage", json!({ "detail": text }), &[])]),
            // Files, not values.
            json!([tool("write_file", json!({ "path": text, "content": text }), &["path"]), get("read")]),
            // It needs what is not known here.
            json!([tool("store", json!({ "key": text, "value": text, "vault": text }), &["vault"]), get("retrieve")]),
        ] {
            let has: Vec<String> = others.as_array().unwrap().iter().map(|tool| name_of(tool).to_owned()).collect();
            assert_eq!(names(&others), Err(has));
        }
    }

    /// What is kept comes back as it was, whether the server keeps texts or reads their JSON.
    #[test]
    fn values_come_back_as_they_were() {
        for value in [
            json!(1),
            json!([1, "2"]),
            json!("plain"),
            json!("12"),
            json!("null"),
            json!("\"q\""),
            json!(null),
            json!({ "value": "1" }),
        ] {
            let kept = encode_value(&value);
            assert_eq!(possible_values(Json::String(kept.clone()))[0], value, "{kept}");
            let read = serde_json::from_str(&kept).unwrap();
            assert!(possible_values(read).contains(&value), "{kept}");
        }
        // Another client wrote plain text.
        assert_eq!(possible_values(json!("hello there")), [json!("hello there")]);
    }

    #[test]
    fn answers_of_servers_are_told_apart() {
        let read = |answer: Json| read_retrieved(answer, "notes.seen");
        assert_eq!(read(json!("5")), Ok(Some(json!("5"))));
        assert_eq!(read(json!({ "key": "notes.seen", "value": "5", "found": true })), Ok(Some(json!("5"))));
        assert_eq!(read(json!("{\"success\":true,\"value\":[1]}")), Ok(Some(json!([1]))));
        assert_eq!(read(json!({ "entry": { "value": 1 } })), Ok(Some(json!(1))));
        assert_eq!(read(json!({ "value": null, "found": true })), Ok(Some(Json::Null)));
        for absent in [
            json!(""),
            json!({ "value": null }),
            json!({ "found": false, "value": null, "error": "x" }),
            json!("key notes.seen not found"),
            json!({ "success": false, "error": "Key not found: notes.seen" }),
        ] {
            assert_eq!(read(absent.clone()), Ok(None), "{absent}");
        }
        assert_eq!(
            read(json!({ "success": false, "error": "the database was not found" })),
            Err("the database was not found".to_owned())
        );
        assert_eq!(
            read(json!("{\"cascade_value\":{\"value\":1}}")),
            Ok(Some(json!({ "cascade_value": { "value": 1 } })))
        );
        assert_eq!(read_stored(&json!("{\"success\":true,\"error\":null}")), Ok(()));
        assert_eq!(read_stored(&json!({ "stored": false, "error": "full" })), Err("full".to_owned()));
        assert_eq!(read_stored(&json!("kept")), Ok(()));
    }
}
