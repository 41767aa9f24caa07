// Asks for the inputs of a cascade, one after the other.
import * as vscode from "vscode";
import { Input } from "./pure/outputs";

async function askInput(input: Input, step: string): Promise<string | undefined | null> {
  const type = input.type.replace(/\?$/, "");
  const title = `${input.name}: ${input.type} ${step}`;
  const left = "leave out";
  if (type === "bool") {
    const choices = ["true", "false", ...(input.optional ? [left] : [])];
    const chosen = await vscode.window.showQuickPick(choices, { title, placeHolder: input.doc });
    return chosen === left ? null : chosen;
  }
  const value = await vscode.window.showInputBox({
    title,
    prompt: [input.doc, input.optional ? "Empty: its default." : ""].filter((part) => part !== "").join(" "),
    ignoreFocusOut: true,
  });
  return value === "" && input.optional ? null : value;
}

/** Asks for each of `inputs`; gives arguments for `cascadec run`, or undefined when the user gave up. */
export async function askInputs(inputs: readonly Input[]): Promise<string[] | undefined> {
  const args: string[] = [];
  for (const [index, input] of inputs.entries()) {
    const value = await askInput(input, `(${index + 1}/${inputs.length})`);
    if (value === undefined) {
      return undefined;
    }
    if (value !== null) {
      args.push("--input", `${input.name}=${value}`);
    }
  }
  return args;
}
