import { describeEnd } from "../converge/script-end.ts";
import { onHosts } from "../fleet/on-hosts.ts";
import { rawShell, sh } from "../shell/shell-text.ts";
import { paintFor } from "../views/colour.ts";
import { safeText } from "../views/safe-text.ts";
import { EXIT, type ExitCode, exitCodeOfAnswers } from "./exit-codes.ts";
import { hostRunOptions } from "./host-run-options.ts";
import { type HostOptions, wholeNumber } from "./read-input.ts";

/** `plumb exec`: runs a command on hosts; several words are one command each quoted, a single one is a line for the shell. */
export async function execCommand(
  pattern: string,
  command: readonly string[],
  options: HostOptions & { timeLimit: string },
): Promise<ExitCode> {
  const timeoutMs = wholeNumber("--time-limit", options.timeLimit) * 1000;
  const run = await hostRunOptions(options);
  const [only = ""] = command;
  const script = command.length === 1 ? rawShell(only) : sh`${command}`;
  run.stopping.addEventListener("abort", () => {
    process.stderr.write("Stopping: commands under way come to their end. Ctrl-C again ends them.\n");
  });
  const answers = await onHosts(pattern, run, (session) =>
    session.act(script, session.shellUser("task", run.defaultUser), { isUsersOwn: true, timeoutMs }),
  );
  const paint = paintFor(process.stdout.isTTY);
  for (const { host, answer, error } of answers) {
    const status =
      error === undefined
        ? answer?.exitCode === 0
          ? paint("green", "ok")
          : paint("red", answer === undefined ? "" : describeEnd(answer))
        : paint("red", safeText(run.secrets.redact(error.message)));
    process.stdout.write(`${paint("bold", safeText(host))}  ${status}\n`);
    for (const text of [answer?.stdout, answer?.stderr]) {
      const shown = safeText(run.secrets.redact(text?.toString() ?? ""), { newlines: true });
      if (shown !== "") process.stdout.write(shown.endsWith("\n") ? shown : `${shown}\n`);
    }
  }
  if (answers.some(({ answer }) => answer?.aborted === true)) return EXIT.interrupted;
  const code = exitCodeOfAnswers(answers);
  if (code === EXIT.interrupted) return code;
  return answers.some(({ answer }) => answer !== undefined && answer.exitCode !== 0) ? EXIT.failed : code;
}
