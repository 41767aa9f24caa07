// What the extension promises, done and looked at in a real workbench. The cases follow each other in one window, as a
// person's work does; each gets the workbench, and fails by throwing.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";

const cascadec = process.env.CASCADEC;

function readFile(bench, name) {
  return readFileSync(path.join(bench.project, name), "utf8");
}

/** Calls `cascadec` as a person would in another terminal; a run that waits for one ends with 3. */
function call(bench, ...args) {
  try {
    execFileSync(cascadec, args, { cwd: bench.project, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    if (error.status === undefined || error.status === 2) {
      throw error;
    }
  }
}

export const cases = [
  {
    name: "says that cascadec is missing, and starts when its path is set",
    async run(bench) {
      await bench.openFile("flow.cascade");
      const message = bench.page.locator(".notification-toast", { hasText: "cascadec" });
      await message.first().waitFor();
      assert.equal(await message.count(), 1, "one message, not several");
      assert.match(await message.innerText(), /The program cascadec is not on PATH/);
      await bench.shot("missing");
      await message.locator(".monaco-button", { hasText: "How to install it" }).click();
      await bench.see(".part.editor", "Begin with Cascade");
      await bench.see(".part.editor", "Install cascadec");
      await bench.shot("walkthrough");
      bench.setMachine({ "cascade.path": cascadec });
      await bench.openFile("flow.cascade");
      await bench.until("lenses", async () => (await bench.lenses()).some((text) => text.includes("Run")));
      await bench.shot("lenses");
    },
  },
  {
    name: "underlines a mistake, explains it, and fixes it",
    async run(bench) {
      await bench.openFile("wrong.cascade");
      await bench.see(".squiggly-error");
      await bench.goTo(1);
      await bench.press("F8");
      await bench.see(".zone-widget .marker-widget, .marker-widget", "there is no value `nme`");
      await bench.shot("squiggle");
      await bench.press("Escape");
      await bench.goTo(4, 32);
      await bench.see(".lightBulbWidget, .codicon-light-bulb, .codicon-gutter-lightbulb");
      await bench.press("Control+.");
      await bench.see(".action-widget", "name");
      await bench.shot("quick-fix");
      await bench.press("Enter");
      await bench.until("the fix", async () => (await bench.text()).includes("$<name>"));
      await bench.page.locator(".squiggly-error").first().waitFor({ state: "detached" });
      await bench.command("File: Revert File");
    },
  },
  {
    name: "completes inside of a hole in a text",
    async run(bench) {
      await bench.openFile("flow.cascade");
      await bench.goTo(28, 11);
      await bench.type("$<pai");
      await bench.see(".suggest-widget.visible .monaco-list-row.focused", "pair");
      await bench.shot("completion");
      await bench.press("Tab");
      await bench.type(".");
      await bench.see(".suggest-widget.visible", "short");
      await bench.shot("completion-fields");
      await bench.press("Escape");
      await bench.press("Escape");
      assert.match(await bench.text(), /return "\$<pair\.>\$<text>/);
      await bench.until("the error of half a field", () => bench.page.locator(".squiggly-error").count());
      await bench.clickLens("Run", "cascade welcome(");
      await bench.see(".notification-toast", "flow.cascade has errors");
      await bench.shot("has-errors");
      await bench.closeMessages();
      // Running has saved it.
      cpSync(path.join(import.meta.dirname, "project/flow.cascade"), path.join(bench.project, "flow.cascade"));
      await bench.page.locator(".squiggly-error").first().waitFor({ state: "detached" });
    },
  },
  {
    name: "shows the documentation under the pointer",
    async run(bench) {
      await bench.goTo(27, 17);
      await bench.command("Show or Focus Hover");
      await bench.see(".monaco-hover", "Writes a greeting.");
      await bench.shot("hover");
      await bench.press("Escape");
    },
  },
  {
    name: "renames in all files",
    async run(bench) {
      await bench.openFile("words.cascade");
      await bench.goTo(11, 8);
      await bench.press("F2");
      const box = bench.page.locator(".rename-box input");
      await box.waitFor();
      await box.fill("measure_word");
      await bench.shot("rename");
      await bench.press("Enter");
      await bench.until("the new name here", async () => (await bench.text()).includes("skill measure_word("));
      await bench.openFile("flow.cascade");
      await bench.until("the new name there", async () => /stage short.* = measure_word\("a"\)/.test(await bench.text()));
      await bench.command("File: Save All Files");
      await bench.until("saved files", () => /import "words.cascade" \{.*measure_word.*\}/.test(readFile(bench, "flow.cascade")));
      await bench.shot("renamed");
    },
  },
  {
    name: "formats on save",
    async run(bench) {
      await bench.goTo(27, 8);
      await bench.type("   ");
      await bench.until("what was typed", async () => /stage {4}text/.test(await bench.text()));
      await bench.press("Control+s");
      await bench.until("a formatted text", async () => /stage text/.test(await bench.text()));
      await bench.until("a formatted file", () => readFile(bench, "flow.cascade").includes("  stage text = greet(name)\n"));
    },
  },
  {
    name: "runs a cascade by its lens, and shows the last run",
    async run(bench) {
      await bench.goTo(11);
      await bench.clickLens("Run", "cascade measure(");
      await bench.until("the result in the terminal", async () => /"size": ?3/.test(await bench.terminal()));
      await bench.shot("run");
      await bench.openFile("flow.cascade");
      await bench.until("the last run", async () => (await bench.lenses()).some((text) => text.includes("Last run: done")));
      await bench.shot("last-run-lens");
      assert.equal(await bench.page.locator(".notification-toast").count(), 0, "no message");
      await bench.clickLens("Last run", "cascade measure(");
      await bench.until("the run as a document", async () => (await bench.text()).includes("of     flow.cascade measure"));
      await bench.shot("last-run");
    },
  },
  {
    name: "asks for inputs",
    async run(bench) {
      await bench.openFile("flow.cascade");
      await bench.goTo(14);
      await bench.clickLens("Run with inputs", "cascade measure(");
      await bench.see(".quick-input-widget", "words: list<string>");
      await bench.shot("inputs");
      await bench.type('["abcdefg"]');
      await bench.press("Enter");
      await bench.until("the result in the terminal", async () => /"size": ?7/.test(await bench.terminal()));
    },
  },
  {
    name: "runs tests in the Test Explorer",
    async run(bench) {
      await bench.command("Testing: Focus on Test Explorer View");
      await bench.see(".test-explorer", "flow.cascade");
      await bench.command("Test: Run All Tests");
      const item = (state) => bench.page.locator(`.test-explorer .monaco-list-row[aria-label*="${state}"]`);
      await bench.until("a test that failed", async () => (await item("Failed").count()) > 0);
      await bench.shot("tests");
      await bench.openFile("flow.cascade");
      await bench.goTo(46);
      await bench.see(".test-message-inline-content, .testing-inline-message-severity-0, .test-error-content-widget");
      await bench.shot("test-failure");
    },
  },
  {
    name: "draws the graph, and a click goes to the stage",
    async run(bench) {
      await bench.hidePanel();
      await bench.command("View: Show Explorer");
      await bench.openFile("flow.cascade");
      await bench.goTo(20);
      await bench.clickLens("Graph", "cascade welcome(");
      const frame = await bench.panel("svg .shape");
      await bench.shot("graph");
      await frame.locator("g[data-place]", { hasText: "sure" }).last().click();
      await bench.until("the cursor at the stage", () => bench.page.locator(".part.statusbar", { hasText: "Ln 25, Col 3" }).count());
      await bench.shot("graph-click");
    },
  },
  {
    name: "colours the graph by the last run, and approves it in the Runs view",
    async run(bench) {
      call(bench, "run", "flow.cascade", "welcome");
      await bench.command("Cascade: Refresh");
      const pane = bench.page.locator(".pane", { has: bench.page.locator(".pane-header", { hasText: "Cascade Runs" }) });
      if ((await pane.locator(".pane-header[aria-expanded=false]").count()) > 0) {
        await pane.locator(".pane-header").click();
      }
      const waiting = pane.locator(".monaco-list-row", { hasText: "paused" });
      await waiting.first().waitFor();
      const frame = await bench.panel("svg g.waiting");
      assert.match(await frame.locator("g.waiting title").first().textContent(), /greet you\?/);
      await bench.shot("waiting");
      await waiting.first().hover();
      await waiting.first().locator("a.action-label[aria-label^='Approve']").click();
      await bench.see(".quick-input-widget", "greet you?");
      await bench.shot("approve");
      await bench.press("Enter");
      await bench.until("the result in the terminal", async () => (await bench.terminal()).includes("hello, you: 4"));
      await bench.panel("svg:not(:has(g.waiting)):has(g.done) title:text('text: done')");
      await bench.shot("approved");
    },
  },
  {
    name: "resumes a run that failed",
    async run(bench) {
      rmSync(path.join(bench.project, "letter.txt"), { force: true });
      call(bench, "run", "flow.cascade", "letter");
      await bench.command("Cascade: Refresh");
      const pane = bench.page.locator(".pane", { has: bench.page.locator(".pane-header", { hasText: "Cascade Runs" }) });
      const failed = pane.locator(".monaco-list-row", { hasText: "failed" });
      await failed.first().waitFor();
      writeFileSync(path.join(bench.project, "letter.txt"), "dear all");
      await failed.first().hover();
      await failed.first().locator("a.action-label[aria-label^='Resume']").click();
      await bench.until("the result in the terminal", async () => (await bench.terminal()).includes("dear all"));
      await failed.first().waitFor({ state: "detached" });
      await bench.shot("resumed");
    },
  },
  {
    name: "shows the graph in a dark theme",
    async run(bench) {
      await bench.hidePanel();
      await bench.openFile("flow.cascade");
      await bench.goTo(20);
      await bench.command("Cascade: Show the graph of the cascade under the cursor");
      await bench.panel("svg .shape");
      await bench.page.emulateMedia({ colorScheme: "dark" });
      const dark = await bench.panel("body.vscode-dark svg");
      const fill = await dark.locator("text.title").evaluate((text) => getComputedStyle(text).fill);
      assert.equal(fill, "rgb(230, 237, 243)");
      await bench.shot("dark");
    },
  },
];
