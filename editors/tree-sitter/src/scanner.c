// The tokens of Cascade that depend on their neighbours. The rules are those of the compiler's lexer
// (`grammar/src/lexer/layout.rs` and `scan.rs`): where a line ends, which braces open records, which words are
// labels, and where the hole of a string ends. The scanner has no state: the grammar knows what may come.

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tree_sitter/parser.h"

// The order is that of `externals` in grammar.js.
enum TokenType {
  LINE_END,
  BLOCK_OPEN,
  RECORD_OPEN,
  LABEL,
  LINE_TEXT,
  BLOCK_TEXT,
  HOLE_END,
  GREATER,
  HOLE_AS,
  // In no rule: valid only while the parser recovers from an error, when it asks for everything.
  ERROR_SENTINEL,
};

// Longer than every word of the language; of a longer word only the beginning is kept.
enum { WORD_SIZE = 16 };

static bool is_word_start(int32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(int32_t c) { return c >= '0' && c <= '9'; }

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f'; }

static void advance(TSLexer *lexer) { lexer->advance(lexer, false); }

static void skip_blanks(TSLexer *lexer) {
  while (is_blank(lexer->lookahead)) advance(lexer);
}

// Reads a word, which must begin here.
static void read_word(TSLexer *lexer, char word[WORD_SIZE]) {
  unsigned length = 0;
  while (is_word_start(lexer->lookahead) || is_digit(lexer->lookahead)) {
    if (length + 1 < WORD_SIZE) word[length++] = (char)lexer->lookahead;
    advance(lexer);
  }
  word[length] = 0;
}

static bool is_one_of(const char *word, const char *const *words) {
  for (; *words; words++) {
    if (strcmp(word, *words) == 0) return true;
  }
  return false;
}

// Passes white space and comments. Gives false if a lone `/` stands here, which is then passed, too.
static bool pass_space(TSLexer *lexer, bool *line_break) {
  for (;;) {
    if (lexer->lookahead == '\n') {
      *line_break = true;
      advance(lexer);
    } else if (is_blank(lexer->lookahead)) {
      advance(lexer);
    } else if (lexer->lookahead == '/') {
      advance(lexer);
      if (lexer->lookahead != '/') return false;
      while (lexer->lookahead != '\n' && !lexer->eof(lexer)) advance(lexer);
    } else {
      return true;
    }
  }
}

// What the brace holds that was just passed.
typedef enum { EMPTY, RECORD, OTHER } BraceContent;

static BraceContent read_brace_content(TSLexer *lexer) {
  bool line_break = false;
  if (!pass_space(lexer, &line_break)) return OTHER;
  if (lexer->lookahead == '}') return EMPTY;
  if (lexer->lookahead == '.') {
    for (int dots = 0; dots < 3; dots++, advance(lexer)) {
      if (lexer->lookahead != '.') return OTHER;
    }
    return RECORD;
  }
  if (lexer->lookahead == '"') {
    advance(lexer);
    while (lexer->lookahead != '"') {
      if (lexer->lookahead == '\n' || lexer->eof(lexer)) return OTHER;
      if (lexer->lookahead == '\\') advance(lexer);
      if (lexer->lookahead == '$') {
        advance(lexer);
        if (lexer->lookahead == '<') return OTHER;
        continue;
      }
      advance(lexer);
    }
    advance(lexer);
  } else if (is_word_start(lexer->lookahead)) {
    char word[WORD_SIZE];
    read_word(lexer, word);
  } else {
    return OTHER;
  }
  if (!pass_space(lexer, &line_break)) return OTHER;
  return lexer->lookahead == ':' ? RECORD : OTHER;
}

// Whether a word that begins a line, and was just read, continues the line before.
static bool word_continues_line(TSLexer *lexer, const char *word) {
  static const char *const CONTINUE[] = {"and",    "or",      "as",    "else",   "until",   "where", "in",
                                         "using",  "needs",   "timeout", "retry", "budget", "isolate", NULL};
  static const char *const WITH_OPERAND[] = {"cache", "branch", "exclusive", NULL};
  skip_blanks(lexer);
  int32_t next = lexer->lookahead;
  // A label of a record, a field, a setting.
  if (next == ':') return false;
  if (is_one_of(word, CONTINUE)) return true;
  if (is_one_of(word, WITH_OPERAND)) return is_word_start(next) || is_digit(next) || next == '"';
  if (strcmp(word, "discard") == 0) {
    return next != '.' && next != '(' && next != '[' && next != '=' && next != '+' && next != ',';
  }
  const char *second = strcmp(word, "on") == 0 ? "error" : strcmp(word, "not") == 0 ? "in" : NULL;
  if (!second) return false;
  bool line_break = false;
  if (!pass_space(lexer, &line_break) || !is_word_start(lexer->lookahead)) return false;
  char following[WORD_SIZE];
  read_word(lexer, following);
  return strcmp(following, second) == 0;
}

// Whether what begins a line, and stands here, continues the line before.
static bool continues_line(TSLexer *lexer) {
  int32_t c = lexer->lookahead;
  if (lexer->eof(lexer)) return true;
  if (is_word_start(c)) {
    char word[WORD_SIZE];
    read_word(lexer, word);
    return word_continues_line(lexer, word);
  }
  switch (c) {
    case ')': case ']': case '}': case ',': case '?': case '+': case '*': case '%': case '<': case '>': case '=':
    case '!':
      return true;
    case '.':
      // `..` begins a pattern, `...` an entry of a record.
      advance(lexer);
      return lexer->lookahead != '.';
    case '-':
      // `- x` subtracts, `-1` is a number.
      advance(lexer);
      return lexer->lookahead == '>' || lexer->lookahead == '\n' || is_blank(lexer->lookahead);
    case '{':
      advance(lexer);
      return read_brace_content(lexer) != RECORD;
    default:
      return false;
  }
}

// The text of a string up to what has a meaning in it.
static bool scan_text(TSLexer *lexer, bool block) {
  lexer->result_symbol = block ? BLOCK_TEXT : LINE_TEXT;
  bool any = false;
  for (;; any = true) {
    int32_t c = lexer->lookahead;
    if (lexer->eof(lexer) || (!block && c == '\n')) break;
    if (c != '"' && c != '\\' && c != '$') {
      advance(lexer);
      continue;
    }
    if (any) break;
    if (c == '\\' || (c == '"' && !block)) return false;
    // One sign alone is text; a token of its own, since only one place can be marked.
    advance(lexer);
    lexer->mark_end(lexer);
    if (c == '$') {
      if (lexer->lookahead == '$') advance(lexer);
      return lexer->lookahead != '<';
    }
    if (lexer->lookahead != '"') return true;
    advance(lexer);
    return lexer->lookahead != '"';
  }
  lexer->mark_end(lexer);
  return any;
}

// `as` before the format of a hole, which must end the hole.
static bool scan_hole_as(TSLexer *lexer) {
  static const char *const FORMATS[] = {"json", "yaml", "markdown", "xml", "csv", "text", "words", "trusted", NULL};
  char word[WORD_SIZE];
  bool line_break = false;
  if (!pass_space(lexer, &line_break) || !is_word_start(lexer->lookahead)) return false;
  read_word(lexer, word);
  if (!is_one_of(word, FORMATS)) return false;
  if (!pass_space(lexer, &line_break) || lexer->lookahead != '>') return false;
  lexer->result_symbol = HOLE_AS;
  return true;
}

// Every word may be a label, but these only with the colon on their line.
static const char *const RESERVED[] = {
    "import", "type",  "enum", "route", "mcp",    "skill", "fn",       "memory", "cascade", "stage", "let",  "var",
    "if",     "else",  "match", "for",  "in",     "repeat", "until",   "parallel", "swarm", "sandbox", "gate", "warn",
    "fail",   "log",   "return", "on",  "true",   "false", "null",     "not",    "and",     "or",    "where", "as",
    NULL};

static bool scan_word(TSLexer *lexer, const bool *valid) {
  char word[WORD_SIZE];
  read_word(lexer, word);
  lexer->mark_end(lexer);
  if (valid[HOLE_AS] && strcmp(word, "as") == 0 && lexer->lookahead != '?') return scan_hole_as(lexer);
  if (!valid[LABEL]) return false;
  lexer->result_symbol = LABEL;
  bool line_break = false;
  if (!pass_space(lexer, &line_break) || lexer->lookahead != ':') return false;
  return !line_break || !is_one_of(word, RESERVED);
}

static bool scan_brace(TSLexer *lexer, const bool *valid) {
  advance(lexer);
  lexer->mark_end(lexer);
  bool record = !valid[BLOCK_OPEN];
  if (valid[RECORD_OPEN]) {
    BraceContent content = read_brace_content(lexer);
    if (record && content == OTHER) return false;
    record |= content == RECORD;
  }
  lexer->result_symbol = record ? RECORD_OPEN : BLOCK_OPEN;
  return true;
}

static bool scan_greater(TSLexer *lexer, const bool *valid) {
  advance(lexer);
  lexer->mark_end(lexer);
  // A `>` directly in a hole ends it, even before `=`.
  lexer->result_symbol = valid[HOLE_END] ? HOLE_END : GREATER;
  return valid[HOLE_END] || lexer->lookahead != '=';
}

void *tree_sitter_cascade_external_scanner_create(void) { return NULL; }

void tree_sitter_cascade_external_scanner_destroy(void *payload) { (void)payload; }

unsigned tree_sitter_cascade_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload;
  (void)buffer;
  return 0;
}

void tree_sitter_cascade_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload;
  (void)buffer;
  (void)length;
}

bool tree_sitter_cascade_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  (void)payload;
  bool recovers = valid[ERROR_SENTINEL];
  if (!recovers && (valid[LINE_TEXT] || valid[BLOCK_TEXT])) return scan_text(lexer, valid[BLOCK_TEXT]);
  while (is_blank(lexer->lookahead)) lexer->advance(lexer, true);
  if (lexer->lookahead == '\n' || lexer->lookahead == '/') {
    if (!recovers && valid[LINE_END]) {
      // Without width, where the last token ended.
      lexer->mark_end(lexer);
      lexer->result_symbol = LINE_END;
      bool line_break = false;
      bool operand = pass_space(lexer, &line_break);
      return line_break && operand && !continues_line(lexer);
    }
    while (is_blank(lexer->lookahead) || lexer->lookahead == '\n') lexer->advance(lexer, true);
  }
  if (lexer->lookahead == '{' && (valid[BLOCK_OPEN] || valid[RECORD_OPEN])) return scan_brace(lexer, valid);
  if (lexer->lookahead == '>' && (valid[HOLE_END] || valid[GREATER])) return scan_greater(lexer, valid);
  if (is_word_start(lexer->lookahead) && (valid[LABEL] || valid[HOLE_AS])) return scan_word(lexer, valid);
  return false;
}
