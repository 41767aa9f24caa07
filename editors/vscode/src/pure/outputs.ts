// The JSON that commands of `cascadec` print, as docs/cli.md describes it. Each function throws an error that names
// what is missing, so that an older or newer `cascadec` is noticed and not misread.

/** An input of a cascade. */
export interface Input {
  name: string;
  /** The type as it is written in the program. */
  type: string;
  /** Whether it may be left out. */
  optional: boolean;
  doc: string;
}

/** A cascade of `cascadec list --json`. */
export interface Cascade {
  name: string;
  /** Relative to the folder in which the command was started, unless an absolute path was given to it. */
  file: string;
  /** The line of its name; the first is 1. */
  line: number;
  doc: string;
  inputs: Input[];
}

/** A place in a file; the first line and the first column are 1. */
export interface Place {
  line: number;
  column: number;
}

/** What was wrong in a test. */
export interface Problem {
  message: string;
  at: Place | undefined;
  notes: string[];
  help: string | undefined;
}

/** The result of one test of `cascadec test --format json`. */
export interface TestResult {
  file: string;
  name: string;
  at: Place;
  passed: boolean;
  problems: Problem[];
}

/** A run of `cascadec runs list --json`. */
export interface Run {
  id: string;
  cascade: string;
  file: string;
  status: string;
  /** Milliseconds since 1970. */
  started: number;
  /** Why it failed or is paused. */
  message: string | undefined;
}

/** A question of a paused run. */
export interface Question {
  /** The path of the stage that asks. */
  path: string;
  /** `approve`, `ask`, `choose` or another kind that needs an answer. */
  kind: string;
  question: string;
  options: string[];
}

type Json = Record<string, unknown>;

function object(value: unknown, what: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`cascadec printed no object for ${what}`);
  }
  return value as Json;
}

function list(from: Json, key: string): unknown[] {
  const value = from[key];
  if (!Array.isArray(value)) {
    throw new Error(`cascadec printed no list \`${key}\``);
  }
  return value;
}

function text(from: Json, key: string): string {
  const value = from[key];
  if (typeof value !== "string") {
    throw new Error(`cascadec printed no text \`${key}\``);
  }
  return value;
}

function number(from: Json, key: string): number {
  const value = from[key];
  if (typeof value !== "number") {
    throw new Error(`cascadec printed no number \`${key}\``);
  }
  return value;
}

function texts(from: Json, key: string): string[] {
  return list(from, key).map((value) => {
    if (typeof value !== "string") {
      throw new Error(`cascadec printed something else than texts in \`${key}\``);
    }
    return value;
  });
}

function place(value: unknown): Place {
  const from = object(value, "a place");
  return { line: number(from, "line"), column: number(from, "column") };
}

function parse(line: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new Error(`cascadec printed no JSON: ${String(error)}`);
  }
  return object(value, "a line of its output");
}

function lines(output: string): Json[] {
  return output
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(parse);
}

/** Reads the output of `cascadec list --json`. */
export function parseCascades(output: string): Cascade[] {
  return list(parse(output), "cascades").map((value) => {
    const from = object(value, "a cascade");
    return {
      name: text(from, "name"),
      file: text(from, "file"),
      line: number(from, "line"),
      doc: text(from, "doc"),
      inputs: list(from, "inputs").map((item) => {
        const input = object(item, "an input");
        return {
          name: text(input, "name"),
          type: text(input, "type"),
          optional: input["optional"] === true,
          doc: text(input, "doc"),
        };
      }),
    };
  });
}

function parseProblem(value: unknown): Problem {
  const from = object(value, "a problem");
  const at = from["at"];
  const help = from["help"];
  return {
    message: text(from, "message"),
    at: at === null || at === undefined ? undefined : place(at),
    notes: texts(from, "notes"),
    help: typeof help === "string" ? help : undefined,
  };
}

/** Reads one line of `cascadec test --format json`; undefined for events that are not about one test. */
export function parseTestEvent(line: string): TestResult | undefined {
  const from = parse(line);
  if (from["event"] !== "test") {
    return undefined;
  }
  return {
    file: text(from, "file"),
    name: text(from, "name"),
    at: place(from["at"]),
    passed: text(from, "status") === "passed",
    problems: list(from, "problems").map(parseProblem),
  };
}

/** A stage or a branch, and whether a test reached it. */
export interface CoveredPlace extends Place {
  reached: boolean;
}

/** What tests reached in a file. */
export interface FileCoverage {
  file: string;
  places: CoveredPlace[];
}

/** Reads the coverage from the last line of `cascadec test --coverage --format json`; undefined for other lines. */
export function parseCoverage(line: string): FileCoverage[] | undefined {
  const from = parse(line);
  if (from["event"] !== "summary" || from["coverage"] === undefined) {
    return undefined;
  }
  return list(object(from["coverage"], "the coverage"), "files").map((value) => {
    const file = object(value, "the coverage of a file");
    const places = list(file, "places").map((point) => {
      return { ...place(point), reached: object(point, "a place")["reached"] === true };
    });
    return { file: text(file, "file"), places };
  });
}

/** The message of a failed test: what was wrong, the values, and what helps. */
export function describeProblem(problem: Problem): string {
  const help = problem.help === undefined ? [] : [`help: ${problem.help}`];
  return [problem.message, ...problem.notes, ...help].join("\n");
}

/** Reads the output of `cascadec runs list --json`, one object a line. */
export function parseRuns(output: string): Run[] {
  return lines(output).map((from) => {
    const error = from["error"];
    return {
      id: text(from, "id"),
      cascade: text(from, "cascade"),
      file: text(from, "file"),
      status: text(from, "status"),
      started: number(from, "started"),
      message: error === null || error === undefined ? undefined : text(object(error, "an error"), "message"),
    };
  });
}

/** The questions of `cascadec runs show RUN --json` that nobody has answered. */
export function parseOpenQuestions(output: string): Question[] {
  return list(parse(output), "questions")
    .map((value) => object(value, "a question"))
    .filter((from) => from["answer"] === null || from["answer"] === undefined)
    .map((from) => ({
      path: text(from, "path"),
      kind: text(from, "kind"),
      question: text(from, "question"),
      options: texts(from, "options"),
    }));
}
