//! Names of other languages: functions, methods, fields and values, with what is written here.

/// Values, with what is written here.
pub(crate) const VALUES: &[(&[&str], &str)] = &[
    (&["None", "nil", "undefined", "NULL", "Null", "nothing", "NaN"], "null"),
    (&["True", "TRUE", "yes", "Yes"], "true"),
    (&["False", "FALSE", "no", "No"], "false"),
];

/// Names that stand alone elsewhere, with what to do here.
const WORDS: &[(&[&str], &str)] = &[
    (&["break", "continue"], "a loop ends by its `until`; write `if` around what is not done each time"),
    (&["pass", "noop", "begin", "end", "fi", "done", "endif"], "leave it out: a block ends with `}`"),
    (
        &["depends_on", "dependsOn", "after"],
        "a stage waits for the stages whose names it uses; use the name in its arguments",
    ),
    (&["cache", "cached"], "say how old an answer may be: `cache 1d`"),
    (&["exclusive"], "say of what: `exclusive \"deploy\"`"),
    (&["forever", "always"], "say how long: `cache 365d`"),
    (&["async"], "what runs at once stands in `parallel { … }`"),
    (&["it", "_", "this", "self"], "a lambda names its parameters: `|x| x > 1`"),
    (
        &["inputs", "input", "args", "params", "context", "ctx", "state", "argv"],
        "an input is a parameter of the cascade, and is named alone",
    ),
    (&["steps", "stages", "outputs", "needs", "jobs"], "the value of a stage is its name"),
    (&["secrets", "env", "environ", "process", "os", "vars"], "declare a parameter: `token: secret = env(\"TOKEN\")`"),
    (&["json", "JSON"], "text becomes JSON by `text.parse_json()`, a value becomes text by `value.to_json()`"),
    (
        &["Date", "datetime", "time", "Time", "DateTime"],
        "the time is read by a stage: `import std.time`, then `stage now = time.now()`",
    ),
    (&["Math", "math"], "write `min(a, b)`, `max(a, b)`, `abs(x)`, `round(x)`, `x.floor()` or `x.ceil()`"),
    (&["re", "regex", "Regex", "RegExp"], "write `text.matches(\"…\")`, or `text.capture(\"…\")`"),
    (&["console", "logger", "logging", "fmt", "System", "stdout"], "`log \"…\"` writes a message"),
    (&["sys"], "write `fail \"message\"`"),
    (&["requests", "axios", "httpx", "http", "urllib"], "a request is the effect of a skill: `http get url`"),
    (&["subprocess", "shutil", "child_process"], "a command is the effect of a skill: `run sh\"…\"`"),
    (&["fs", "pathlib", "Path", "io"], "files are read and written by stages: `import std.files`"),
    (&["random", "uuid"], "nothing is random; `run.id` is different for each run"),
    (&["github", "gh", "workflow"], "facts of the run are `run.id`, `run.started`, `run.cascade` and `run.attempt`"),
    (&["Promise", "asyncio"], "what runs at once stands in `parallel { … }`"),
];

/// Functions, with what is written here. `{a}` is the first argument, `{all}` are all of them.
const FUNCTIONS: &[(&[&str], &str)] = &[
    (&["print", "println", "echo", "printf", "puts"], "`log \"…\"` writes a message"),
    (
        &["str", "String", "string", "to_string", "toString", "repr", "format", "sprintf"],
        "put the value into text: `\"$<{a}>\"`, or write `{a}.to_text()`",
    ),
    (
        &["int", "Int", "parseInt", "Number", "atoi"],
        "write `{a}.to_int()` for a text, which gives null if it is no number; `round({a})` for a float",
    ),
    (&["float", "Float", "parseFloat"], "write `{a}.to_float()`"),
    (&["bool", "Bool", "Boolean"], "write the comparison: `{a} != null`, `{a} > 0`, `{a} == \"true\"`"),
    (&["len", "length", "size", "count"], "write `{a}.len()`"),
    (&["sorted"], "write `{a}.sort()`, or `{a}.sort_by(|x| x.name)`"),
    (&["reversed"], "write `{a}.reverse()`"),
    (&["list", "List", "Array"], "a list is written `[…]`; the pairs of a map are `m.entries()`"),
    (&["set", "Set"], "write `{a}.unique()`"),
    (&["dict", "Dict", "Map", "map_of", "object"], "a record is written `{ key: value }`"),
    (&["tuple"], "a record is written `{ first: a, second: b }`"),
    (&["type", "typeof", "isinstance", "is_a"], "a value's type is known; an `enum` is taken apart by `match`"),
    (
        &["now", "today", "timestamp", "current_time"],
        "the time is read by a stage: `import std.time`, then `stage now = time.now()`; when the run began is `run.started`",
    ),
    (
        &["sleep", "wait", "delay"],
        "a cascade does not wait by itself; `retry` waits between attempts, `approve` for a person",
    ),
    (&["random", "rand", "uuid", "uuid4"], "nothing is random; `run.id` is different for each run"),
    (
        &["open", "read_file", "readFile", "read", "load", "cat"],
        "a file is read by a stage: `import std.files`, then `stage text = files.read({a})`",
    ),
    (
        &["write_file", "writeFile", "write", "save"],
        "a file is written by a stage: `import std.files`, then `stage written = files.write({all})`",
    ),
    (&["exists", "file_exists"], "it is asked by a stage: `import std.files`, then `stage there = files.exists({a})`"),
    (
        &["fetch", "get", "post", "curl", "request"],
        "a request is the effect of a skill: `http get url`, and `stage answer = name()` calls it",
    ),
    (
        &["exec", "system", "shell", "sh", "bash", "run", "cmd", "command"],
        "a command is the effect of a skill: `run sh\"…\"`, and `stage output = name()` calls it",
    ),
    (&["getenv", "environ", "secret"], "declare a parameter: `token: secret = env({a})`"),
    (&["assert", "require", "check", "ensure"], "write `gate {a}, \"message\"`"),
    (&["panic", "error", "Error", "exit", "throw", "raise", "abort", "die", "Exception"], "write `fail \"message\"`"),
    (
        &["input", "prompt", "readline", "confirm"],
        "a person is asked by a stage: `stage answer = ask({a})`, `stage sure = approve({a})`",
    ),
    (&["approval", "wait_for_approval", "human"], "write `stage sure = approve({a})`"),
    (&["Some", "Ok", "Just", "Optional", "of"], "write `{a}` alone: a value fits where `T?` is expected"),
    (&["Err", "failure"], "write `fail \"message\"`; in a test, `expect fails(kind)`"),
    (
        &["llm", "gpt", "chat", "complete", "generate", "ask_model"],
        "a model is asked by a skill: `prompt \"…\"`, and `stage answer = name()` calls it",
    ),
    (&["all", "gather", "join_all", "parallel"], "write `parallel { … }`, with a stage on each line"),
    (&["race", "any_of", "select"], "write `parallel first { … }`"),
    (&["json_dumps", "stringify", "dumps", "to_json"], "write `{a}.to_json()`"),
    (&["json_loads", "parse", "loads", "fromJSON", "from_json"], "write `{a}.parse_json()`"),
    (&["pow"], "multiply: `x * x`"),
    (&["floor", "ceil"], "it is a method: `{a}.floor()`, `{a}.ceil()`"),
    (&["concat"], "lists and texts are joined by `+`"),
    (&["defined", "is_null", "isNull", "isnull", "nonnull"], "write `{a} != null`"),
    (&["coalesce", "default", "nvl", "ifnull"], "write `{a} ?? other`"),
];

/// Methods and fields, with what is written here.
const METHODS: &[(&[&str], &str)] = &[
    (&["length", "size", "count", "Length", "Count"], "its size is `len()`"),
    (&["push", "append", "add", "insert", "extend"], "values do not change; `xs + [x]` is a new list"),
    (&["pop", "shift", "unshift", "splice"], "values do not change; `xs.skip(1)` and `xs.take(n)` are new lists"),
    (
        &["includes", "has", "include", "contain", "exists", "has_key", "hasKey", "containsKey"],
        "write `.contains(…)`, or `x in xs`",
    ),
    (
        &["toString", "to_string", "to_s", "str", "as_str", "string"],
        "write `.to_text()`, or put it into text: `\"$<x>\"`",
    ),
    (&["toUpperCase", "toUpper", "uppercase", "to_uppercase", "upcase"], "write `.upper()`"),
    (&["toLowerCase", "toLower", "lowercase", "to_lowercase", "downcase"], "write `.lower()`"),
    (&["strip", "trim_start", "trim_end", "lstrip", "rstrip", "chomp"], "write `.trim()`"),
    (&["splitlines", "split_lines"], "write `.lines()`"),
    (&["substring", "substr", "slice", "charAt", "at"], "write `.skip(from).take(count)`"),
    (&["format", "fmt", "formatted"], "put values into text: `\"$<name>\"`"),
    (
        &["unwrap", "expect", "get_or_throw", "orElseThrow"],
        "say what holds for null: `x ?? other`, or `gate x != null, \"message\"`",
    ),
    (&["unwrap_or", "or_else", "orElse", "getOrElse", "or", "unwrap_or_default", "getOrDefault"], "write `x ?? other`"),
    (&["fold", "inject", "aggregate", "reduceRight", "scan"], "write `.reduce(initial, |acc, x| …)`"),
    (&["forEach", "each", "for_each"], "write `for x in xs { … }`"),
    (&["collect", "toList", "to_list", "iter", "into_iter", "stream"], "leave it out: methods give lists"),
    (&["where", "select_if", "keep_if"], "write `.filter(|x| …)`"),
    (&["select", "transform", "collect_with"], "write `.map(|x| …)`"),
    (&["some", "exist"], "write `.any(|x| …)`"),
    (&["every"], "write `.all(|x| …)`"),
    (&["distinct", "uniq", "dedup", "toSet"], "write `.unique()`"),
    (&["sorted", "order", "orderBy", "sortBy", "order_by"], "write `.sort()`, or `.sort_by(|x| x.name)`"),
    (&["items", "iteritems", "pairs"], "write `.entries()`"),
    (&["concat"], "lists and texts are joined by `+`"),
    (&["then", "catch", "finally", "await"], "a stage waits by itself; the next stage uses its name"),
    (&["match", "search", "test", "findall", "match_all", "exec"], "write `.matches(\"…\")`, or `.capture(\"…\")`"),
    (&["replaceAll", "replace_all", "gsub", "sub"], "write `.replace(\"a\", \"b\")`, which replaces every one"),
    (&["toFixed", "round_to"], "write `round(x)`"),
    (&["parse", "parseInt", "to_i", "toInt", "as_int"], "write `.to_int()`"),
    (&["json", "toJSON", "to_dict", "dict", "model_dump", "dumps"], "write `.to_json()`"),
    (&["head", "front"], "write `.first()`"),
    (&["tail", "rest"], "write `.skip(1)`"),
    (&["clone", "copy", "to_owned"], "leave it out: values do not change"),
    (&["is_none", "is_some", "is_null", "isPresent", "isEmpty"], "write `x == null`, or `.is_empty()`"),
    (&["toBe", "toEqual", "to_equal", "should"], "write `expect value == other`"),
    (&["output", "outputs", "result", "value"], "the name of a stage is its value"),
];

fn find_row<'t>(table: &'t [(&'t [&'t str], &'t str)], name: &str) -> Option<&'t str> {
    table.iter().find(|(names, _)| names.contains(&name)).map(|(_, help)| *help)
}

/// What is written instead of a word.
pub(crate) fn explain_value(name: &str) -> Option<&'static str> {
    find_row(VALUES, name)
}

/// What to do instead of naming something that other languages have.
pub(crate) fn explain_word(name: &str) -> Option<&'static str> {
    find_row(WORDS, name)
}

/// What to do instead of calling a function, with its arguments as they are written.
pub(crate) fn explain_function(name: &str, args: &[&str]) -> Option<String> {
    let help = find_row(FUNCTIONS, name)?;
    let shown = |text: &str| {
        if text.is_empty() || text.len() > 40 || text.contains(['\n', '`']) { "x".to_owned() } else { text.to_owned() }
    };
    let first = shown(args.first().copied().unwrap_or_default());
    Some(help.replace("{a}", &first).replace("{all}", &shown(&args.join(", "))))
}

/// What to write instead of a method or a field.
pub(crate) fn method(name: &str) -> Option<&'static str> {
    find_row(METHODS, name)
}
