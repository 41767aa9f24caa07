// Starts `cascadec lsp` and hands it to the editor. What the language means is the server's.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;
/** @type {vscode.LogOutputChannel} */
let log;

async function start() {
  const command = vscode.workspace.getConfiguration("cascade").get("path") || "cascadec";
  client = new LanguageClient(
    "cascade",
    "Cascade",
    { command, args: ["lsp"] },
    {
      documentSelector: [{ language: "cascade" }],
      outputChannel: log,
    },
  );
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    log.error(String(error));
    const settings = "Open settings";
    const choice = await vscode.window.showErrorMessage(
      `The Cascade language server could not be started: is "${command}" installed? ` +
        "Build it with `cargo install --path compiler/cli`, or set cascade.path.",
      settings,
    );
    if (choice === settings) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "cascade.path");
    }
  }
}

async function stop() {
  const running = client;
  client = undefined;
  // One that is still starting refuses to stop; its process ends with the editor.
  await running?.stop().catch((error) => log.warn(String(error)));
}

async function restart() {
  await stop();
  await start();
}

async function activate(context) {
  log = vscode.window.createOutputChannel("Cascade", { log: true });
  context.subscriptions.push(
    log,
    vscode.commands.registerCommand("cascade.restart", restart),
    vscode.commands.registerCommand("cascade.showLog", () => log.show()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("cascade.path")) {
        void restart();
      }
    }),
  );
  // Not awaited: a message that waits for an answer must not hold up the extension.
  void start();
}

module.exports = { activate, deactivate: stop };
