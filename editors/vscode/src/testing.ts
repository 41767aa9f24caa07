// The Test Explorer: the `test` blocks of the workspace, run by `cascadec test --format json`.
import * as path from "node:path";
import * as vscode from "vscode";
import { callProgram, requireTrust, showError } from "./program";
import { projectFolder, saveFile } from "./project";
import { findTests } from "./pure/discovery";
import { CoveredPlace, describeProblem, parseCoverage, parseTestEvent, Place, TestResult } from "./pure/outputs";

// Not `.cascade` itself, the folder in which runs are recorded.
const FILES = "**/?*.cascade";
const EXCLUDED = "**/{node_modules,target,.cascade}/**";

function position(place: Place): vscode.Position {
  return new vscode.Position(Math.max(0, place.line - 1), Math.max(0, place.column - 1));
}

function itemId(file: vscode.Uri, name: string): string {
  return `${file.toString()}#${name}`;
}

/** The coverage of a file by the tests of a run. */
class Coverage extends vscode.FileCoverage {
  constructor(
    file: vscode.Uri,
    readonly places: CoveredPlace[],
  ) {
    super(file, new vscode.TestCoverageCount(places.filter(({ reached }) => reached).length, places.length));
  }

  details(): vscode.StatementCoverage[] {
    return this.places.map((place) => new vscode.StatementCoverage(place.reached, position(place)));
  }
}

/** Adds up what the tests of several files reached: a file that they import is seen more than once. */
class CoverageSum {
  private readonly files = new Map<string, Map<string, CoveredPlace>>();

  add(file: string, places: CoveredPlace[]): void {
    const known = this.files.get(file) ?? new Map<string, CoveredPlace>();
    this.files.set(file, known);
    // Several branches may begin at one place; they come in the same order each time.
    const seen = new Map<string, number>();
    for (const place of places) {
      const at = `${place.line}:${place.column}`;
      const number = (seen.get(at) ?? 0) + 1;
      seen.set(at, number);
      const key = `${at}:${number}`;
      known.set(key, { ...place, reached: place.reached || known.get(key)?.reached === true });
    }
  }

  report(run: vscode.TestRun): void {
    for (const [file, places] of this.files) {
      run.addCoverage(new Coverage(vscode.Uri.file(file), [...places.values()]));
    }
  }
}

/** Files with tests, each with its tests. */
export class Tests implements vscode.Disposable {
  private readonly controller = vscode.tests.createTestController("cascade", "Cascade");
  private readonly watcher = vscode.workspace.createFileSystemWatcher(FILES);
  private readonly events: vscode.Disposable[];

  constructor() {
    this.controller.createRunProfile("Run", vscode.TestRunProfileKind.Run, (request, token) => this.run(request, token), true);
    const covering = this.controller.createRunProfile(
      "Run with coverage",
      vscode.TestRunProfileKind.Coverage,
      (request, token) => this.run(request, token, new CoverageSum()),
    );
    covering.loadDetailedCoverage = async (_run, file) => (file instanceof Coverage ? file.details() : []);
    this.controller.refreshHandler = () => this.findAll();
    this.controller.resolveHandler = (item) => (item ? undefined : this.findAll());
    this.events = [
      this.watcher.onDidChange((file) => this.readFile(file)),
      this.watcher.onDidCreate((file) => this.readFile(file)),
      this.watcher.onDidDelete((file) => this.controller.items.delete(file.toString())),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.readDocument(document)),
      vscode.workspace.onDidOpenTextDocument((document) => this.readDocument(document)),
    ];
    vscode.workspace.textDocuments.forEach((document) => this.readDocument(document));
  }

  private async findAll(): Promise<void> {
    const files = await vscode.workspace.findFiles(FILES, EXCLUDED);
    await Promise.all(files.map((file) => this.readFile(file)));
  }

  private async readFile(file: vscode.Uri): Promise<void> {
    try {
      this.update(file, new TextDecoder().decode(await vscode.workspace.fs.readFile(file)));
    } catch (error) {
      await showError(error);
    }
  }

  private readDocument(document: vscode.TextDocument): void {
    if (document.languageId === "cascade" && document.uri.scheme === "file") {
      this.update(document.uri, document.getText());
    }
  }

  private update(file: vscode.Uri, text: string): void {
    const found = findTests(text);
    if (found.length === 0) {
      this.controller.items.delete(file.toString());
      return;
    }
    let parent = this.controller.items.get(file.toString());
    if (!parent) {
      parent = this.controller.createTestItem(file.toString(), vscode.workspace.asRelativePath(file), file);
      this.controller.items.add(parent);
    }
    const children = found.map(({ name, line }) => {
      const id = itemId(file, name);
      const item = parent.children.get(id) ?? this.controller.createTestItem(id, name, file);
      item.range = new vscode.Range(line, 0, line, 0);
      return item;
    });
    parent.children.replace(children);
  }

  /** Runs one test, as its code lens asks. Rejects when the file has no such test. */
  async runOne(uri: string, name: string): Promise<void> {
    const file = vscode.Uri.parse(uri);
    await saveFile(file);
    await this.readFile(file);
    const item = this.controller.items.get(file.toString())?.children.get(itemId(file, name));
    if (!item) {
      throw new Error(`the file has no test "${name}"`);
    }
    const source = new vscode.CancellationTokenSource();
    await this.run(new vscode.TestRunRequest([item]), source.token);
    source.dispose();
  }

  /** The tests that a request means, by their file. */
  private selected(request: vscode.TestRunRequest): Map<vscode.TestItem, Set<vscode.TestItem>> {
    const groups = new Map<vscode.TestItem, Set<vscode.TestItem>>();
    const excluded = new Set(request.exclude ?? []);
    const add = (item: vscode.TestItem): void => {
      if (excluded.has(item)) {
        return;
      }
      if (item.parent) {
        const group = groups.get(item.parent) ?? new Set();
        groups.set(item.parent, group.add(item));
      } else {
        item.children.forEach(add);
      }
    };
    if (request.include) {
      request.include.forEach(add);
    } else {
      this.controller.items.forEach(add);
    }
    return groups;
  }

  private async run(
    request: vscode.TestRunRequest,
    token: vscode.CancellationToken,
    coverage?: CoverageSum,
  ): Promise<void> {
    if (!requireTrust()) {
      return;
    }
    const run = this.controller.createTestRun(request);
    try {
      if (!request.include) {
        await this.findAll();
      }
      for (const [parent, items] of this.selected(request)) {
        if (token.isCancellationRequested) {
          break;
        }
        await this.runFile(run, parent, items, token, coverage);
      }
      coverage?.report(run);
    } catch (error) {
      await showError(error);
    } finally {
      run.end();
    }
  }

  private async runFile(
    run: vscode.TestRun,
    parent: vscode.TestItem,
    items: Set<vscode.TestItem>,
    token: vscode.CancellationToken,
    coverage: CoverageSum | undefined,
  ): Promise<void> {
    const file = parent.uri;
    if (!file) {
      return;
    }
    await saveFile(file);
    items.forEach((item) => run.started(item));
    const [only] = items;
    // A filter is a part of a name, so it may take in other tests; their results are not asked for.
    const filter = items.size === 1 && only ? [`--filter=${only.label}`] : [];
    const open = new Map([...items].map((item) => [item.id, item]));
    const errors: unknown[] = [];
    const folder = projectFolder(file);
    const onLine = (line: string): void => {
      try {
        if (coverage) {
          parseCoverage(line)?.forEach(({ file, places }) => coverage.add(path.resolve(folder, file), places));
        }
        const result = parseTestEvent(line);
        const item = result && open.get(itemId(file, result.name));
        if (result && item) {
          open.delete(item.id);
          report(run, item, file, result);
        }
      } catch (error) {
        errors.push(error);
      }
    };
    const args = ["test", "--format", "json", ...(coverage ? ["--coverage"] : []), ...filter, file.fsPath];
    let said: string;
    try {
      const output = await callProgram(args, folder, token, onLine);
      said = output.stderr.trim() || `cascadec test gave no result (exit code ${output.code})`;
      if (output.stderr !== "") {
        run.appendOutput(output.stderr.replace(/\r?\n/g, "\r\n"));
      }
    } catch (error) {
      open.forEach((item) => run.errored(item, new vscode.TestMessage(String(error))));
      throw error;
    }
    open.forEach((item) => {
      if (token.isCancellationRequested) {
        run.skipped(item);
      } else {
        run.errored(item, new vscode.TestMessage(said));
      }
    });
    if (errors.length > 0) {
      throw errors[0];
    }
  }

  dispose(): void {
    this.events.forEach((event) => event.dispose());
    this.watcher.dispose();
    this.controller.dispose();
  }
}

function report(run: vscode.TestRun, item: vscode.TestItem, file: vscode.Uri, result: TestResult): void {
  if (result.passed) {
    run.passed(item);
    return;
  }
  const messages = result.problems.map((problem) => {
    const message = new vscode.TestMessage(describeProblem(problem));
    message.location = new vscode.Location(file, position(problem.at ?? result.at));
    return message;
  });
  const name = path.basename(file.fsPath);
  const none = new vscode.TestMessage(`the test failed; \`cascadec test ${name}\` may say more`);
  run.failed(item, messages.length > 0 ? messages : [none]);
}
