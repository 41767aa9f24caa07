; Scopes, definitions and uses.

[
  (skill_declaration)
  (fn_declaration)
  (cascade_declaration)
  (test_declaration)
  (block)
  (lambda)
  (for)
  (match_arm)
] @local.scope

(parameter name: (identifier) @local.definition.parameter)
(lambda parameters: (identifier) @local.definition.parameter)
(for item: (identifier) @local.definition.var)
(stage name: (identifier) @local.definition.var)
(let name: (identifier) @local.definition.var)
(constant_declaration name: (identifier) @local.definition.constant)
(field_pattern name: (identifier) @local.definition.var)
(on_event name: (identifier) @local.definition.var)
(on_error name: (identifier) @local.definition.var)
(sandbox name: (identifier) @local.definition.var)
(match_arm pattern: (pattern_name) @local.definition.var)

(skill_declaration name: (identifier) @local.definition.function)
(fn_declaration name: (identifier) @local.definition.function)
(cascade_declaration name: (identifier) @local.definition.function)
(type_declaration name: (identifier) @local.definition.type)
(enum_declaration name: (identifier) @local.definition.type)

(identifier) @local.reference
