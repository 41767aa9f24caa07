// Tasks: `check`, `test` and `run` of a project, and the runs that code lenses start. A task shows its program in a
// terminal, where people can answer what a run asks.
import * as path from "node:path";
import * as vscode from "vscode";
import { programPath } from "./program";
import { findProjects } from "./project";

/** What `tasks.json` says of a task of the type `cascade`. */
interface Definition extends vscode.TaskDefinition {
  /** The arguments of `cascadec`. */
  args: string[];
  /** The folder in which it is started; the workspace folder when absent. */
  cwd?: string;
}

function folderOf(cwd: string): vscode.WorkspaceFolder | vscode.TaskScope {
  return vscode.workspace.getWorkspaceFolder(vscode.Uri.file(cwd)) ?? vscode.TaskScope.Workspace;
}

/** A task that calls `cascadec` with `args` in the folder `cwd`. */
export function makeTask(name: string, args: string[], cwd: string): vscode.Task {
  const definition: Definition = { type: "cascade", args, cwd };
  const execution = new vscode.ProcessExecution(programPath(), args, { cwd });
  return new vscode.Task(definition, folderOf(cwd), name, "cascade", execution, "$cascade");
}

/** Runs `cascadec` in a terminal. Rejects when the terminal cannot be opened. */
export async function runInTerminal(name: string, args: string[], cwd: string): Promise<void> {
  const task = makeTask(name, args, cwd);
  task.problemMatchers = [];
  task.presentationOptions = { focus: true, clear: false, panel: vscode.TaskPanelKind.Dedicated };
  await vscode.tasks.executeTask(task);
}

/** How often what a running program records is looked at, in milliseconds. */
const LOOK_EVERY = 1000;

/** Says when the record of runs may have changed: while a task of the extension runs, when it ends, and when the user
 * comes back to the window, since runs can be started elsewhere. */
export class RunWatch implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onChange = this.changed.event;
  private readonly ended = new vscode.EventEmitter<void>();
  /** Only when a task of the extension has ended. */
  readonly onEnd = this.ended.event;
  private readonly running = new Set<vscode.TaskExecution>();
  private timer: NodeJS.Timeout | undefined;
  private readonly events: vscode.Disposable[];

  constructor() {
    const isOurs = ({ execution }: { execution: vscode.TaskExecution }): boolean =>
      execution.task.definition.type === "cascade";
    this.events = [
      vscode.tasks.onDidStartTask((event) => {
        if (isOurs(event)) {
          this.running.add(event.execution);
          this.timer ??= setInterval(() => this.changed.fire(), LOOK_EVERY);
        }
      }),
      vscode.tasks.onDidEndTask((event) => {
        if (isOurs(event)) {
          this.running.delete(event.execution);
          if (this.running.size === 0) {
            clearInterval(this.timer);
            this.timer = undefined;
          }
          this.changed.fire();
          this.ended.fire();
        }
      }),
      vscode.window.onDidChangeWindowState(({ focused }) => {
        if (focused) {
          this.changed.fire();
        }
      }),
    ];
  }

  /** Looks again because the user asks for it. */
  refresh(): void {
    this.changed.fire();
  }

  dispose(): void {
    clearInterval(this.timer);
    this.events.forEach((event) => event.dispose());
    this.changed.dispose();
    this.ended.dispose();
  }
}

/** Offers the tasks of all projects. */
export class TaskProvider implements vscode.TaskProvider {
  async provideTasks(): Promise<vscode.Task[]> {
    const projects = await findProjects();
    return projects.flatMap((folder) => {
      const suffix = projects.length > 1 ? ` (${path.basename(folder)})` : "";
      // The whole path makes the places of diagnostics whole paths, whatever folder the workspace has.
      const check = makeTask(`check${suffix}`, ["check", "--format", "short", folder], folder);
      check.group = vscode.TaskGroup.Build;
      const test = makeTask(`test${suffix}`, ["test", folder], folder);
      test.group = vscode.TaskGroup.Test;
      const run = makeTask(`run${suffix}`, ["run"], folder);
      run.problemMatchers = [];
      test.problemMatchers = [];
      return [check, test, run];
    });
  }

  resolveTask(task: vscode.Task): vscode.Task | undefined {
    const { args, cwd } = task.definition as Definition;
    if (!Array.isArray(args) || !args.every((arg) => typeof arg === "string")) {
      return undefined;
    }
    const scope = typeof task.scope === "object" ? task.scope : vscode.workspace.workspaceFolders?.[0];
    const folder = cwd ?? scope?.uri.fsPath;
    const execution = new vscode.ProcessExecution(programPath(), args, folder === undefined ? {} : { cwd: folder });
    return new vscode.Task(task.definition, task.scope ?? vscode.TaskScope.Workspace, task.name, "cascade", execution);
  }
}
