; Colours. Where several patterns match a node, the last one wins.
; `tests/editors` compares them with the classes of the compiler's tokens: a word that the compiler's lexer treats as
; a name, and only the grammar as a word of the language (`max`, `via`), is a `keyword.modifier`.

; Comments

(comment) @comment
(doc_comment) @comment.documentation

; Names

(identifier) @variable
(pattern_name) @variable
(word) @keyword.modifier
(format) @keyword.modifier

(attribute "@" @punctuation.delimiter name: (identifier) @attribute)

(path (identifier) @variable)
(named_type (path (identifier) @type))
(generic_type (path (identifier) @type))
(import source: (path (identifier) @module))
(import alias: (identifier) @module)

((named_type (path (identifier) @type.builtin))
  (#any-of? @type.builtin "string" "int" "float" "bool" "path" "json" "duration" "money" "secret" "command" "file"
    "image" "audio" "video" "model" "list" "map"))
((generic_type (path (identifier) @type.builtin))
  (#any-of? @type.builtin "list" "map" "outcome"))

(type_declaration name: (identifier) @type)
(enum_declaration name: (identifier) @type)
(variant name: (identifier) @constant)
(variant_pattern variant: (identifier) @constant)
(skill_declaration name: (identifier) @function)
(fn_declaration name: (identifier) @function)
(cascade_declaration name: (identifier) @function)
(model_declaration name: (identifier) @constant)
(mcp_declaration name: (identifier) @module)
(route_declaration name: (identifier) @constant)
(memory_declaration name: (identifier) @variable)
(memory_declaration scope: (identifier) @constant)
(parameter name: (identifier) @variable.parameter)
(lambda parameters: (identifier) @variable.parameter)
(argument name: (identifier) @variable.parameter)
(field name: (identifier) @variable.member)
(setting name: (identifier) @variable.member)
(entry key: (identifier) @variable.member)
(field_pattern field: (identifier) @variable.member)
(member name: (identifier) @variable.member)
(call function: (identifier) @function.call)
(call function: (member name: (identifier) @function.method.call))
(on_event event: (identifier) @constant)
(error_kinds (identifier) @constant)
(needs (identifier) @constant)
(output_line format: (identifier) @type.builtin)
(http_line method: (identifier) @constant)

((identifier) @variable.builtin (#eq? @variable.builtin "it"))

; Values

(number) @number
(constant) @constant.builtin

(string) @string
(string_content) @string
(command) @string
(command_content) @string
(escape) @string.escape
(hole "$<" @punctuation.special ">" @punctuation.special)

; Signs

["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "." "?." ".." "..." "->" "=" "+=" "|"] @punctuation.delimiter
(optional_type "?" @punctuation.delimiter)
(generic_type ["<" ">"] @punctuation.bracket)
(binary operator: ["??" "==" "!=" "<" "<=" ">" ">=" "+" "-" "*" "/" "%"] @operator)
(negation "-" @operator)
["and" "or" "not"] @keyword.operator
(binary operator: "in" @keyword.operator)

; Words of the language

["type" "enum" "fn" "let" "var" "skill" "cascade" "model" "mcp" "route" "memory" "test" "stage"] @keyword
"import" @keyword.import
["if" "else" "match"] @keyword.conditional
["for" "repeat" "until" "parallel" "swarm"] @keyword.repeat
(for "in" @keyword.repeat)
"return" @keyword.return
[
  "sandbox" "gate" "warn" "fail" "log" "on" "where" "as" "as?" "using" "needs" "timeout" "retry" "budget" "exclusive"
  "cache" "branch" "isolate" "discard" "fix" "use" "fallback" "escalate" "skip" "keep" "redistribute" "prompt" "run"
  "system" "temperature" "max_tokens" "stdin" "skill_file" "attach" "builtin" "agent" "http" "tools" "env" "exit"
  "output" "mock" "expect" "then" "times"
] @keyword
(on_error "error" @keyword)
(in_line "in" @keyword)
(agent_line "in" @keyword)
[
  "via" "best_of" "by" "max" "first" "topology" "strategy" "network" "idle" "backoff" "tokens" "nowait" "fails" "after"
] @keyword.modifier
