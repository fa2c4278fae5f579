import { HostStateError } from "../converge/host-state-error.ts";
import { describeEnd } from "../converge/script-end.ts";
import { onHosts } from "../fleet/on-hosts.ts";
import { rawShell } from "../shell/shell-text.ts";
import { paintFor } from "../views/colour.ts";
import { formatDuration } from "../views/duration.ts";
import { safeText } from "../views/safe-text.ts";
import { tableLines } from "../views/table.ts";
import { type ExitCode, exitCodeOfAnswers } from "./exit-codes.ts";
import { hostRunOptions } from "./host-run-options.ts";
import type { HostOptions } from "./read-input.ts";

/** `plumb ping`: whether hosts can be reached and, with --become, whether that works. */
export async function pingCommand(pattern: string, options: HostOptions): Promise<ExitCode> {
  const run = await hostRunOptions(options, { onlyAsks: true });
  const answers = await onHosts(pattern, run, async (session) => {
    const result = await session.run(rawShell("id -un"), session.shellUser("task", run.defaultUser));
    if (result.exitCode === undefined)
      throw new HostStateError(describeEnd(result), "does its shell answer?");
    return result.stdout.toString().trim();
  });
  const paint = paintFor(process.stdout.isTTY);
  const rows = answers.map(({ host, answer, error, durationMs }) => [
    paint("bold", safeText(host)),
    error === undefined ? paint("green", "reached") : paint("red", error.code),
    formatDuration(durationMs),
    safeText(error === undefined ? `as ${answer ?? ""}` : run.secrets.redact(error.message)),
  ]);
  process.stdout.write(`${tableLines(rows).join("\n")}\n`);
  for (const { host, error } of answers)
    if (error?.hint !== undefined)
      process.stdout.write(`${safeText(`${host}: ${run.secrets.redact(error.hint)}`)}\n`);
  return exitCodeOfAnswers(answers);
}
