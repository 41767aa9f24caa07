import assert from "node:assert/strict";
import { test } from "node:test";
import { describeProblem, parseCascades, parseCoverage, parseOpenQuestions, parseRuns, parseTestEvent } from "../src/pure/outputs";

test("cascades come with their inputs", () => {
  const input = { name: "n", type: "int", optional: false, doc: "How many." };
  const printed = { name: "hello", file: "a.cascade", line: 9, doc: "", inputs: [input], result: "string" };
  const [cascade] = parseCascades(JSON.stringify({ cascades: [printed] }, null, 2));
  assert.equal(cascade?.line, 9);
  assert.deepEqual(cascade?.inputs, [input]);
});

test("a failed test has its problems at their places", () => {
  const result = parseTestEvent(
    '{"event":"test","file":"h.cascade","name":"wrong","at":{"line":27,"column":6},"status":"failed","runs":1,' +
      '"problems":[{"message":"this condition is false","at":{"line":30,"column":3},"notes":["`result` is 1"],"help":"mock it"}]}',
  );
  assert.equal(result?.passed, false);
  assert.deepEqual(result?.problems[0]?.at, { line: 30, column: 3 });
  assert.equal(describeProblem(result!.problems[0]!), "this condition is false\n`result` is 1\nhelp: mock it");
});

test("the summary is about no test", () => {
  assert.equal(parseTestEvent('{"event":"summary","tests":3,"passed":1,"failed":2}'), undefined);
});

test("the summary has the coverage of each file", () => {
  const places = [{ line: 7, column: 12, reached: false }, { line: 11, column: 3, reached: true }];
  const coverage = { reached: 1, places: 2, missed: [], files: [{ file: "h.cascade", places }] };
  assert.deepEqual(parseCoverage(JSON.stringify({ event: "summary", tests: 1, coverage })), [{ file: "h.cascade", places }]);
  assert.equal(parseCoverage('{"event":"summary","tests":1}'), undefined);
  assert.equal(parseCoverage('{"event":"test"}'), undefined);
  assert.throws(() => parseCoverage('{"event":"summary","coverage":{}}'), /no list `files`/);
});

test("runs are one object a line", () => {
  const run = { id: "2np9", cascade: "deploy", file: "h.cascade", status: "paused", started: 5, error: { message: "waits" } };
  const done = { ...run, id: "3aaa", status: "done", error: null };
  const runs = parseRuns(`${JSON.stringify(run)}\n${JSON.stringify(done)}\n`);
  assert.deepEqual(runs.map(({ id, message }) => [id, message]), [["2np9", "waits"], ["3aaa", undefined]]);
  assert.deepEqual(parseRuns(""), []);
});

test("only questions without an answer are open", () => {
  const question = { path: "deploy/sure", kind: "approve", question: "deploy?", options: [], asked: 1, answer: null };
  const output = JSON.stringify({ run: {}, questions: [question, { ...question, path: "deploy/old", answer: true }] });
  assert.deepEqual(parseOpenQuestions(output).map(({ path }) => path), ["deploy/sure"]);
});

test("what is missing is named", () => {
  assert.throws(() => parseCascades("{}"), /no list `cascades`/);
  assert.throws(() => parseRuns('{"id":1}'), /no text `id`/);
  assert.throws(() => parseTestEvent("error: no such option"), /no JSON/);
});
