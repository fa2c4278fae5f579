import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "vitest";
import type { TaskFinished } from "../../../src/converge/event.ts";
import { type ConvergeOptions, runTasks } from "../converge.ts";
import { onHost } from "../lab-hosts.ts";

/** One module on real hosts: what it is asked for, how somebody else sees that it is so, how it is spoiled, and how it is undone. */
export interface Promised {
  module: string;
  /** One task. */
  tasks: string;
  /** Must succeed when the state is as wanted, and fail before. Looked at without Plumb. */
  holds: string;
  /** Takes the state away from what is wanted. */
  drift: string;
  /** Run before the module is tried. */
  before?: string;
  /** `state: absent`, or what else takes it back: one task, and how somebody else sees that it is gone. */
  undo?: { tasks: string; gone: string };
  /** Run when all is over. */
  after?: string;
}

/** Both releases at once: each promise is kept on each. */
const HOSTS = ["bookworm1", "trixie1"] as const;

/** Cases with titles that vitest can tell apart. */
export const titled = (cases: readonly Promised[]): (Promised & { title: string })[] =>
  cases.map((one, index) => ({ ...one, title: `${one.module} ${index}` }));

/**
 * Check tells the truth, apply makes it so, a second run changes nothing, drift is found and mended, and what was made can be taken away.
 *
 * @param folder what the task reads on the controller lies here.
 * @param more what the runs need besides: passwords of vaults.
 */
export async function keepsItsPromise(
  { tasks, holds, drift, before, undo, after }: Promised,
  folder?: string,
  more: ConvergeOptions = {},
): Promise<void> {
  const directory = folder ?? (await mkdtemp(path.join(tmpdir(), "plumb-test-")));
  const run = async (text: string, options: ConvergeOptions = {}): Promise<TaskFinished[]> =>
    (await runTasks(text, { hosts: HOSTS, ...more, ...options }, directory)).tasks;
  if (before !== undefined) await onBoth(before);

  expect(told(await run(tasks, { check: true }))).toEqual(both("would-change"));
  for (const host of HOSTS) await expect(onHost(host, holds)).rejects.toThrow();

  expect(told(await run(tasks))).toEqual(both("changed"));
  await onBoth(holds);
  expect(told(await run(tasks))).toEqual(both("ok"));

  await onBoth(drift);
  const found = await run(tasks, { check: true, diff: true });
  expect(told(found)).toEqual(both("would-change"));
  for (const { differences } of found) expect(differences.length).toBeGreaterThan(0);
  expect(told(await run(tasks))).toEqual(both("changed"));
  await onBoth(holds);

  if (undo !== undefined) {
    expect(told(await run(undo.tasks, { check: true }))).toEqual(both("would-change"));
    await onBoth(holds);
    expect(told(await run(undo.tasks))).toEqual(both("changed"));
    await onBoth(undo.gone);
    expect(told(await run(undo.tasks))).toEqual(both("ok"));
  }
  if (after !== undefined) await onBoth(after);
}

const onBoth = (command: string): Promise<unknown> => Promise.all(HOSTS.map((host) => onHost(host, command)));

/** What happened on each host; a failure with its words. */
function told(tasks: readonly TaskFinished[]): Record<string, string> {
  return Object.fromEntries(
    tasks.map(({ host, status, message }) => [host, status === "failed" ? `${status}: ${message}` : status]),
  );
}

const both = (status: string): Record<string, string> =>
  Object.fromEntries(HOSTS.map((host) => [host, status]));
