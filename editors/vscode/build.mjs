// Bundles the extension into dist/, or with --tests the unit tests, and copies the grammar that all editors share and the
// schema of cascade.toml: an extension may only use files of its own folder.
import { build } from "esbuild";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";

const options = new Set(process.argv.slice(2));
mkdirSync("syntaxes", { recursive: true });
copyFileSync("../textmate/cascade.tmLanguage.json", "syntaxes/cascade.tmLanguage.json");
mkdirSync("schemas", { recursive: true });
copyFileSync("../../docs/cascade.schema.json", "schemas/cascade.schema.json");

const tests = readdirSync("test").filter((name) => name.endsWith(".test.ts"));
await build({
  entryPoints: options.has("--tests") ? tests.map((name) => `test/${name}`) : ["src/extension.ts"],
  outdir: options.has("--tests") ? "dist/test" : "dist",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  external: ["vscode"],
  minify: options.has("--minify"),
  logLevel: "warning",
});
