// Puts the parts of the extension together: each command is one function of one part.
import * as vscode from "vscode";
import { GraphPanel } from "./graph";
import { readProgram, showError } from "./program";
import { runCascade } from "./running";
import { RunNode, Runs } from "./runs";
import { Server } from "./server";
import { RunWatch, TaskProvider } from "./tasks";
import { Tests } from "./testing";

let server: Server | undefined;

async function showVersion(): Promise<void> {
  const cwd = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? process.cwd();
  await vscode.window.showInformationMessage((await readProgram(["--version"], cwd)).trim());
}

/** Called by the editor when the first file of the language is opened. */
export function activate(context: vscode.ExtensionContext): void {
  const watch = new RunWatch();
  const started = new Server(watch);
  server = started;
  const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(context.extensionUri, `icons/cascade-${theme}.svg`);
  const graph = new GraphPanel(watch, { light: icon("light"), dark: icon("dark") });
  const tests = new Tests();
  const runs = new Runs(watch);
  context.subscriptions.push(watch, started, graph, tests, runs, vscode.tasks.registerTaskProvider("cascade", new TaskProvider()));

  // A command that fails says so; without this its error would only be in the log of the editor.
  const register = <Args extends unknown[]>(name: string, action: (...args: Args) => unknown): void => {
    const command = async (...args: Args): Promise<void> => {
      try {
        await action(...args);
      } catch (error) {
        await showError(error);
      }
    };
    context.subscriptions.push(vscode.commands.registerCommand(name, command));
  };
  register("cascade.restart", () => started.restart());
  register("cascade.showLog", () => started.showLog());
  register("cascade.showVersion", showVersion);
  register("cascade.run", (uri?: string, name?: string) => runCascade(false, uri, name));
  register("cascade.runWithInputs", (uri?: string, name?: string) => runCascade(true, uri, name));
  register("cascade.test", (uri: string, name: string) => tests.runOne(uri, name));
  register("cascade.graph", (uri?: string, name?: string) => graph.show(uri, name));
  register("cascade.lastRun", (uri: string, _name: string, id: string) => runs.openById(uri, id));
  register("cascade.runs.refresh", () => watch.refresh());
  register("cascade.runs.open", (node: RunNode) => runs.open(node));
  register("cascade.runs.resume", (node: RunNode) => runs.resume(node));
  register("cascade.runs.approve", (node: RunNode) => runs.decide(node, "approve"));
  register("cascade.runs.reject", (node: RunNode) => runs.decide(node, "reject"));

  context.subscriptions.push(
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("cascade.path")) {
        void started.restart();
        watch.refresh();
      }
    }),
  );
  // Not awaited: a message that waits for an answer must not hold up the extension.
  void started.start();
}

/** Called by the editor when it closes. */
export async function deactivate(): Promise<void> {
  await server?.stop();
}
