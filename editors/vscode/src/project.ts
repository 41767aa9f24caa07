// Where commands are started: `cascadec` keeps the runs of a project in its folder.
import { existsSync } from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";

/** The nearest folder above `file` with a `cascade.toml`; else its workspace folder, else its own. */
export function projectFolder(file: vscode.Uri): string {
  const own = path.dirname(file.fsPath);
  for (let folder = own; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, "cascade.toml"))) {
      return folder;
    }
    if (folder === path.dirname(folder)) {
      break;
    }
  }
  return vscode.workspace.getWorkspaceFolder(file)?.uri.fsPath ?? own;
}

/** The projects of the workspace: the folders with a `cascade.toml`, and workspace folders without one. */
export async function findProjects(): Promise<string[]> {
  const manifests = await vscode.workspace.findFiles("**/cascade.toml", "**/{node_modules,target,.cascade}/**");
  const folders = new Set(manifests.map((manifest) => path.dirname(manifest.fsPath)));
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    const has = [...folders].some((found) => found === folder.uri.fsPath || found.startsWith(folder.uri.fsPath + path.sep));
    if (!has) {
      folders.add(folder.uri.fsPath);
    }
  }
  return [...folders].sort();
}

/** The Cascade file of the active editor, saved; undefined, with a message, when there is none. */
export async function activeFile(): Promise<vscode.TextDocument | undefined> {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId !== "cascade" || document.uri.scheme !== "file") {
    void vscode.window.showInformationMessage("Open a .cascade file first.");
    return undefined;
  }
  return document;
}

/** Saves `file` when it is open with changes: programs are run from the disk. Rejects when it cannot be saved. */
export async function saveFile(file: vscode.Uri): Promise<void> {
  const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === file.toString());
  if (document?.isDirty && !(await document.save())) {
    throw new Error(`${path.basename(file.fsPath)} could not be saved`);
  }
}
