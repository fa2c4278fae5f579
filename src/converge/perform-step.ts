import { setTimeout as wait } from "node:timers/promises";
import type {
  ControllerStep,
  FileContent,
  ScriptStep,
  Step,
  StepHost,
  StepOutput,
  WriteFileStep,
} from "../modules/step.ts";
import { type ExecResult, FileTransferError } from "../transport/transport.ts";
import { runAsJob } from "./host-job.ts";
import { Interrupted } from "./interrupted.ts";
import { KEEP_FAILED, NOT_KEPT } from "./keep-script.ts";
import { lastLines } from "./last-lines.ts";
import { type PerformOptions, StepFailure } from "./perform-options.ts";
import { describeEnd } from "./script-end.ts";
import { withinLimit } from "./time-limit.ts";
import { describeRefusal, withoutWorkFolder, writeFileScript } from "./write-file.ts";

/** Larger contents are uploaded as a file before they are put in place; smaller ones travel inside the frame. */
export const LARGEST_INLINE_BYTES = 1024 * 1024;

/**
 * Does one step.
 *
 * @param outputs of the steps before it.
 * @param isLast of its change: what is asked after the change is sent behind it.
 * @returns what it left, and steps that it has made necessary.
 * @throws StepFailure, ModuleFailure, TransportError
 */
export async function performStep(
  step: Step,
  outputs: readonly StepOutput[],
  options: PerformOptions,
  isLast: boolean,
): Promise<{ output?: StepOutput; next?: readonly Step[] }> {
  options.progress(step.title);
  if (step.kind === "controller") {
    const done = await transferring(step, () => performOnController(step, outputs, options));
    await keepRest(options);
    return done;
  }
  const exec =
    step.kind === "script"
      ? await performScript(step, options, isLast)
      : await transferring(step, () => performWrite(step, options, isLast));
  return { output: { title: step.title, exec } };
}

/** A file that can't be brought to the host or from it is the step's failure. */
async function transferring<Type>({ title }: Step, act: () => Promise<Type>): Promise<Type> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof FileTransferError ? new StepFailure(title, `${title}: ${error.message}`) : error;
  }
}

/** What a step on the controller did without a script on the host is kept when it is done: nothing could have been kept before. */
async function keepRest({ keeper, session, user }: PerformOptions): Promise<void> {
  const script = keeper?.beforeScript();
  if (script !== undefined) await session.act(script, session.shellUser("task", user));
}

async function performScript(
  given: ScriptStep,
  options: PerformOptions,
  isLast: boolean,
): Promise<ExecResult> {
  const step = { ...given, script: options.keeper?.guarded(given.script) ?? given.script };
  const exec =
    options.job === undefined
      ? await runScript(step, options, isLast)
      : await runAsJob(step, options.job, options);
  requireDone(step, exec);
  return exec;
}

/** @throws StepFailure when a script did not end as it should. */
function requireDone(step: ScriptStep, exec: ExecResult): void {
  refuseUnkept(step, exec);
  const accepted = step.succeedsWith ?? [0];
  if (exec.exitCode === undefined)
    throw new StepFailure(step.title, `${step.title}: ${describeEnd(exec)}`, exec);
  if (accepted !== "any" && !accepted.includes(exec.exitCode)) {
    throw new StepFailure(step.title, describeExit(step, exec.exitCode, lastWords(exec)), exec);
  }
}

/** @param said with the colon before it, or nothing. */
export function describeExit({ title }: Step, exitCode: number, said: string): string {
  return `${title}: exit ${exitCode}${withoutWorkFolder(said, "the new file")}`;
}

/** @throws StepFailure when the script did nothing, because what it would have replaced could not be kept. */
function refuseUnkept({ title }: Step, exec: ExecResult): void {
  if (exec.exitCode !== NOT_KEPT) return;
  const said = exec.stderr.toString();
  const at = said.lastIndexOf(KEEP_FAILED);
  if (at === -1) return;
  const why = said.slice(0, at).trim().split("\n").at(-1) ?? "";
  throw new StepFailure(
    title,
    `${title}: nothing was changed, because what would be replaced could not be kept for an undo${why === "" ? "" : `: ${why}`}`,
    exec,
  );
}

function runScript(step: ScriptStep, options: PerformOptions, isLast: boolean): Promise<ExecResult> {
  const { session, user, signal } = options;
  const as = session.shellUser(step.as ?? "task", user);
  const timeoutMs = step.timeoutMs ?? options.stepLimitMs;
  return session.act(step.script, as, {
    timeoutMs,
    ...(isLast ? { sent: () => options.sentLast?.(as, timeoutMs) } : {}),
    environment: { ...options.environment, ...step.environment },
    onOutput: lastLines((line) => options.progress(step.title, line)),
    ...(step.isUsersOwn === undefined ? {} : { isUsersOwn: step.isUsersOwn }),
    ...(step.stdin === undefined ? {} : { stdin: step.stdin }),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function performWrite(
  step: WriteFileStep,
  options: PerformOptions,
  isLast: boolean,
): Promise<ExecResult> {
  const { session, user } = options;
  const as = session.shellUser(step.as ?? "task", user);
  const size = contentSize(step.content);
  const uploaded = size > LARGEST_INLINE_BYTES;
  const uploadedAs = uploaded
    ? await withinLimit(options.stepLimitMs, () => session.transport.upload(contentStream(step.content), as))
    : undefined;
  const secret = isPrivate(step.content, options.holdsSecret);
  const keep = options.keeper?.beforeWrite(step.path, secret);
  const script = writeFileScript(
    step,
    size,
    uploadedAs === undefined ? "input" : { uploadedAs },
    secret,
    keep,
  );
  const exec = await session.act(script, as, {
    timeoutMs: options.stepLimitMs,
    ...(isLast ? { sent: () => options.sentLast?.(as, options.stepLimitMs) } : {}),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(uploaded ? {} : { stdin: await contentBytes(step.content) }),
  });
  requireWritten(step, exec);
  return exec;
}

/** @throws StepFailure when a file was not replaced. */
function requireWritten(step: WriteFileStep, exec: ExecResult): void {
  if (exec.exitCode === 0) return;
  refuseUnkept(step, exec);
  const message =
    exec.exitCode === undefined
      ? `${step.path} was not replaced: ${describeEnd(exec)}`
      : describeRefusal(step, exec.exitCode, lastWords(exec));
  throw new StepFailure(step.title, message, exec);
}

/** @throws StepFailure when a step on the host did not end as it should. */
export function requireEnd(step: ScriptStep | WriteFileStep, exec: ExecResult): void {
  if (step.kind === "script") requireDone(step, exec);
  else requireWritten(step, exec);
}

/** A new file with a secret in it is for its owner alone. */
export function isPrivate(content: FileContent, holdsSecret: PerformOptions["holdsSecret"]): boolean {
  if (content.secret === true) return true;
  return content.kind === "bytes" && holdsSecret(Buffer.from(content.bytes).toString());
}

async function performOnController(
  step: ControllerStep,
  outputs: readonly StepOutput[],
  options: PerformOptions,
): Promise<{ output?: StepOutput; next?: readonly Step[] }> {
  return withinLimit(step.timeoutMs ?? options.stepLimitMs, ({ signal }) =>
    step.run(stepHost(step, options, signal), outputs),
  );
}

/** Check mode: whether a step on the controller could be done. @throws ModuleFailure as the step would; TimeLimitPassed */
export async function tryOnController(step: ControllerStep, options: PerformOptions): Promise<void> {
  await withinLimit(options.stepLimitMs, async ({ signal }) => {
    await step.tryOut?.(stepHost(step, options, signal));
  });
}

/** What a step on the controller may use of the host; `limit` ends it when its time is over. */
function stepHost(step: ControllerStep, options: PerformOptions, limit: AbortSignal): StepHost {
  const { session, user } = options;
  const signals = [session.signal, limit, ...(options.signal === undefined ? [] : [options.signal])];
  const signal = AbortSignal.any(signals);
  return {
    name: session.name,
    address: session.address,
    get transport() {
      return session.transport;
    },
    reconnect: () => session.reconnect(),
    signal,
    download: (path) => session.transport.download(path, session.shellUser("task", user)),
    progress: (line) => options.progress(step.title, line),
    ask: options.ask,
    wait: async (seconds, enough) => {
      const ends = [signal, options.stopping, ...(enough === undefined ? [] : [enough])];
      await wait(seconds * 1000, undefined, { signal: AbortSignal.any(ends) }).catch(() => undefined);
      if (options.stopping.aborted) throw new Interrupted();
    },
    run: (script, rest = {}) =>
      session.act(options.keeper?.guarded(script) ?? script, session.shellUser(rest.as ?? "task", user), {
        environment: options.environment,
        signal,
        ...(rest.stdin === undefined ? {} : { stdin: rest.stdin }),
        ...(rest.timeoutMs === undefined ? {} : { timeoutMs: rest.timeoutMs }),
      }),
  };
}

/** The end of what a failed script said: stderr if it said anything there, otherwise stdout. */
export function lastWords(exec: ExecResult): string {
  return lastWordsOf(exec.stderr.toString().trim() || exec.stdout.toString());
}

export function lastWordsOf(said: string): string {
  const text = said.trim();
  return text === "" ? "" : `: ${text.split("\n").slice(-5).join("\n")}`;
}

export function contentSize(content: FileContent): number {
  return content.kind === "bytes" ? content.bytes.byteLength : content.file.sizeBytes;
}

export async function contentBytes(content: FileContent): Promise<Uint8Array> {
  return content.kind === "bytes" ? content.bytes : content.file.read();
}

export function contentStream(content: FileContent): Uint8Array | AsyncIterable<Uint8Array> {
  return content.kind === "bytes" ? content.bytes : content.file.stream();
}
