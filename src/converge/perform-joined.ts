import { SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { ExecResult } from "../transport/transport.ts";
import type { Keeper } from "./keeper.ts";
import { type PerformOptions, StepFailure } from "./perform-options.ts";
import { contentBytes, contentSize, isPrivate, requireEnd } from "./perform-step.ts";
import type { HostStep } from "./plain-steps.ts";
import { describeEnd } from "./script-end.ts";
import { writeFileScript } from "./write-file.ts";

/** One of several changes that one script makes. */
export interface JoinedSteps {
  steps: readonly HostStep[];
  keeper: Keeper | undefined;
}

/** How each came out, in order, up to the first that failed: those behind it were not begun. */
export type JoinedEnd = { kind: "done" } | { kind: "failed"; error: StepFailure };

/**
 * Makes several changes with one script, each as `perform` would.
 *
 * @throws StepFailure when the first one fails, or nobody knows how far the script came; TransportError
 */
export async function performJoined(
  changes: readonly JoinedSteps[],
  options: PerformOptions,
): Promise<JoinedEnd[]> {
  const { session, user, signal } = options;
  const parts = changes.flatMap(({ steps, keeper }, change) =>
    steps.map((step) => ({ step, keeper, change })),
  );
  const input: Uint8Array[] = [];
  const scripts: ShellText[] = [];
  for (const { step, keeper, change } of parts) {
    // What others do is told when their turn comes, as far as their tasks may be told of.
    if (change === 0) options.progress(step.title);
    scripts.push(stepScript(step, keeper, options, "together"));
    if (step.kind === "write-file") input.push(await contentBytes(step.content));
  }
  const as = session.shellUser("task", user);
  const exec = await session.act(joinedScript(scripts), as, {
    timeoutMs: options.stepLimitMs,
    stdin: Buffer.concat(input),
    sent: () => options.sentLast?.(as, options.stepLimitMs),
    ...(signal === undefined ? {} : { signal }),
  });
  const failed = failedPart(exec);
  if (failed === undefined) return changes.map(() => ({ kind: "done" }));
  const part = parts[failed.index];
  const title = part?.step.title ?? "";
  if (part === undefined || failed.exitCode === undefined)
    throw new StepFailure(title, `${title}: ${describeEnd(exec)}`, exec);
  const error = failureOf(part.step, { ...exec, exitCode: failed.exitCode, stdout: Buffer.alloc(0) });
  if (part.change === 0) throw error;
  return [...changes.slice(0, part.change).map(() => ({ kind: "done" as const })), { kind: "failed", error }];
}

/** A step as a part of a script. @param output whether what it prints goes to standard error all together, or each where it belongs. */
export function stepScript(
  step: HostStep,
  keeper: Keeper | undefined,
  { holdsSecret }: Pick<PerformOptions, "holdsSecret">,
  output: "together" | "apart",
): ShellText {
  const to = rawShell(output === "together" ? " >&2" : "");
  if (step.kind === "script") return sh`( ${keeper?.guarded(step.script) ?? step.script}\n) </dev/null${to}`;
  const secret = isPrivate(step.content, holdsSecret);
  const keep = keeper?.beforeWrite(step.path, secret);
  return sh`( ${writeFileScript(step, contentSize(step.content), "next", secret, keep)}\n)${to}`;
}

/**
 * The first that fails ends it, and is told with its exit code. Not by `||`: there a shell does without `set -e` (POSIX 2.8.1). The functions that nearly all of them need are there once.
 */
function joinedScript(scripts: readonly ShellText[]): ShellText {
  return shellLines(
    SAFE_FOLDER,
    ...scripts.map(({ shell }, index) =>
      shellLines(
        rawShell(shell.replaceAll(SAFE_FOLDER.shell, "")),
        rawShell(`code=$?; [ "$code" = 0 ] || { echo "${index} $code"; exit 0; }`),
      ),
    ),
  );
}

function failedPart(exec: ExecResult): { index: number; exitCode: number | undefined } | undefined {
  const said = exec.stdout.toString().trim();
  if (exec.exitCode === 0 && said === "") return undefined;
  const [index, exitCode] = said.split(" ").map(Number);
  return index === undefined || exitCode === undefined || exec.exitCode !== 0
    ? { index: 0, exitCode: undefined }
    : { index, exitCode };
}

function failureOf(step: HostStep, exec: ExecResult): StepFailure {
  try {
    requireEnd(step, exec);
  } catch (error) {
    if (error instanceof StepFailure) return error;
    throw error;
  }
  throw new Error(`${step.title}: exit ${String(exec.exitCode)} counts as done`);
}
