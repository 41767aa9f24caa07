// An extension may only use files of its own folder, and all editors share one grammar.
const fs = require("node:fs");
const path = require("node:path");

const target = path.join(__dirname, "syntaxes");
fs.mkdirSync(target, { recursive: true });
fs.copyFileSync(
  path.join(__dirname, "..", "textmate", "cascade.tmLanguage.json"),
  path.join(target, "cascade.tmLanguage.json"),
);
