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
  /** Check mode can't know what would come of it, and says so. */
  unknownBefore?: true;
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

/** One promise, as below. */
export function keepsItsPromise(one: Promised, folder?: string, more: ConvergeOptions = {}): Promise<void> {
  return keepTheirPromises([one], folder, more);
}

/**
 * Check tells the truth, apply makes it so, a second run changes nothing, drift is found and mended, and what was made can be taken away. All promises
 * together: each of these is one run for all of them, so they must not be in each other's way.
 *
 * @param folder what the tasks read on the controller lies here.
 * @param more what the runs need besides: passwords of vaults.
 */
export async function keepTheirPromises(
  promises: readonly Promised[],
  folder?: string,
  more: ConvergeOptions = {},
): Promise<void> {
  const directory = folder ?? (await mkdtemp(path.join(tmpdir(), "plumb-test-")));
  const names = promises.map(({ module }, index) => `${module} ${index}`);
  const run = (some: readonly Asked[], wanted: string, options: ConvergeOptions = {}): Promise<void> =>
    allAre(some, wanted, { hosts: HOSTS, ...more, ...options }, directory);
  const look = (some: readonly Asked[], expected = true): Promise<void> => allHold(some, expected);
  const asked = (text: (one: Promised) => string | undefined): Asked[] =>
    promises.flatMap((one, index) => {
      const found = text(one);
      return found === undefined ? [] : [{ name: names[index] ?? "", text: found }];
    });
  const tasks = asked(({ tasks: text }) => text);
  const holds = asked((one) => one.holds);
  const undos = asked(({ undo }) => undo?.tasks);
  const undone = asked(({ undo, holds: text }) => (undo === undefined ? undefined : text));

  await look(asked(({ before }) => before));
  const foretold = promises.some(({ unknownBefore }) => unknownBefore) ? "unknown" : "would-change";
  await run(tasks, foretold, { check: true });
  await look(holds, false);
  await run(tasks, "changed");
  await look(holds);
  await run(tasks, "ok");

  await look(asked(({ drift }) => drift));
  await run(tasks, foretold, { check: true, diff: foretold === "would-change" });
  await run(tasks, "changed");
  await look(holds);

  if (undos.length > 0) {
    await run(undos, "would-change", { check: true });
    await look(undone);
    await run(undos, "changed");
    await look(asked(({ undo }) => undo?.gone));
    await run(undos, "ok");
  }
  await look(asked(({ after }) => after));
}

/** A task or a command, and whose it is. */
interface Asked {
  name: string;
  text: string;
}

/** Runs one task of each, in one play; a failure does not keep the others from running. */
async function allAre(
  some: readonly Asked[],
  wanted: string,
  options: ConvergeOptions,
  folder: string,
): Promise<void> {
  const text = some.map((one) => `${one.text}\n  ignore_errors: true`).join("\n");
  const { tasks, events } = await runTasks(text, options, folder);
  expect(events.filter(({ type }) => type === "host-unreachable")).toEqual([]);
  const others = HOSTS.flatMap((host) => {
    const own = tasks.filter((task) => task.host === host);
    return some.flatMap(({ name }, index) => complaint(own[index], wanted, options, `${host}: ${name}`));
  });
  expect(others).toEqual([]);
}

function complaint(
  task: TaskFinished | undefined,
  wanted: string,
  { diff }: ConvergeOptions,
  who: string,
): string[] {
  if (task === undefined) return [`${who}: did not run`];
  if (task.status !== wanted) return [`${who}: ${task.status}, not ${wanted}: ${task.message}`];
  return diff === true && task.differences.length === 0 ? [`${who}: tells no difference`] : [];
}

/** Runs the commands on both hosts, each in a shell of its own, and expects that all succeed, or that none does. */
async function allHold(some: readonly Asked[], expected: boolean): Promise<void> {
  if (some.length === 0) return;
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const script = some
    .map(
      ({ name, text }) => `bash -c ${quoted(text)} >/dev/null </dev/null && echo ${quoted(`held: ${name}`)}`,
    )
    .join("\n");
  const all = some.map(({ name }) => `held: ${name}`);
  const held = await Promise.all(
    HOSTS.map(async (host) => ({ host, lines: (await onHost(host, `${script}\ntrue`)).trim().split("\n") })),
  );
  expect(held).toEqual(HOSTS.map((host) => ({ host, lines: expected ? all : [""] })));
}
