import assert from "node:assert/strict";
import { test } from "node:test";
import { findTests } from "../src/pure/discovery";
import { shortTime } from "../src/pure/time";
import { errorPage, graphPage, parseClick } from "../src/pure/graph";

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

test("a graph has the colours of the editor's theme, and only the page's own script runs", () => {
  const svg = "<svg><style>@media (prefers-color-scheme: dark) { text { fill: red } }</style><script>bad()</script></svg>";
  const page = graphPage(svg, "n0");
  assert.ok(!page.includes("prefers-color-scheme"));
  assert.match(page, /body\.vscode-dark, .*\{ text \{ fill: red \} \}/);
  assert.match(page, /default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-n0'/);
  assert.equal(page.split('<script nonce="n0">').length, 2);
});

test("an error is text, not HTML", () => {
  assert.match(errorPage("<b>&", "n0"), /<pre>&lt;b&gt;&amp;<\/pre>/);
});

test("a click has the place of a part, and nothing else is one", () => {
  assert.deepEqual(parseClick({ place: "C:/a b:1/f.cascade:12:3" }), { file: "C:/a b:1/f.cascade", line: 12, column: 3 });
  for (const message of [undefined, null, "f:1:2", { place: 7 }, { place: "f.cascade" }, { place: ":1:2" }]) {
    assert.equal(parseClick(message), undefined);
  }
});

test("a run of today has a time, an older one a date", () => {
  const now = new Date(2026, 11, 1, 18, 30);
  assert.match(shortTime(new Date(2026, 11, 1, 9, 5), now), /^0?9:05/);
  assert.match(shortTime(new Date(2026, 10, 30, 9, 5), now), /2026/);
});
