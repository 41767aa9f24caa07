// Called by run.sh: all cases, or those of ONLY, in one workbench.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { cases } from "./cases.mjs";
import { Workbench } from "./workbench.mjs";

const folder = mkdtempSync(path.join(os.tmpdir(), "cascade-workbench-"));
const project = path.join(folder, "greetings");
cpSync(path.join(import.meta.dirname, "project"), project, { recursive: true });
const settings = {
  "[cascade]": { "editor.formatOnSave": true },
  "chat.disableAIFeatures": true,
  "editor.accessibilitySupport": "off",
  "files.autoSave": "off",
  "terminal.integrated.gpuAcceleration": "off",
  "testing.automaticallyOpenTestResults": "neverOpen",
  "window.autoDetectColorScheme": true,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
};
// Without `cascadec` on PATH: the first case is about that.
const paths = (process.env.PATH ?? "").split(":").filter((part) => part !== path.dirname(process.env.CASCADEC));
const bench = await Workbench.open({ folder, project, settings, env: { PATH: paths.join(":") }, shots: process.env.CASCADE_SHOTS });
const only = process.env.ONLY ?? "";
const chosen = cases.filter(({ name }, index) => index === 0 || name.includes(only));
let failed = 0;
try {
  for (const { name, run } of chosen) {
    try {
      await run(bench);
      console.log(`ok    ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).replaceAll("\n", "\n      ")}`);
      await bench.shot("failed");
      await bench.press("Escape", "Escape");
    }
  }
} finally {
  await bench.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${chosen.length - failed} of ${chosen.length} hold; what was seen is in ${process.env.CASCADE_SHOTS}`);
process.exit(failed === 0 ? 0 : 1);
