import { onHosts } from "../fleet/on-hosts.ts";
import { redactMap } from "../variables/redact-value.ts";
import type { Value } from "../variables/value.ts";
import { safeText } from "../views/safe-text.ts";
import { type ExitCode, exitCodeOfAnswers } from "./exit-codes.ts";
import { hostRunOptions } from "./host-run-options.ts";
import type { HostOptions } from "./read-input.ts";

/** `plumb facts`: what Plumb knows of hosts, as one JSON object by host. */
export async function factsCommand(pattern: string, options: HostOptions): Promise<ExitCode> {
  const run = await hostRunOptions(options, { onlyAsks: true });
  const answers = await onHosts(pattern, run, async (session) => {
    await session.begin();
    return session.facts ?? {};
  });
  const shown = Object.fromEntries(
    answers.map(({ host, answer, error }): [string, Value] => [
      host,
      error === undefined ? (answer ?? {}) : { unreachable: error.message },
    ]),
  );
  const json = JSON.stringify(redactMap(shown, run.secrets), undefined, 2);
  // What it escapes is written as JSON has it, too: the same text, and nothing for a terminal to obey.
  process.stdout.write(`${safeText(json, { newlines: true })}\n`);
  return exitCodeOfAnswers(answers);
}
