; What can be folded.

[
  (fields)
  (variants)
  (settings)
  (route_arms)
  (import_names)
  (skill_body)
  (test_body)
  (block)
  (match)
  (list)
  (record)
  (arguments)
  (parameters)
  (string)
  (command)
] @fold
