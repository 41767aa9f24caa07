// The commands `cascade.run` and `cascade.runWithInputs`, which code lenses and the palette start.
import * as path from "node:path";
import * as vscode from "vscode";
import { askInputs } from "./inputs";
import { HasErrors, readProgram, requireTrust } from "./program";
import { activeFile, projectFolder, saveFile } from "./project";
import { Cascade, parseCascades } from "./pure/outputs";
import { runInTerminal } from "./tasks";

function hasErrors(file: vscode.Uri): boolean {
  return vscode.languages.getDiagnostics(file).some(({ severity }) => severity === vscode.DiagnosticSeverity.Error);
}

/** The cascades that a file declares. Rejects when it has errors or `cascadec` cannot be started. */
async function listCascades(file: vscode.Uri): Promise<Cascade[]> {
  if (hasErrors(file)) {
    throw new HasErrors(file);
  }
  return parseCascades(await readProgram(["list", "--json", file.fsPath], projectFolder(file)));
}

async function chooseCascade(cascades: Cascade[], name: string | undefined): Promise<Cascade | undefined> {
  if (name !== undefined) {
    const named = cascades.find((cascade) => cascade.name === name);
    if (!named) {
      throw new Error(`the saved file declares no cascade \`${name}\`, or has errors`);
    }
    return named;
  }
  if (cascades.length < 2) {
    if (cascades.length === 0) {
      throw new Error("the file declares no cascade, or has errors");
    }
    return cascades[0];
  }
  const items = cascades.map((cascade) => ({ label: cascade.name, detail: cascade.doc, cascade }));
  return (await vscode.window.showQuickPick(items, { title: "Which cascade?" }))?.cascade;
}

/**
 * Runs a cascade in a terminal: the one named `name` of the file `uri`, else one that the user chooses.
 * `askAll` asks for every input, otherwise only for those that must be given.
 */
export async function runCascade(askAll: boolean, uri?: string, name?: string): Promise<void> {
  if (!requireTrust()) {
    return;
  }
  const file = typeof uri === "string" ? vscode.Uri.parse(uri) : (await activeFile())?.uri;
  if (!file) {
    return;
  }
  await saveFile(file);
  const cascade = await chooseCascade(await listCascades(file), name);
  if (!cascade) {
    return;
  }
  const inputs = await askInputs(cascade.inputs.filter((input) => askAll || !input.optional));
  if (inputs) {
    const folder = projectFolder(file);
    const name = path.relative(folder, file.fsPath);
    await runInTerminal(`run ${cascade.name}`, ["run", ...inputs, name, cascade.name], folder);
  }
}
