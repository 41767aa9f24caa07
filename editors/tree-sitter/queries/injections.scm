; Other languages in strings. A string's content has its holes as children, which are left out.

((command_content) @injection.content
  (#set! injection.language "bash"))

(word_line
  word: ["prompt" "system"]
  value: (string (string_content) @injection.content)
  (#set! injection.language "markdown"))

(agent_line
  prompt: (string (string_content) @injection.content)
  (#set! injection.language "markdown"))

; A text that begins like an object or a list of objects, such as what a mock gives.
((string_content) @injection.content
  (#match? @injection.content "^\\s*(\\[\\s*)?\\{\\s*\\\\?\"")
  (#set! injection.language "json"))

((doc_comment) @injection.content
  (#offset! @injection.content 0 3 0 0)
  (#set! injection.language "markdown_inline"))

((comment) @injection.content
  (#set! injection.language "comment"))
