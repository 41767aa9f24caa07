import assert from "node:assert/strict";
import { test } from "node:test";
import { findTests } from "../src/pure/discovery";
import { errorPage, graphPage } from "../src/pure/graph";

test("tests are found at their lines, with their names unescaped", () => {
  const text = 'cascade a() {}\n\ntest "one" {\n}\r\ntest "with \\"quotes\\"" {\n}\n  test "not at the margin"\n';
  assert.deepEqual(findTests(text), [
    { name: "one", line: 2 },
    { name: 'with "quotes"', line: 4 },
  ]);
});

test("what stands in a text or a comment is no test", () => {
  const text = 'const a = """\ntest "in a text" {\n"""\n// """\ntest "real" {\n// test "comment" {\n';
  assert.deepEqual(findTests(text), [{ name: "real", line: 4 }]);
});

test("a graph has the colours of the editor's theme and no way out", () => {
  const page = graphPage("<svg><style>@media (prefers-color-scheme: dark) { text { fill: red } }</style></svg>");
  assert.ok(!page.includes("prefers-color-scheme"));
  assert.match(page, /body\.vscode-dark, .*\{ text \{ fill: red \} \}/);
  assert.match(page, /default-src 'none'/);
});

test("an error is text, not HTML", () => {
  assert.match(errorPage("<b>&"), /<pre>&lt;b&gt;&amp;<\/pre>/);
});
