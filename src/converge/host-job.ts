import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { type ActionResult, ModuleFailure } from "../modules/module.ts";
import type { ScriptStep, Step } from "../modules/step.ts";
import { type JobState, jobState } from "../queries/job-state.ts";
import { type ExecResult, type ShellUser, TransportError } from "../transport/transport.ts";
import type { HostSession } from "./host-session.ts";
import { HostStateError } from "./host-state-error.ts";
import { forgetJobScript, JOB_THERE, startJobScript } from "./job-script.ts";
import { type JobTerms, type PerformOptions, StepFailure } from "./perform-options.ts";

/** Starting a job and looking at it takes no time; what does hangs. */
const LOOK_LIMIT_MS = 60_000;
/** Between two tries to connect again. */
const RECONNECT_EVERY_MS = 1000;
/** How long beyond the job's own limit a host may be out of reach before it is given up. */
const GRACE_MS = 60_000;

/**
 * Runs a script as a job of its own on the host, and waits for it. While it runs the connection may be lost: it is made anew, and the job is found again.
 *
 * @throws StepFailure when it did not end by itself; TransportError when the host stays away for longer than the job may take.
 */
export async function runAsJob(
  step: ScriptStep,
  terms: JobTerms,
  options: PerformOptions,
): Promise<ExecResult> {
  const { session } = options;
  const as = session.shellUser(step.as ?? "task", options.user);
  const id = newJobId();
  const startedMs = performance.now();
  const deadlineMs = startedMs + terms.limitSeconds * 1000 + GRACE_MS;
  await reachable(session, deadlineMs, () => startJob(id, step, terms, as, options));
  for (;;) {
    const look = Math.min(terms.pollMs, Math.max(0, deadlineMs - performance.now()));
    await wait(look, undefined, { signal: session.signal }).catch(() => undefined);
    const state = await reachable(session, deadlineMs, () => lookAt(session, id, as));
    if (state.state === "finished") {
      await session.run(forgetJobScript(id), as, { timeoutMs: LOOK_LIMIT_MS });
      return resultOf(step.title, state, terms);
    }
    const leftBehind = session.signal.aborted || performance.now() > deadlineMs;
    if (state.state !== "running" || leftBehind) throw notEnded(step.title, id, state, leftBehind);
    options.progress(step.title, `job ${id}, for ${Math.round((performance.now() - startedMs) / 1000)} s`);
  }
}

/**
 * Starts the only step of a task as a job, and leaves it alone (`poll: 0`).
 *
 * @throws ModuleFailure for a task that takes more than one script.
 */
export async function leaveAlone(
  steps: readonly Step[],
  terms: JobTerms,
  options: PerformOptions,
): Promise<ActionResult> {
  const [step, ...more] = steps;
  if (step?.kind !== "script" || more.length > 0) {
    throw new ModuleFailure("it takes more than one script, and can't be left alone with `poll: 0`", {
      hint: "write a `poll` above 0: it is waited for, and still outlives a lost connection",
    });
  }
  const { session } = options;
  const as = session.shellUser(step.as ?? "task", options.user);
  const id = newJobId();
  const path = await startJob(id, step, terms, as, options);
  return {
    changed: true,
    message: `started as job ${id}`,
    data: { ansible_job_id: id, started: true, finished: false, results_file: path },
  };
}

function newJobId(): string {
  return `j${randomBytes(8).toString("hex")}`;
}

async function startJob(
  id: string,
  step: ScriptStep,
  terms: JobTerms,
  as: ShellUser,
  { session, environment }: PerformOptions,
): Promise<string> {
  const { stdin } = step;
  const script = startJobScript(id, step.script, terms.limitSeconds, stdin !== undefined);
  const result = await session.run(script, as, {
    timeoutMs: LOOK_LIMIT_MS,
    environment: { ...environment, ...step.environment },
    ...(stdin === undefined ? {} : { stdin }),
  });
  // Asked a second time, because the connection was lost before the answer came: it is there.
  if (result.exitCode === 0 || result.exitCode === JOB_THERE) return result.stdout.toString().trim();
  throw new StepFailure(
    step.title,
    `${step.title}: the job could not be started: ${result.stderr.toString().trim()}`,
    result,
  );
}

async function lookAt(session: HostSession, id: string, as: ShellUser): Promise<JobState> {
  const { script } = jobState.kind.script([id]);
  const result = await session.run(script, as, {
    timeoutMs: LOOK_LIMIT_MS,
    maxOutputBytes: 32 * 1024 * 1024,
  });
  const output = { stdout: result.stdout, stderr: result.stderr.toString(), exitCode: result.exitCode ?? -1 };
  const [answer] = jobState.kind.parse(output, [id]);
  if (answer?.known === true) return answer.answer;
  throw new StepFailure("look at the job", `how job ${id} stands could not be found out`, result);
}

/** Does something; where the connection is lost, it is made anew until the deadline, and the same done again. */
async function reachable<Type>(
  session: HostSession,
  deadlineMs: number,
  act: () => Promise<Type>,
): Promise<Type> {
  for (;;) {
    try {
      if (session.isLost) await session.reconnect();
      return await act();
    } catch (error) {
      const mayPass = isAway(error) || (error instanceof HostStateError && session.isLost);
      if (!mayPass || performance.now() > deadlineMs || session.signal.aborted) throw error;
      await wait(RECONNECT_EVERY_MS, undefined, { signal: session.signal }).catch(() => undefined);
    }
  }
}

function isAway(error: unknown): boolean {
  return (
    error instanceof TransportError &&
    ["connection-lost", "unreachable", "connect-timeout"].includes(error.code)
  );
}

function resultOf(
  title: string,
  state: Extract<JobState, { state: "finished" }>,
  { limitSeconds }: JobTerms,
): ExecResult {
  const result: ExecResult = {
    exitCode: state.timedOut ? undefined : state.code,
    stdout: state.stdout,
    stderr: state.stderr,
    durationMs: state.seconds * 1000,
    timedOut: state.timedOut,
    aborted: false,
    connectionLost: false,
    truncated: state.truncated,
  };
  if (state.timedOut)
    throw new StepFailure(
      title,
      `${title}: it did not end within ${limitSeconds} s, its \`async\` limit`,
      result,
    );
  return result;
}

function notEnded(title: string, id: string, state: JobState, leftBehind: boolean): StepFailure {
  const what =
    state.state === "running" && leftBehind
      ? `job ${id} runs on; \`async_status: {jid: ${id}}\` looks at it`
      : `job ${id} ended without saying how: it was killed, or the host was booted`;
  return new StepFailure(title, `${title}: ${what}`);
}
