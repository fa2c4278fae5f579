import { randomUUID } from "node:crypto";
import type { StepOutput } from "../modules/step.ts";
import type { Answered } from "../queries/query.ts";
import { SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { ExecResult } from "../transport/transport.ts";
import type { Keeper } from "./keeper.ts";
import { lastLines } from "./last-lines.ts";
import { basisScript, lookScripts, readLooks } from "./look-again.ts";
import { stepScript } from "./perform-joined.ts";
import { type PerformOptions, StepFailure } from "./perform-options.ts";
import { contentBytes, requireEnd } from "./perform-step.ts";
import { type HostStep, isSlow } from "./plain-steps.ts";
import type { Prepared } from "./prepare.ts";
import { describeEnd } from "./script-end.ts";

/** What one script does in turn: a change, or nothing where something was as wanted already. */
export interface TurnPart {
  prepared: Pick<Prepared, "queries">;
  steps: readonly HostStep[];
  keeper: Keeper | undefined;
}

/** How each came out, in order. Those behind a failure, or behind the first that has to be decided anew, were not begun. */
export type TurnEnd =
  | { kind: "done"; outputs: StepOutput[]; answers?: ReadonlyMap<string, Answered<unknown>> }
  | { kind: "failed"; error: StepFailure };

/**
 * Makes several changes with one script, each as `perform` would. Before each the host is asked what it was decided from, and right behind it what it has come to. Where an earlier one has moved
 * something of that, the script ends: the rest is decided anew.
 *
 * @throws StepFailure when the first one fails; TransportError
 */
export async function performInTurn(
  parts: readonly TurnPart[],
  options: PerformOptions,
  tellsLines: boolean,
): Promise<TurnEnd[]> {
  const { session, user, signal } = options;
  const mark = randomUUID();
  const input: Uint8Array[] = [];
  const others = parts.filter(({ steps }) => steps.length > 0).length - 1;
  const own = parts[0]?.steps[0]?.title ?? "";
  const title = others === 0 ? own : `${own}, and ${others} more`;
  let limitMs = options.stepLimitMs;
  for (const step of parts.flatMap(({ steps }) => steps)) {
    if (step.kind === "write-file") input.push(await contentBytes(step.content));
    else limitMs += step.timeoutMs ?? 0;
  }
  options.progress(title);
  const line = (text: string): void => {
    if (!text.startsWith(mark)) options.progress(title, text);
  };
  const as = session.shellUser("task", user);
  const exec = await session.act(turnScript(parts, mark, options), as, {
    timeoutMs: limitMs,
    slow: Math.max(1, parts.filter(({ steps }) => isSlow(steps)).length),
    stdin: Buffer.concat(input),
    sent: () => options.sentLast?.(as, limitMs),
    ...(tellsLines ? { onOutput: lastLines(line) } : {}),
    ...(signal === undefined ? {} : { signal }),
  });
  const ends = endsOf(parts, mark, exec);
  const [first] = ends;
  if (first?.kind === "failed") throw first.error;
  return ends;
}

function turnScript(parts: readonly TurnPart[], mark: string, options: PerformOptions): ShellText {
  const lines: ShellText[] = [
    SAFE_FOLDER,
    sh`plumb_said() { printf '\n%s %s\n' ${mark} "$1"; printf '\n%s %s\n' ${mark} "$1" >&2; }`,
  ];
  const rest = parts.slice(1);
  for (const [index, { prepared }] of rest.entries()) {
    const name = `plumb_basis_${index + 1}`;
    lines.push(
      rawShell(`${name}() {`),
      basisScript([...prepared.queries.values()]),
      rawShell("}"),
      rawShell(`${name}=$(${name} | sha256sum)`),
    );
  }
  for (const [index, part] of parts.entries()) {
    const name = `plumb_basis_${index}`;
    if (index > 0)
      lines.push(rawShell(`[ "$(${name} | sha256sum)" = "$${name}" ] || { plumb_said moved; exit 0; }`));
    for (const step of part.steps) {
      const text = stepScript(step, part.keeper, options, "apart").shell;
      lines.push(
        rawShell(text.replaceAll(SAFE_FOLDER.shell, "")),
        // Not by `||`: there a shell does without `set -e` (POSIX 2.8.1).
        rawShell('code=$?; plumb_said "$code"; [ "$code" = 0 ] || exit 0'),
      );
    }
    if (part.steps.length === 0) continue;
    for (const look of lookScripts([...part.prepared.queries.values()]))
      lines.push(look, rawShell('plumb_said "$?"'));
  }
  return shellLines(...lines);
}

/** What one step or one question has said. */
interface Said {
  stdout: Buffer;
  stderr: Buffer;
  /** Behind it stood: an exit code, or `moved`. */
  mark: string;
}

function endsOf(parts: readonly TurnPart[], mark: string, exec: ExecResult): TurnEnd[] {
  const said = saidBetween(mark, exec);
  let next = 0;
  const take = (): ExecResult | "moved" | undefined => {
    const one = said[next++];
    if (one === undefined || one.mark === "moved") return one?.mark as "moved" | undefined;
    return { ...exec, stdout: one.stdout, stderr: one.stderr, exitCode: Number(one.mark), truncated: false };
  };
  const ends: TurnEnd[] = [];
  for (const { prepared, steps } of parts) {
    const outputs: StepOutput[] = [];
    for (const step of steps) {
      const result = take();
      if (result === "moved") return ends;
      const error = result === undefined ? cutShort(step, exec) : failureOf(step, result);
      if (error !== undefined) return [...ends, { kind: "failed", error }];
      if (result !== undefined) outputs.push({ title: step.title, exec: result });
    }
    if (steps.length === 0) {
      // Whether it was come to is seen at what stands behind it.
      if (said[next]?.mark === "moved" || next >= said.length) return ends;
      ends.push({ kind: "done", outputs });
      continue;
    }
    const looks = lookScripts([...prepared.queries.values()]).map(() => take());
    const results = looks.filter((look) => look !== undefined && look !== "moved");
    ends.push({
      kind: "done",
      outputs,
      // Where it was cut short behind the steps, what is known when its turn comes says how it came out.
      ...(results.length < looks.length ? {} : { answers: readLooks(prepared.queries, results) }),
    });
  }
  return ends;
}

/** The script has not come to the end of a step: its time was over, it was ended, or what it has printed is too much to see. */
function cutShort({ title }: HostStep, exec: ExecResult): StepFailure {
  const why = exec.truncated ? "it has printed too much for it to be known how it ended" : describeEnd(exec);
  return new StepFailure(title, `${title}: ${why}`, exec);
}

function failureOf(step: HostStep, exec: ExecResult): StepFailure | undefined {
  try {
    requireEnd(step, exec);
    return undefined;
  } catch (error) {
    if (error instanceof StepFailure) return error;
    throw error;
  }
}

/** Both streams, cut at the marks. A mark that stands in one of them alone does not count. */
function saidBetween(mark: string, { stdout, stderr }: ExecResult): Said[] {
  const [out, err] = [cut(stdout, mark), cut(stderr, mark)];
  return out.slice(0, err.length).map(({ text, mark: end }, index) => ({
    stdout: text,
    stderr: err[index]?.text ?? Buffer.alloc(0),
    mark: end,
  }));
}

function cut(stream: Buffer, mark: string): { text: Buffer; mark: string }[] {
  const pieces: { text: Buffer; mark: string }[] = [];
  const begin = Buffer.from(`\n${mark} `);
  let from = 0;
  for (;;) {
    const at = stream.indexOf(begin, from);
    const end = at === -1 ? -1 : stream.indexOf("\n", at + begin.length);
    if (end === -1) return pieces;
    pieces.push({
      text: stream.subarray(from, at),
      mark: stream.subarray(at + begin.length, end).toString(),
    });
    from = end + 1;
  }
}
