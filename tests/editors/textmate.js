// Prints the scopes that the TextMate grammar gives to programs: textmate.js GRAMMAR FILE…
// A line `file PATH` for each program, then `START END SCOPE` in bytes, with the innermost scope of each token.
const fs = require("fs");
const { Registry, INITIAL, parseRawGrammar } = require("vscode-textmate");
const { loadWASM, OnigScanner, OnigString } = require("vscode-oniguruma");

async function main(grammarPath, paths) {
  await loadWASM(fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")).buffer);
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new OnigScanner(patterns),
      createOnigString: (text) => new OnigString(text),
    }),
    loadGrammar: async () => parseRawGrammar(fs.readFileSync(grammarPath, "utf8"), grammarPath),
  });
  const grammar = await registry.loadGrammar("source.cascade");
  const out = [];
  for (const path of paths) {
    out.push(`file ${path}`);
    let state = INITIAL;
    let offset = 0;
    for (const line of fs.readFileSync(path, "utf8").split("\n")) {
      const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
      state = ruleStack;
      for (const token of tokens) {
        const start = offset + Buffer.byteLength(line.slice(0, token.startIndex));
        const end = offset + Buffer.byteLength(line.slice(0, token.endIndex));
        if (end > start) out.push(`${start} ${end} ${token.scopes.at(-1)}`);
      }
      offset += Buffer.byteLength(line) + 1;
    }
  }
  process.stdout.write(out.join("\n") + "\n");
}

main(process.argv[2], process.argv.slice(3)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
