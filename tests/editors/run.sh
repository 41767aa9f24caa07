#!/bin/sh
# Compares the tree-sitter grammar of editors/tree-sitter with the compiler: tests/editors/run.sh
#
# The generated parser is current; the corpus passes; over all programs of examples/, stdlib/, tests/run,
# tests/gauntlet and tests/ui both parsers accept the same, split the text at the same places and give it the same
# classes; over some 48,000 mutants of these programs nothing is refused that the compiler accepts, and nearly all that
# it refuses. CASCADE_SHOW_MUTANTS=1 prints the rest. The TextMate grammar, in VS Code's engine, has wrong scopes for at
# most a few tokens; CASCADE_SHOW_TEXTMATE=1 prints them. The types and unit tests of editors/vscode are checked, and
# the part of editors/zed in Rust. Installs tree-sitter-cli if it is not there; needs a C compiler
# and node.
set -eu
cd "$(dirname "$0")/../.."
(cd editors/vscode && npm ci --silent && npm run check && npm test)
cargo check --quiet --locked --manifest-path editors/zed/Cargo.toml

version=0.27.1
if ! tree-sitter --version 2>/dev/null | grep -q " $version"; then
  cargo install tree-sitter-cli --version "$version" --locked --no-default-features
fi

committed=$(mktemp)
trap 'rm -f "$committed"' EXIT
cp editors/tree-sitter/src/parser.c "$committed"
(cd editors/tree-sitter && tree-sitter generate)
if ! cmp -s "$committed" editors/tree-sitter/src/parser.c; then
  echo "editors/tree-sitter/src/parser.c was not generated from grammar.js; it is now, commit it" >&2
  exit 1
fi
(cd editors/tree-sitter && tree-sitter test)

scopes=$(mktemp)
trap 'rm -f "$committed" "$scopes"' EXIT
(cd tests/editors && npm ci --silent)
find examples stdlib tests/run tests/gauntlet tests/ui -name '*.cascade' -print0 |
  xargs -0 node tests/editors/textmate.js editors/textmate/cascade.tmLanguage.json >"$scopes"
cargo run --quiet --locked --manifest-path tests/editors/Cargo.toml -- "$scopes"
