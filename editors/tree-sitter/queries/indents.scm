; Indentation, with the captures of Neovim.

[
  (fields)
  (record_type)
  (variants)
  (settings)
  (route_arms)
  (import_names)
  (skill_body)
  (test_body)
  (block)
  (match)
  (record)
  (list)
  (arguments)
  (parameters)
  (field_patterns)
] @indent.begin

[
  "}"
  ")"
  "]"
] @indent.branch @indent.end

; The clauses of a stage stand below it.
(stage) @indent.begin

[
  (string_content)
  (command_content)
] @indent.ignore
