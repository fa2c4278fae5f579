import type { ExecResult } from "../transport/transport.ts";
import type { ValueMap } from "../variables/value.ts";
import type { ActionResult } from "./module.ts";
import type { StepOutput } from "./step.ts";

/** What command, shell, script and raw give to `register`: Ansible's names. */
export const COMMAND_RETURNS: Readonly<Record<string, string>> = {
  rc: "The exit code.",
  stdout: "Standard output, without its final line end.",
  stderr: "Standard error, without its final line end.",
  stdout_lines: "Standard output, by line.",
  stderr_lines: "Standard error, by line.",
};

/** The result of a command whose exit code says whether it failed. */
export function commandResult(outputs: readonly StepOutput[]): ActionResult {
  const exec = outputs.findLast(({ exec }) => exec !== undefined)?.exec;
  if (exec === undefined) return { changed: true };
  const failed = exec.exitCode !== 0;
  const last = failed ? lastLine(exec) : "";
  return {
    changed: !failed,
    failed,
    message: failed ? `exit ${String(exec.exitCode)}${last === "" ? "" : `: ${last}`}` : "ran",
    data: commandData(exec),
  };
}

function commandData(exec: ExecResult): ValueMap {
  const stdout = exec.stdout.toString().replace(/\r?\n$/, "");
  const stderr = exec.stderr.toString().replace(/\r?\n$/, "");
  return {
    rc: exec.exitCode ?? null,
    stdout,
    stderr,
    stdout_lines: stdout === "" ? [] : stdout.split("\n"),
    stderr_lines: stderr === "" ? [] : stderr.split("\n"),
    truncated: exec.truncated,
  };
}

function lastLine(exec: ExecResult): string {
  const text = exec.stderr.toString().trim() || exec.stdout.toString().trim();
  return text.split("\n").at(-1) ?? "";
}
