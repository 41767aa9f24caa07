// The `cascadec` program: where it is, and one call of it. Arguments are always a list, never a line for a shell.
import { spawn } from "node:child_process";
import * as path from "node:path";
import * as vscode from "vscode";

/** What a call of `cascadec` printed. */
export interface Output {
  /** The exit code; null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The program of the setting `cascade.path`. */
export function programPath(): string {
  return vscode.workspace.getConfiguration("cascade").get<string>("path")?.trim() || "cascadec";
}

/** Whether an error of starting a process means that there is no such program. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** Says that `cascadec` cannot be started, with buttons that lead out. */
export async function showMissingProgram(reason: unknown): Promise<void> {
  const settings = "Set its path";
  const how = "How to install it";
  const name = programPath();
  const problem = isMissing(reason)
    ? path.isAbsolute(name)
      ? `There is no program ${name}`
      : `The program ${name} is not on PATH`
    : `${name} cannot be started (${messageOf(reason)})`;
  const message = `${problem}. Without it there are no diagnostics, completion, runs or tests of Cascade.`;
  const choice = await vscode.window.showErrorMessage(message, how, settings);
  if (choice === settings) {
    await vscode.commands.executeCommand("workbench.action.openSettings", "cascade.path");
  } else if (choice === how) {
    await vscode.commands.executeCommand("workbench.action.openWalkthrough", "cascade-lang.cascade#start");
  }
}

/** The text of something that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** That a program has errors, which the Problems view lists. */
export class HasErrors extends Error {
  constructor(file: vscode.Uri) {
    super(`${path.basename(file.fsPath)} has errors: nothing is run until they are mended.`);
  }
}

/** Shows an error of a command to the user: every command of the extension ends here when it fails. */
export async function showError(error: unknown): Promise<void> {
  if (isMissing(error)) {
    await showMissingProgram(error);
  } else if (error instanceof HasErrors) {
    const problems = "Show problems";
    if ((await vscode.window.showErrorMessage(error.message, problems)) === problems) {
      await vscode.commands.executeCommand("workbench.actions.view.problems");
    }
  } else {
    await vscode.window.showErrorMessage(`Cascade: ${messageOf(error)}`);
  }
}

/**
 * Calls `cascadec` in the folder `cwd` and gives what it printed, whatever its exit code is.
 * `onLine` gets each line of its standard output as it comes. Rejects when it cannot be started.
 */
export function callProgram(
  args: readonly string[],
  cwd: string,
  token?: vscode.CancellationToken,
  onLine?: (line: string) => void,
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(programPath(), ["--color", "never", ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
    const cancelled = token?.onCancellationRequested(() => child.kill("SIGINT"));
    let stdout = "";
    let stderr = "";
    let unfinished = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
      if (onLine) {
        const parts = (unfinished + chunk).split("\n");
        unfinished = parts.pop() ?? "";
        parts.filter((line) => line !== "").forEach(onLine);
      }
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    child.on("error", (error) => {
      cancelled?.dispose();
      reject(error);
    });
    child.on("close", (code) => {
      cancelled?.dispose();
      if (unfinished !== "" && onLine) {
        onLine(unfinished);
      }
      resolve({ code, stdout, stderr });
    });
  });
}

/** Calls `cascadec` and gives its standard output. Rejects with what it said on standard error when it fails. */
export async function readProgram(args: readonly string[], cwd: string): Promise<string> {
  const output = await callProgram(args, cwd);
  if (output.code !== 0) {
    const said = output.stderr.trim() || `exit code ${output.code}`;
    throw new Error(`\`cascadec ${args[0]}\` failed: ${said}`);
  }
  return output.stdout;
}

/** Whether programs may be run here. Says so when they may not. */
export function requireTrust(): boolean {
  if (!vscode.workspace.isTrusted) {
    void vscode.window.showWarningMessage(
      "Cascade runs nothing in a folder that is not trusted. Trust it with “Workspaces: Manage Workspace Trust”.",
    );
  }
  return vscode.workspace.isTrusted;
}
