import { hostname, userInfo } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { Event } from "../converge/event.ts";
import { redactEvent } from "../converge/redact-event.ts";
import type { HostWork } from "../fleet/elsewhere.ts";
import type { PlannedPlay } from "../fleet/plan-plays.ts";
import { openRun } from "../fleet/run.ts";
import type { RunOptions } from "../fleet/run-options.ts";
import { workHere } from "../fleet/run-play.ts";
import type { RunState } from "../fleet/run-state.ts";
import { EventSender } from "./event-sender.ts";
import type { ActiveRun, Job, RunSpecification, WorkerQueue } from "./queue.ts";

export interface WorkerOptions {
  queue: WorkerQueue;
  /** Hosts worked on at once. */
  forks: number;
  /** Loads a run from the files here. @throws Error saying why this worker can't take part */
  load(
    runId: string,
    specification: RunSpecification,
    how: Pick<RunOptions, "emit" | "stopping" | "aborting">,
  ): Promise<RunOptions>;
  /** Says something to whoever watches the worker. */
  tell(line: string): void;
  /** First Ctrl-C: takes nothing more, and ends when what it has is done. */
  stopping: AbortSignal;
  /** Second Ctrl-C: ends at once. */
  aborting: AbortSignal;
}

/** A run that this worker takes part in. */
interface Taking {
  state: RunState;
  plays: readonly PlannedPlay[];
  sender: EventSender;
  soft: AbortController;
  hard: AbortController;
  /** The run has said that it stops. Otherwise it is only not there, and may come back. */
  isTold: boolean;
  busy: number;
  done: number;
  /** Hosts that another worker had, and that are not given up where they are locked; whether they were. */
  retried: Map<string, { isLocked: boolean }>;
}

/** So long a change waits for the run to have heard that it begins. When the database is away, hosts under way go on. */
const TELL_MS = 1_000;
/** A worker that is gone for others may still be at a step: its host is tried so often, and so long apart. */
const LOCKED = { tries: 200, apartMs: 3_000 };

/**
 * Takes hosts of runs and works on them until it is told to stop.
 *
 * @throws Error when the database is lost and does not come back in time; what was under way has been stopped behind its step by then.
 */
export async function work(options: WorkerOptions): Promise<void> {
  const { queue, forks, stopping, aborting } = options;
  const runs = new Map<string, Taking | "refused">();
  const jobs = new Map<string, Promise<void>>();
  const wake = (): void => {
    if (jobs.size > 0)
      options.tell(
        `takes nothing more; hosts under way: ${jobs.size}; Ctrl-C again ends that at once, and leaves them to others`,
      );
    queue.wake();
    if (jobs.size === 0) queue.giveUp();
  };
  const end = (): void => {
    queue.hurry();
    for (const taking of runs.values()) if (taking !== "refused") taking.hard.abort();
  };
  stopping.addEventListener("abort", wake);
  aborting.addEventListener("abort", end);
  let trouble: unknown;
  try {
    while (trouble === undefined && !(stopping.aborted && jobs.size === 0)) {
      const active = await noteRuns(options, runs);
      const own = active.flatMap(({ runId, isThere }) => {
        const taking = runs.get(runId);
        return !isThere || taking === undefined || taking === "refused" || taking.soft.signal.aborted
          ? []
          : [runId];
      });
      const taken = stopping.aborted ? [] : await queue.take(own, forks - jobs.size, [...jobs.keys()]);
      for (const job of taken) {
        const taking = runs.get(job.runId);
        if (taking === undefined || taking === "refused") continue;
        const doing = doJob(options, taking, job)
          .catch((error: unknown) => {
            trouble ??= error;
          })
          .finally(() => {
            jobs.delete(job.id);
            queue.wake();
          });
        jobs.set(job.id, doing);
      }
      await queue.news();
    }
  } catch (error) {
    trouble = error;
  }
  // Without the database another worker may be given what this one has: it must not begin another step.
  if (trouble !== undefined)
    for (const taking of runs.values()) if (taking !== "refused") taking.soft.abort();
  await Promise.all(jobs.values());
  for (const taking of runs.values()) if (taking !== "refused") await taking.state.sessions.closeAll();
  stopping.removeEventListener("abort", wake);
  aborting.removeEventListener("abort", end);
  if (trouble !== undefined) throw trouble;
}

/** Takes part in runs that are new, and leaves those that have ended or are being stopped. */
async function noteRuns(
  options: WorkerOptions,
  runs: Map<string, Taking | "refused">,
): Promise<readonly ActiveRun[]> {
  const active = await options.queue.runs();
  for (const [runId, taking] of runs) {
    const run = active.find((one) => one.runId === runId);
    if (taking === "refused") {
      if (run === undefined) runs.delete(runId);
      continue;
    }
    if (run !== undefined && run.stopping !== null) taking.isTold = true;
    if (run === undefined || taking.isTold) taking.soft.abort();
    if (run?.stopping === "hard") taking.hard.abort();
    // One that was gone for a while, and is back, is taken part in anew.
    const isBack = run !== undefined && taking.soft.signal.aborted && !taking.isTold;
    if ((run === undefined || isBack) && taking.busy === 0) {
      runs.delete(runId);
      if (!isBack)
        options.tell(`${runId}: over; worked on ${taking.done} ${taking.done === 1 ? "host" : "hosts"}`);
      await taking.sender.close();
      await taking.state.sessions.closeAll();
    }
  }
  if (options.stopping.aborted) return active;
  for (const { runId, stopping, isThere } of active) {
    if (!runs.has(runId) && stopping === null && isThere) runs.set(runId, await join(options, runId));
  }
  return active;
}

async function join(options: WorkerOptions, runId: string): Promise<Taking | "refused"> {
  const { queue, tell } = options;
  const sender = new EventSender(queue, runId);
  const [soft, hard] = [new AbortController(), new AbortController()];
  const retried: Taking["retried"] = new Map();
  const emit = (event: Event): void => {
    const again =
      event.type === "host-unreachable" && event.code === "locked" ? retried.get(event.host) : undefined;
    // The worker before may still be at a step: nothing is told before it is known what becomes of it.
    if (again === undefined) sender.add(event);
    else again.isLocked = true;
  };
  try {
    const specification = await queue.specificationOf(runId);
    if (specification === undefined) return "refused";
    const given = await options.load(runId, specification, {
      emit,
      stopping: soft.signal,
      aborting: hard.signal,
    });
    const redacting: RunOptions = {
      ...given,
      emit: (event) => given.emit(redactEvent(event, given.secrets)),
      told: () =>
        Promise.race([sender.flush().catch(() => undefined), wait(TELL_MS, undefined, { ref: false })]),
    };
    const { state, plays } = openRun(redacting, new Date());
    await state.prepareHostvars();
    tell(`${runId}: takes part`);
    return { state, plays, sender, soft, hard, isTold: false, busy: 0, done: 0, retried };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    tell(`${runId}: takes no part: ${reason}`);
    sender.add({
      type: "warning",
      time: new Date().toISOString(),
      message: `a worker (process ${process.pid} of ${userInfo().username}@${hostname()}) takes no part in this run: ${reason}`,
    });
    await sender.close();
    return "refused";
  }
}

async function doJob({ queue }: WorkerOptions, taking: Taking, job: Job): Promise<void> {
  const { state, sender } = taking;
  const planned = taking.plays[job.play];
  const play = planned?.run ?? planned?.plan(state.inventory);
  if (play === undefined) throw new Error(`the run ${job.runId} has no play ${job.play}`);
  taking.busy += 1;
  try {
    const warn = (message: string): void =>
      sender.add({ type: "warning", time: new Date().toISOString(), host: job.host, message });
    if (job.attempt > 1) warn("the worker that had it is gone; another one goes on");
    let result: HostWork;
    for (let tries = 1; ; tries++) {
      const again = { isLocked: false };
      if (job.attempt > 1 && tries < LOCKED.tries && !taking.soft.signal.aborted)
        taking.retried.set(job.host, again);
      else taking.retried.delete(job.host);
      result = await workHere(state, play, job, job.host).catch((error: unknown) => {
        warn(error instanceof Error ? error.message : String(error));
        return failure();
      });
      if (!again.isLocked) break;
      await wait(LOCKED.apartMs);
    }
    taking.retried.delete(job.host);
    taking.done += 1;
    await sender.flush();
    // What was not finished though the run has stopped nothing is for others to go on with: also what failed because it was ended here.
    const isCutShort =
      result.end === "interrupted" ||
      (taking.hard.signal.aborted && result.end !== "ok" && result.end !== "ended");
    if (isCutShort && !taking.isTold) await queue.giveBack(job);
    else await queue.finish(job, result);
  } finally {
    taking.busy -= 1;
  }
}

function failure(): HostWork {
  const counts = {
    ok: 0,
    changed: 0,
    "would-change": 0,
    unknown: 0,
    failed: 1,
    ignored: 0,
    rescued: 0,
    skipped: 0,
  };
  return { end: "failed", isFatal: false, counts, pendingHandlers: [], durationMs: 0 };
}
