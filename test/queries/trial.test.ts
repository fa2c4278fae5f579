import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import type { Answered } from "../../src/queries/query.ts";
import { type Trial, type TrialAnswer, trial } from "../../src/queries/trial.ts";
import { rawShell } from "../../src/shell/shell-text.ts";

/** Asks a real shell, in a folder of our own for temporary files. */
function asked(trials: readonly Trial[]): { answers: readonly Answered<TrialAnswer>[]; left: string[] } {
  const TMPDIR = mkdtempSync(path.join(tmpdir(), "plumb-test-"));
  const { script, stdin } = trial.kind.script(trials);
  const { stdout, stderr, status } = spawnSync("/bin/sh", ["-c", script.shell], {
    input: stdin,
    env: { ...process.env, TMPDIR },
  });
  const output = { stdout, stderr: stderr.toString(), exitCode: status ?? -1 };
  return { answers: trial.kind.parse(output, trials), left: readdirSync(TMPDIR) };
}

const passed = { known: true, answer: { passed: true } };
const refused = (exitCode: number, said: unknown) => ({
  known: true,
  answer: { passed: false, exitCode, said },
});

test("each trial has its own input, folder, environment and end, and nothing is left of them", () => {
  const input = Buffer.from([0, 10, 255, 13, 10]);
  const { answers, left } = asked([
    { script: rawShell("echo out; echo err >&2; exit 3") },
    { script: rawShell("echo only out; exit 4") },
    { script: rawShell("if ((") },
    {
      script: rawShell('cat > content; [ "$(wc -c < content)" = 5 ] && [ "$WORD" = "a b" ]'),
      stdin: input,
      environment: { WORD: "a b" },
    },
    {
      script: rawShell(
        '[ -z "$WORD" ] && [ ! -e content ] && [ -z "$(cat)" ] && cd / && trap "echo bye" EXIT',
      ),
    },
    { script: rawShell("set -eu; false; exit 0") },
    { script: rawShell("cat; exit 1"), stdin: Buffer.from("left unread is no input of the next") },
    { script: rawShell("cat; exit 1"), stdin: Buffer.from("mine") },
  ]);
  expect(answers).toEqual([
    refused(3, "err\n"),
    refused(4, "only out\n"),
    refused(2, expect.stringContaining("yntax error")),
    passed,
    passed,
    refused(1, ""),
    refused(1, "left unread is no input of the next"),
    refused(1, "mine"),
  ]);
  expect(left).toEqual([]);
});

test("a trial that was cut off is not known, and no refusal", () => {
  const trials = [{ script: rawShell("exit 0") }, { script: rawShell("kill -9 $PPID") }];
  const output = { stdout: Buffer.from("0 \n"), stderr: "no space left", exitCode: 1 };
  expect(trial.kind.parse(output, trials)).toEqual([passed, { known: false, reason: "no space left" }]);
});

test("the same script with another input, or another environment, is another question", () => {
  const script = rawShell("cat");
  const questions: Trial[] = [
    { script },
    { script, stdin: Buffer.from("a") },
    { script, stdin: Buffer.from("b") },
    { script, environment: { A: "1" } },
  ];
  expect(new Set(questions.map((one) => trial.kind.identify(one))).size).toBe(4);
  expect(trial.kind.identify({ script, stdin: Buffer.from("a"), mayBeMade: true })).toBe(
    trial.kind.identify({ script, stdin: Buffer.from("a") }),
  );
});
