// Starts `cascadec lsp` and hands it to the editor. What the language means is the server's.
import * as os from "node:os";
import * as vscode from "vscode";
import { CodeLensRequest, LanguageClient, State } from "vscode-languageclient/node";
import { callProgram, isMissing, messageOf, programPath, showError, showMissingProgram } from "./program";
import type { RunWatch } from "./tasks";

/** The language server with its log and its item in the status bar. */
export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private readonly log = vscode.window.createOutputChannel("Cascade", { log: true });
  private readonly status = vscode.languages.createLanguageStatusItem("cascade.server", { language: "cascade" });

  private readonly watching: vscode.Disposable;

  constructor(watch: RunWatch) {
    // The server knows the last run of a cascade, but not when there is a newer one. Not oftener: a click on a lens
    // that is just replaced fails.
    this.watching = watch.onEnd(() => this.refreshLenses());
    this.status.name = "Cascade";
    this.status.command = { command: "cascade.showLog", title: "Show log" };
    this.showState("stopped");
  }

  private showState(state: "starting" | "running" | "stopped", detail?: string): void {
    this.status.text = `Cascade: ${state}`;
    this.status.busy = state === "starting";
    this.status.detail = detail ?? programPath();
    this.status.severity =
      state === "stopped" ? vscode.LanguageStatusSeverity.Error : vscode.LanguageStatusSeverity.Information;
  }

  private refreshLenses(): void {
    const lenses = this.client?.getFeature(CodeLensRequest.method);
    vscode.workspace.textDocuments
      .filter(({ languageId }) => languageId === "cascade")
      .forEach((document) => lenses?.getProvider(document)?.onDidChangeCodeLensEmitter.fire());
  }

  /** Starts the server, and says how to get it when it cannot be started. */
  async start(): Promise<void> {
    // The client would report a program that is not there as well, and less clearly.
    try {
      await callProgram(["--version"], os.tmpdir());
    } catch (error) {
      this.log.error(messageOf(error));
      this.showState("stopped", isMissing(error) ? `there is no program ${programPath()}` : messageOf(error));
      await showMissingProgram(error);
      return;
    }
    const client = new LanguageClient(
      "cascade",
      "Cascade",
      { command: programPath(), args: ["lsp"] },
      {
        documentSelector: [{ language: "cascade" }],
        outputChannel: this.log,
        middleware: { provideCodeLenses: async (document, token, next) => addInputLenses(await next(document, token)) },
      },
    );
    this.client = client;
    client.onDidChangeState(({ newState }) => {
      if (this.client === client) {
        this.showState(newState === State.Running ? "running" : newState === State.Starting ? "starting" : "stopped");
      }
    });
    try {
      await client.start();
      const info = client.initializeResult?.serverInfo;
      this.showState("running", info?.version === undefined ? undefined : `${programPath()} ${info.version}`);
    } catch (error) {
      this.client = undefined;
      this.log.error(messageOf(error));
      this.showState("stopped", messageOf(error));
      await showError(error);
    }
  }

  /** Stops the server, if it runs. */
  async stop(): Promise<void> {
    const running = this.client;
    this.client = undefined;
    // One that is still starting refuses to stop; its process ends with the editor.
    await running?.stop().catch((error) => this.log.warn(messageOf(error)));
    this.showState("stopped");
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  showLog(): void {
    this.log.show();
  }

  dispose(): void {
    this.watching.dispose();
    this.status.dispose();
    this.log.dispose();
  }
}

/** Adds beside each `Run` a lens that asks for all inputs: asking is the client's, so the server does not know of it. */
function addInputLenses(lenses: vscode.CodeLens[] | null | undefined): vscode.CodeLens[] {
  return (lenses ?? []).flatMap((lens) => {
    if (lens.command?.command !== "cascade.run") {
      return [lens];
    }
    const command = { ...lens.command, command: "cascade.runWithInputs", title: "Run with inputs…" };
    return [lens, new vscode.CodeLens(lens.range, command)];
  });
}
