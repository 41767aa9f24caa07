/**
 * Cascade for tree-sitter. The rules follow `grammar/src/cascade.lalrpop`; what that grammar's lexer decides by the
 * neighbours of a token (line ends, records or blocks, labels, the end of a hole) is decided by `src/scanner.c`.
 */
/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

// The loosest first, as in `grammar/src/tree_builder/operators.rs`.
const PREC = {
  lambda: 0,
  coalesce: 1,
  or: 2,
  and: 3,
  not: 4,
  compare: 5,
  add: 6,
  multiply: 7,
  negate: 8,
  cast: 9,
  postfix: 10,
};

// The reserved words of `grammar/src/lexer/words.rs`: no names but after a dot and before a colon.
const RESERVED = [
  "import", "type", "enum", "route", "mcp", "skill", "fn", "memory", "cascade", "stage", "let", "var", "if", "else",
  "match", "for", "in", "repeat", "until", "parallel", "swarm", "sandbox", "gate", "warn", "fail", "log", "return",
  "on", "true", "false", "null", "not", "and", "or", "where", "as",
];

/** Between commas; a trailing comma is allowed. */
const list = (rule) => optional(list1(rule));

/** The same, of one at least. */
const list1 = (rule) => seq(rule, repeat(seq(",", rule)), optional(","));

module.exports = grammar({
  name: "cascade",

  // The order is that of `enum TokenType` in src/scanner.c.
  externals: ($) => [
    $._line_end,
    $._block_open,
    $._record_open,
    $._label,
    $._line_text,
    $._block_text,
    $._hole_end,
    $._greater,
    $._hole_as,
    $._error_sentinel,
  ],

  extras: ($) => [/[ \t\r\n\f\uFEFF]/, $.doc_comment, $.comment],

  word: ($) => $.identifier,

  reserved: {
    global: () => RESERVED,
    none: () => [],
  },

  supertypes: ($) => [$._declaration],

  rules: {
    source_file: ($) => repeat(choice($.attribute, $._declaration)),

    comment: () => token(prec(0, /\/\/[^\n]*/)),
    doc_comment: () => token(prec(1, /\/\/[\/!][^\n]*/)),

    attribute: ($) =>
      prec.right(seq("@", field("name", reserved("none", $.identifier)), optional(seq("(", list($._expression), ")")))),

    // Declarations

    _declaration: ($) =>
      choice(
        $.edition,
        $.import,
        $.type_declaration,
        $.enum_declaration,
        $.model_declaration,
        $.mcp_declaration,
        $.route_declaration,
        $.skill_declaration,
        $.fn_declaration,
        $.constant_declaration,
        $.memory_declaration,
        $.cascade_declaration,
        $.test_declaration,
      ),

    edition: ($) => seq("cascade", $.number),

    import: ($) =>
      seq(
        "import",
        field("source", choice($.path, $.string)),
        optional(field("names", $.import_names)),
        optional(seq("as", field("alias", $.identifier))),
      ),
    import_names: ($) => seq($._open, list($.import_name), "}"),
    import_name: ($) => seq(field("name", $.identifier), optional(seq("as", field("alias", $.identifier)))),

    type_declaration: ($) =>
      seq("type", field("name", $.identifier), choice(field("body", $.fields), seq("=", field("type", $._type)))),
    enum_declaration: ($) => seq("enum", field("name", $.identifier), field("body", $.variants)),
    model_declaration: ($) => seq("model", field("name", $.identifier), field("body", $.settings)),
    mcp_declaration: ($) => seq("mcp", field("name", $.identifier), field("body", $.settings)),
    route_declaration: ($) => seq("route", field("name", $.identifier), field("body", $.route_arms)),
    skill_declaration: ($) =>
      seq(
        "skill",
        field("name", $.identifier),
        field("parameters", $.parameters),
        optional($._result),
        field("body", $.skill_body),
      ),
    fn_declaration: ($) =>
      seq(
        "fn",
        field("name", $.identifier),
        field("parameters", $.parameters),
        optional($._result),
        choice(seq("=", field("body", $._expression)), field("body", $.block)),
      ),
    constant_declaration: ($) =>
      seq(
        choice("let", "var"),
        field("name", $.identifier),
        optional(seq(":", field("type", $._type))),
        "=",
        field("value", $._expression),
      ),
    memory_declaration: ($) =>
      seq(
        "memory",
        field("name", $.identifier),
        ":",
        field("scope", $.identifier),
        optional(seq("via", "mcp", field("server", $.identifier))),
        field("body", $.fields),
      ),
    cascade_declaration: ($) =>
      seq(
        "cascade",
        field("name", $.identifier),
        field("parameters", $.parameters),
        optional($._result),
        repeat($._clause),
        field("body", $.block),
      ),
    test_declaration: ($) => seq("test", field("name", $.string), field("body", $.test_body)),

    parameters: ($) => seq("(", list(alias($.field, $.parameter)), ")"),
    _result: ($) => seq("->", field("result", $._type)),

    fields: ($) => seq($._open, lines($, $.field), "}"),
    field: ($) =>
      seq(
        field("name", alias($._label, $.identifier)),
        ":",
        field("type", $._type),
        optional(seq("=", field("default", $._expression))),
      ),
    settings: ($) => seq($._open, lines($, $.setting), "}"),
    setting: ($) => seq(field("name", alias($._label, $.identifier)), ":", field("value", $._expression)),
    variants: ($) => seq($._open, lines($, $.variant), "}"),
    variant: ($) => seq(field("name", $.identifier), optional($.fields)),
    route_arms: ($) => seq($._open, lines($, $.route_arm), "}"),
    route_arm: ($) => seq(field("capability", $.identifier), "->", choice(field("model", $.path), $.best_of)),
    best_of: ($) => seq("best_of", "[", list($.path), "]", "by", field("measure", $.identifier)),

    path: ($) => prec.right(seq($.identifier, repeat(seq(".", field("name", reserved("none", $.identifier)))))),

    // Types

    _type: ($) => choice($._plain_type, $.refined_type),
    refined_type: ($) => prec.right(seq($._plain_type, "where", field("condition", $._expression))),
    _plain_type: ($) => choice($.named_type, $.generic_type, $.optional_type, $.record_type),
    optional_type: ($) => seq($._plain_type, "?"),
    named_type: ($) => $.path,
    generic_type: ($) =>
      prec(PREC.postfix, seq($.path, token.immediate("<"), list($._plain_type), alias($._greater, ">"))),
    record_type: ($) => seq($._open, lines($, $.field), "}"),

    // Skills. Their lines need no line ends: each begins with a word that continues nothing.

    skill_body: ($) => seq($._open, repeat($._skill_line), "}"),
    _skill_line: ($) =>
      choice(
        $.word_line,
        $.attach_files_line,
        $.agent_line,
        $.http_line,
        $.mcp_line,
        $.needs,
        $.tools_line,
        $.in_line,
        $.env_line,
        $.exit_line,
        $.output_line,
        alias($.skill_return, $.return),
      ),
    // Above `in` as an operator: after a value, `in` begins the line with the folder.
    word_line: ($) =>
      prec(
        PREC.postfix,
        seq(
          field(
            "word",
            choice(
              "prompt", "run", "system", "temperature", "max_tokens", "stdin", "skill_file", "attach", "builtin",
            ),
          ),
          field("value", $._expression),
        ),
      ),
    attach_files_line: ($) => seq("attach", alias($.identifier, $.word), field("pattern", $.string)),
    agent_line: ($) =>
      seq("agent", optional(seq("in", field("folder", $._postfix))), field("prompt", choice($.string, $.identifier))),
    http_line: ($) =>
      prec(
        PREC.postfix,
        seq(
          "http",
          field("method", $.identifier),
          field("url", $._expression),
          optional(field("settings", $.settings)),
        ),
      ),
    mcp_line: ($) => seq("mcp", field("tool", $.path), optional(field("arguments", $.record))),
    tools_line: ($) => seq("tools", "[", list($.path), "]"),
    in_line: ($) => prec(PREC.postfix, seq("in", field("folder", $._expression))),
    env_line: ($) => seq("env", field("settings", $.settings)),
    exit_line: ($) => seq("exit", "[", list(choice($.number, seq($.number, "..", $.number))), "]"),
    output_line: ($) =>
      prec.right(
        seq("output", field("format", $.identifier), optional(choice(field("type", $._type), field("files", $.string)))),
      ),
    // `in` is an operator in here.
    skill_return: ($) => prec(-1, seq("return", $._expression)),

    // Tests. Their lines need no line ends either.

    test_body: ($) =>
      seq($._open, repeat(choice($.mock, $.test_run, $.expect_stage, $.expect, alias($.let, $.let))), "}"),
    mock: ($) => seq("mock", field("skill", $.path), $._outcome, repeat(seq("then", $._outcome))),
    _outcome: ($) =>
      prec.right(
        seq(
          choice(
            seq("->", choice($._expression, alias($.empty_record, $.record))),
            seq("fails", "(", field("kind", $.identifier), optional(seq(",", field("message", $._expression))), ")"),
          ),
          optional(seq("times", $._expression)),
          optional(seq("after", $._expression)),
        ),
      ),
    empty_record: ($) => seq($._open, "}"),
    test_run: ($) => seq("run", $._expression),
    expect: ($) => seq("expect", $._expression),
    expect_stage: ($) =>
      prec.right(
        seq(
          "expect",
          "stage",
          field("stage", $.path),
          field("state", $.identifier),
          optional(seq("times", $._expression)),
        ),
      ),

    // Statements

    block: ($) => seq($._open, optional($._statements), "}"),
    _statements: ($) => seq($._statement, repeat(seq($._line_end, $._statement))),
    _statement: ($) =>
      choice(
        seq(repeat(seq($.attribute, optional($._line_end))), $._statement_with_word),
        seq(repeat1(seq($.attribute, optional($._line_end))), alias($._block_statement, $.expression_statement)),
        $.expression_statement,
        $.assignment,
      ),
    _statement_with_word: ($) =>
      choice($.stage, $.let, $.let_fields, $.check, $.message, $.return, $.on_event),
    _block_statement: ($) => seq(choice($._choice, $._block_expression), repeat($._clause)),
    expression_statement: ($) => seq($._expression, repeat($._clause)),
    assignment: ($) => seq(field("target", $._expression), choice("=", "+="), field("value", $._expression)),
    stage: ($) =>
      seq(
        "stage",
        field("name", $.identifier),
        optional(seq(":", field("type", $._type))),
        "=",
        field("value", $._expression),
        repeat($._clause),
      ),
    let: ($) =>
      seq(
        choice("let", "var"),
        field("name", $.identifier),
        optional(seq(":", field("type", $._type))),
        "=",
        field("value", $._expression),
      ),
    let_fields: ($) => seq(choice("let", "var"), $.field_patterns, "=", field("value", $._expression)),
    check: ($) => seq(choice("gate", "warn"), $._expression, optional(seq(",", field("message", $._expression)))),
    message: ($) => seq(choice("fail", "log"), $._expression),
    return: ($) => prec.right(seq("return", optional($._expression))),
    on_event: ($) =>
      seq("on", field("event", $.identifier), optional(seq("(", field("name", $.identifier), ")")), $.block),

    // Clauses

    _clause: ($) =>
      choice(
        $.using, $.needs, $.timeout, $.retry, $.budget, $.exclusive, $.value_clause, $.bare_clause, $.on_error,
      ),
    using: ($) => seq("using", $._expression),
    needs: ($) => seq("needs", "[", list($.identifier), "]"),
    timeout: ($) => prec.right(seq("timeout", $._expression, optional(seq("idle", $._expression)))),
    retry: ($) =>
      prec.right(seq("retry", $._expression, optional(seq("backoff", $._expression, "..", $._expression)))),
    budget: ($) => prec.right(seq("budget", $._expression, optional("tokens"))),
    exclusive: ($) => prec.right(seq("exclusive", $._expression, optional("nowait"))),
    value_clause: ($) => seq(choice("cache", "branch"), $._expression),
    bare_clause: () => choice("isolate", "discard"),
    on_error: ($) =>
      seq(
        "on",
        "error",
        optional(field("kinds", $.error_kinds)),
        optional(seq("as", field("name", $.identifier))),
        choice($.fix, $.use, $.escalate, $.skip),
      ),
    error_kinds: ($) => seq("(", list($.identifier), ")"),
    fix: ($) => prec.right(seq("fix", optional(seq("using", $._expression)), optional($._max))),
    use: ($) => seq(choice("use", "fallback"), $._expression),
    escalate: ($) => prec.right(seq(choice("escalate", "fail"), optional($.string))),
    skip: () => choice("skip", "keep", "redistribute"),

    // Expressions

    _expression: ($) =>
      choice(
        $._postfix,
        $.cast,
        $.negation,
        $.not,
        $.binary,
        $.lambda,
        $._choice,
        $._block_expression,
      ),
    _postfix: ($) =>
      choice(
        $.identifier,
        $.number,
        $.constant,
        $.string,
        $.command,
        $.list,
        $.parenthesized,
        $.record,
        $.member,
        $.call,
        $.index,
      ),
    _choice: ($) => choice($.if, $.match),
    _block_expression: ($) => choice($.for, $.repeat, $.parallel, $.swarm, $.sandbox),

    number: () => /[0-9][0-9_]*(\.[0-9][0-9_]*)?([A-Za-z][A-Za-z0-9_]*)?/,
    constant: () => choice("true", "false", "null"),
    identifier: () => /[A-Za-z_][A-Za-z0-9_]*/,

    list: ($) => seq("[", list($._expression), "]"),
    parenthesized: ($) => seq("(", $._expression, ")"),
    record: ($) => seq(alias($._record_open, "{"), lines($, choice($.entry, $.spread)), "}"),
    entry: ($) =>
      seq(field("key", choice(alias($._label, $.identifier), $.string)), ":", field("value", $._expression)),
    spread: ($) => seq("...", $._expression),
    member: ($) =>
      prec(
        PREC.postfix,
        seq(field("object", $._postfix), choice(".", "?."), field("name", reserved("none", $.identifier))),
      ),
    call: ($) => prec(PREC.postfix, seq(field("function", $._postfix), field("arguments", $.arguments))),
    arguments: ($) => seq("(", list(choice($._expression, $.argument)), ")"),
    argument: ($) => seq(field("name", alias($._label, $.identifier)), ":", field("value", $._expression)),
    index: ($) => prec(PREC.postfix, seq(field("object", $._postfix), "[", field("index", $._expression), "]")),

    cast: ($) => prec.left(PREC.cast, seq($._expression, choice("as", "as?"), field("type", $._plain_type))),
    negation: ($) => prec(PREC.negate, seq("-", $._expression)),
    not: ($) => prec(PREC.not, seq("not", $._expression)),
    binary: ($) => {
      const operators = [
        [PREC.coalesce, "??"],
        [PREC.or, "or"],
        [PREC.and, "and"],
        // At the beginning of a line the scanner has looked further than `>`, which is a plain token there.
        [PREC.compare, choice("==", "!=", "<", "<=", alias($._greater, ">"), ">", ">=", "in", seq("not", "in"))],
        [PREC.add, choice("+", "-")],
        [PREC.multiply, choice("*", "/", "%")],
      ];
      return choice(
        ...operators.map(([level, operator]) =>
          prec.left(
            // @ts-ignore
            level,
            // @ts-ignore
            seq(field("left", $._expression), field("operator", operator), field("right", $._expression)),
          ),
        ),
      );
    },
    lambda: ($) =>
      prec.right(PREC.lambda, seq("|", field("parameters", list1($.identifier)), "|", field("body", $._expression))),

    // Strings

    string: ($) =>
      choice(
        seq('"', optional(alias($._line_content, $.string_content)), token.immediate('"')),
        seq('"""', optional(alias($._block_content, $.string_content)), token.immediate('"""')),
      ),
    command: ($) =>
      choice(
        seq('sh"', optional(alias($._line_content, $.command_content)), token.immediate('"')),
        seq('sh"""', optional(alias($._block_content, $.command_content)), token.immediate('"""')),
      ),
    _line_content: ($) => repeat1(choice($._line_text, $.escape, $.hole)),
    _block_content: ($) => repeat1(choice($._block_text, $.escape, $.hole)),
    escape: () => token.immediate(choice(/\\(.|\n)/, "$$<")),
    hole: ($) =>
      seq(
        token.immediate("$<"),
        $._expression,
        optional(seq(alias($._hole_as, "as"), field("format", alias($.identifier, $.format)))),
        alias($._hole_end, ">"),
      ),

    // Expressions with blocks

    if: ($) =>
      prec.right(
        seq(
          "if",
          field("condition", $._expression),
          field("then", $.block),
          optional(seq("else", field("else", choice($.block, $.if)))),
        ),
      ),
    match: ($) => seq("match", field("value", $._expression), $._open, lines($, $.match_arm), "}"),
    match_arm: ($) =>
      seq(
        field("pattern", $._pattern),
        optional(seq("if", field("guard", $._expression))),
        "->",
        field("body", choice($._expression, $.block, $.message, $.return)),
      ),
    _pattern: ($) => choice($._single_pattern, $.either_pattern),
    either_pattern: ($) => prec.left(seq($._pattern, "|", $._single_pattern)),
    _single_pattern: ($) => choice($._pattern_end, $.range_pattern, $.variant_pattern),
    range_pattern: ($) =>
      choice(
        prec.right(seq($._pattern_end, "..", optional($._pattern_end))),
        seq("..", $._pattern_end),
      ),
    variant_pattern: ($) => seq(field("variant", $.identifier), $.field_patterns),
    _pattern_end: ($) =>
      choice(alias($.identifier, $.pattern_name), $.number, alias($.negative_number, $.negation), $.constant, $.string),
    negative_number: ($) => seq("-", $.number),
    field_patterns: ($) => seq($._open, list($.field_pattern), "}"),
    field_pattern: ($) =>
      choice(
        seq(field("field", alias($._label, $.identifier)), ":", field("name", $.identifier)),
        field("name", $.identifier),
      ),

    for: ($) =>
      seq(
        "for",
        field("item", $.identifier),
        "in",
        field("values", choice($._expression, $.range)),
        optional(seq("parallel", optional($._max))),
        field("body", $.block),
      ),
    range: ($) => seq($._expression, "..", $._expression),
    repeat: ($) =>
      prec.right(
        seq("repeat", optional($._max), field("body", $.block), optional(seq("until", field("until", $._expression)))),
      ),
    // A `max` without its number is left to the compiler, as its grammar leaves it to later checks.
    parallel: ($) => seq("parallel", optional(choice($._max, "max", "first")), field("body", $.block)),
    swarm: ($) => seq("swarm", repeat($._swarm_option), field("body", $.block)),
    _swarm_option: ($) =>
      choice(
        seq(choice("topology", "strategy"), $._expression),
        $._max,
        seq("via", "mcp", field("server", $.identifier)),
      ),
    sandbox: ($) =>
      seq(
        "sandbox",
        field("folder", $._postfix),
        optional(seq("network", field("network", choice(alias("on", $.word), alias("off", $.word), $.list)))),
        optional(seq("as", field("name", $.identifier))),
        field("body", $.block),
      ),
    _max: ($) => seq("max", $._expression),

    _open: ($) => alias($._block_open, "{"),
  },
});

/** On lines of their own, or between commas. */
function lines($, rule) {
  const separator = choice($._line_end, repeat1(","));
  return optional(seq(rule, repeat(seq(separator, rule)), optional(separator)));
}
