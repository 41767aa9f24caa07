// What package.json declares must agree with what the code does and what cascadec prints.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import manifest from "../package.json";

test("the problem matcher reads `cascadec check --format short`", () => {
  const pattern = manifest.contributes.problemPatterns[0]!;
  const match = new RegExp(pattern.regexp).exec("/p/C: x/h.cascade:9:39: warning[W0101]: `n` is never used");
  assert.ok(match);
  const { file, line, column, severity, code, message } = pattern;
  assert.deepEqual(
    [file, line, column, severity, code, message].map((group) => match[group]),
    ["/p/C: x/h.cascade", "9", "39", "warning", "W0101", "`n` is never used"],
  );
  assert.equal(new RegExp(pattern.regexp).exec("1 error; no test was run"), null);
});

test("declared and registered commands are the same", () => {
  const sources = readdirSync("src").filter((name) => name.endsWith(".ts")).map((name) => readFileSync(`src/${name}`, "utf8"));
  const registered = sources.flatMap((text) => [...text.matchAll(/register\("([^"]+)"/g)].map((match) => match[1]));
  const declared = manifest.contributes.commands.map(({ command }) => command);
  assert.deepEqual(registered.sort(), declared.sort());
});

test("files that the manifest names are there", () => {
  const steps = manifest.contributes.walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.markdown));
  const { light, dark } = manifest.contributes.languages[0]!.icon;
  const others = [manifest.contributes.snippets[0]!.path, manifest.contributes.grammars[0]!.path, light, dark];
  others.push(...manifest.contributes.tomlValidation.map(({ url }) => url));
  for (const file of [...steps, ...others]) {
    assert.ok(readFileSync(file, "utf8").length > 0, file);
  }
});
