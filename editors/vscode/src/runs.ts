// The Runs view: the recorded runs of the projects of the workspace.
import * as path from "node:path";
import * as vscode from "vscode";
import { messageOf, readProgram, requireTrust } from "./program";
import { findProjects } from "./project";
import { parseOpenQuestions, parseRuns, Question, Run } from "./pure/outputs";
import { shortTime } from "./pure/time";
import { runInTerminal, RunWatch } from "./tasks";

/** A run in the tree, with the folder in which `cascadec` knows it. */
export interface RunNode {
  run: Run;
  folder: string;
}

type Node = RunNode | { project: string } | { problem: string };

const ICONS: Record<string, string> = {
  running: "sync",
  done: "pass",
  failed: "error",
  cancelled: "circle-slash",
  paused: "question",
  dead: "debug-disconnect",
};

/** Documents `cascade-run:` hold what `cascadec runs show` prints. */
const SCHEME = "cascade-run";

/** The tree of runs, and the documents that show one. */
export class Runs implements vscode.TreeDataProvider<Node>, vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly documentChanged = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.documentChanged.event;
  private readonly parts: vscode.Disposable[];

  constructor(watch: RunWatch) {
    this.parts = [
      this.changed,
      this.documentChanged,
      vscode.window.registerTreeDataProvider("cascade.runs", this),
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      watch.onChange(() => this.changed.fire(undefined)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.changed.fire(undefined)),
    ];
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!vscode.workspace.isTrusted) {
      return [];
    }
    if (node) {
      return "project" in node ? this.listRuns(node.project) : [];
    }
    const projects = await findProjects();
    const [only] = projects;
    return projects.length === 1 && only !== undefined
      ? this.listRuns(only)
      : projects.map((project) => ({ project }));
  }

  private async listRuns(folder: string): Promise<Node[]> {
    try {
      const runs = parseRuns(await readProgram(["runs", "list", "-n", "50", "--json"], folder));
      return runs.map((run) => ({ run, folder }));
    } catch (error) {
      return [{ problem: messageOf(error) }];
    }
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if ("project" in node) {
      const item = new vscode.TreeItem(path.basename(node.project), vscode.TreeItemCollapsibleState.Expanded);
      item.tooltip = node.project;
      return item;
    }
    if ("problem" in node) {
      const item = new vscode.TreeItem(node.problem);
      item.iconPath = new vscode.ThemeIcon("warning");
      item.tooltip = node.problem;
      return item;
    }
    const { run } = node;
    const item = new vscode.TreeItem(run.cascade);
    item.description = `${run.status} · ${shortTime(new Date(run.started), new Date())} · ${run.id}`;
    item.tooltip = [run.file, run.id, new Date(run.started).toLocaleString(), run.message].filter((part) => part !== undefined).join("\n");
    item.iconPath = new vscode.ThemeIcon(ICONS[run.status] ?? "circle-outline");
    item.contextValue = `run.${run.status}`;
    item.command = { command: "cascade.runs.open", title: "Open", arguments: [node] };
    return item;
  }

  /** Opens a run of the list. */
  async open(node: RunNode): Promise<void> {
    await this.show(node.run.id, node.folder);
  }

  /** Opens a run of a file's cascade, which a lens names. */
  async openById(file: string, id: string): Promise<void> {
    await this.show(id, path.dirname(vscode.Uri.parse(file).fsPath));
  }

  /** Opens what `cascadec runs show` says of a run, in a folder from which `cascadec` finds its journal. */
  private async show(id: string, folder: string): Promise<void> {
    const query = new URLSearchParams({ folder }).toString();
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${id}`, query });
    this.documentChanged.fire(uri);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const folder = new URLSearchParams(uri.query).get("folder");
    if (folder === null) {
      throw new Error("the address of a run has no folder");
    }
    // An editor may open the document of an earlier session again.
    if (!vscode.workspace.isTrusted) {
      return "Nothing is read in a folder that is not trusted.";
    }
    return readProgram(["runs", "show", "--io", uri.path.slice(1)], folder);
  }

  /** Resumes a run in a terminal. */
  async resume(node: RunNode): Promise<void> {
    if (requireTrust()) {
      await runInTerminal(`resume ${node.run.id}`, ["resume", node.run.id], node.folder);
    }
  }

  /** Approves or rejects what a run asks, and resumes it. */
  async decide(node: RunNode, decision: "approve" | "reject"): Promise<void> {
    if (!requireTrust()) {
      return;
    }
    const { run, folder } = node;
    const open = parseOpenQuestions(await readProgram(["runs", "show", run.id, "--json"], folder));
    const questions = open.filter((question) => question.kind === "approve");
    if (questions.length === 0) {
      const other = open[0] === undefined ? "" : `; it asks “${open[0].question}”: resume it to answer in the terminal`;
      void vscode.window.showInformationMessage(`The run ${run.id} waits for no approval${other}.`);
      return;
    }
    const question = await chooseQuestion(questions, decision);
    if (question) {
      await runInTerminal(`${decision} ${run.id}`, [decision, run.id, question.path, "--resume"], folder);
    }
  }

  dispose(): void {
    this.parts.forEach((part) => part.dispose());
  }
}

/** Shows the question before it is decided, even when there is only one. */
async function chooseQuestion(questions: Question[], decision: string): Promise<Question | undefined> {
  const items = questions.map((question) => ({
    label: question.question,
    description: question.path,
    question,
  }));
  return (await vscode.window.showQuickPick(items, { title: `What do you ${decision}?` }))?.question;
}
