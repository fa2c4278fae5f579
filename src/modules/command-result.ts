import type { ExecResult } from "../transport/transport.ts";
import type { ValueMap } from "../variables/value.ts";
import type { ActionResult } from "./module.ts";
import type { StepOutput } from "./step.ts";

/** What command, shell, script and raw give to `register`: Ansible's names. */
export const COMMAND_RETURNS: Readonly<Record<string, string>> = {
  rc: "The exit code.",
  stdout: "Standard output, without line ends at its end.",
  stderr: "Standard error, without line ends at its end.",
  stdout_lines: "Standard output, by line.",
  stderr_lines: "Standard error, by line.",
  truncated: "Whether there was more output than is kept (16 MiB).",
};

/** What `register` gets of a command that did not have to run. */
export const NOTHING_RAN: Readonly<ValueMap> = {
  rc: 0,
  stdout: "",
  stderr: "",
  stdout_lines: [],
  stderr_lines: [],
  truncated: false,
};

/**
 * The result of a command whose exit code says whether it failed.
 *
 * @param stripEnds leaves out line ends at the end of the output.
 */
export function commandResult(outputs: readonly StepOutput[], stripEnds = true): ActionResult {
  const exec = outputs.findLast(({ exec }) => exec !== undefined)?.exec;
  if (exec === undefined) return { changed: true };
  const failed = exec.exitCode !== 0;
  const last = failed ? lastLine(exec) : "";
  const ran = exec.truncated ? "ran; there was more output than is kept" : "ran";
  return {
    changed: !failed,
    failed,
    message: failed ? `exit ${String(exec.exitCode)}${last === "" ? "" : `: ${last}`}` : ran,
    data: commandData(exec, stripEnds),
  };
}

/** The output of a command under those names. */
export function commandData(
  exec: Pick<ExecResult, "exitCode" | "stdout" | "stderr" | "truncated">,
  stripEnds: boolean,
): ValueMap {
  const [stdout, stderr] = [exec.stdout, exec.stderr].map((bytes) => {
    const text = bytes.toString();
    return stripEnds ? withoutLineEnds(text) : text;
  });
  return {
    rc: exec.exitCode ?? null,
    stdout: stdout ?? "",
    stderr: stderr ?? "",
    stdout_lines: linesOf(stdout ?? ""),
    stderr_lines: linesOf(stderr ?? ""),
    truncated: exec.truncated,
  };
}

/** Lines end with a line feed, a carriage return, or both; the last one need not. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function lastLine(exec: ExecResult): string {
  const text = exec.stderr.toString().trim() || exec.stdout.toString().trim();
  return text.split("\n").at(-1) ?? "";
}

/** Not by a pattern: millions of line ends that something follows would keep it busy for days. */
function withoutLineEnds(text: string): string {
  let end = text.length;
  while (text[end - 1] === "\n" || text[end - 1] === "\r") end -= 1;
  return text.slice(0, end);
}
