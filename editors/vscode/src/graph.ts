// The graph of the cascade under the cursor beside its text, with what became of its stages in the last run. It follows
// the cursor, is drawn again on every save and while something runs, and a click on a stage goes to its text.
import { randomBytes } from "node:crypto";
import * as path from "node:path";
import * as vscode from "vscode";
import { messageOf, readProgram, requireTrust, showError } from "./program";
import { activeFile, projectFolder, saveFile } from "./project";
import { errorPage, graphPage, parseClick } from "./pure/graph";
import type { RunWatch } from "./tasks";

/** The name of the cascade at a position, as the outline of the language server has it. */
async function cascadeAt(document: vscode.TextDocument, position: vscode.Position): Promise<string | undefined> {
  const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>(
    "vscode.executeDocumentSymbolProvider",
    document.uri,
  );
  // The server gives cascades, and nothing else, the kind `Module`.
  const cascades = (symbols ?? []).filter((symbol) => symbol.kind === vscode.SymbolKind.Module);
  return (cascades.find((symbol) => symbol.range.contains(position)) ?? (cascades.length === 1 ? cascades[0] : undefined))
    ?.name;
}

/** The panel with the graph; there is at most one. */
export class GraphPanel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private shown: { file: vscode.Uri; cascade: string } | undefined;
  /** Counts drawings, so that a slow one does not replace a later one. */
  private drawings = 0;
  private readonly events: vscode.Disposable[];

  constructor(
    watch: RunWatch,
    private readonly icon: { light: vscode.Uri; dark: vscode.Uri },
  ) {
    this.events = [
      watch.onChange(() => void this.draw()),
      vscode.workspace.onDidSaveTextDocument((document) => {
        // A graph may show what an imported file declares: any Cascade file counts.
        if (document.languageId === "cascade") {
          void this.draw();
        }
      }),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => void this.follow(textEditor)),
    ];
  }

  /** Shows the graph of a cascade: the one named, else the one under the cursor. */
  async show(uri?: string, name?: string): Promise<void> {
    if (!requireTrust()) {
      return;
    }
    let file: vscode.Uri;
    let cascade: string | undefined;
    if (typeof uri === "string" && typeof name === "string") {
      file = vscode.Uri.parse(uri);
      cascade = name;
    } else {
      const document = await activeFile();
      const editor = vscode.window.activeTextEditor;
      if (!document || !editor) {
        return;
      }
      file = document.uri;
      cascade = await cascadeAt(document, editor.selection.active);
    }
    if (cascade === undefined) {
      void vscode.window.showInformationMessage("Put the cursor into a cascade first.");
      return;
    }
    await saveFile(file);
    this.shown = { file, cascade };
    if (!this.panel) {
      const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
      this.panel = vscode.window.createWebviewPanel("cascade.graph", "Graph", place, { enableScripts: true, localResourceRoots: [] });
      this.panel.iconPath = this.icon;
      this.panel.webview.onDidReceiveMessage((message) => void this.goTo(message).catch(showError));
      this.panel.onDidDispose(() => {
        this.panel = undefined;
        this.shown = undefined;
      });
    } else {
      this.panel.reveal(undefined, true);
    }
    await this.draw();
  }

  private async follow(editor: vscode.TextEditor): Promise<void> {
    const { document, selection } = editor;
    if (!this.panel || document.languageId !== "cascade" || document.uri.scheme !== "file") {
      return;
    }
    const cascade = await cascadeAt(document, selection.active);
    const same = this.shown?.cascade === cascade && this.shown?.file.toString() === document.uri.toString();
    if (cascade !== undefined && !same && this.panel) {
      this.shown = { file: document.uri, cascade };
      await this.draw();
    }
  }

  /** Goes to the text of the part that was clicked. */
  private async goTo(message: unknown): Promise<void> {
    const place = parseClick(message);
    if (!place || !this.shown) {
      return;
    }
    const { file } = this.shown;
    const document = await vscode.workspace.openTextDocument(path.resolve(projectFolder(file), place.file));
    const open = vscode.window.visibleTextEditors.find((editor) => editor.document === document);
    const position = document.validatePosition(new vscode.Position(place.line - 1, place.column - 1));
    // What is shown already stays where it is; else beside the graph, and not over it.
    const viewColumn = open?.viewColumn ?? vscode.ViewColumn.One;
    await vscode.window.showTextDocument(document, { viewColumn, selection: new vscode.Range(position, position) });
  }

  private async draw(): Promise<void> {
    if (!this.panel || !this.shown) {
      return;
    }
    const { file, cascade } = this.shown;
    const drawing = ++this.drawings;
    const nonce = randomBytes(16).toString("hex");
    let html: string;
    try {
      const args = ["graph", file.fsPath, cascade, "--format", "svg", "--run", "last"];
      html = graphPage(await readProgram(args, projectFolder(file)), nonce);
    } catch (error) {
      html = errorPage(messageOf(error), nonce);
    }
    if (drawing === this.drawings && this.panel) {
      this.panel.title = `Graph of ${cascade}`;
      this.panel.webview.html = html;
    }
  }

  dispose(): void {
    this.events.forEach((event) => event.dispose());
    this.panel?.dispose();
  }
}
