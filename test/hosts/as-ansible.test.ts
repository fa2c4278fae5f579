import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answered, askAnsible, caseFolder, writeFiles } from "../oracle/ask-ansible.ts";
import {
  failsForAll,
  filesOf,
  type GeneratedPlays,
  generatedPlays,
  PLAY_HOSTS,
} from "../oracle/generated-plays.ts";
import { runPlaybook } from "./converge.ts";

/** The same plays in each run, because hosts take their time; PLUMB_ORACLE_SEED tries others. */
const SEED = Number(process.env["PLUMB_ORACLE_SEED"] ?? 777);
const CASES = Number(process.env["PLUMB_ORACLE_CASES"] ?? 20);
const LOCAL = `${PLAY_HOSTS.join("\n")}\n[all:vars]\nansible_connection=local\nansible_python_interpreter=/usr/bin/python3\n`;

/** What came of each task, or of each item of its loop, on each host in order; and which hosts are out of the run at its end. */
interface Executed {
  seen: Record<string, string[]>;
  failed: string[];
}

let place: Awaited<ReturnType<typeof caseFolder>>;
beforeAll(async () => {
  place = await caseFolder();
});
afterAll(() => place.remove());

async function ours({ tags, skipTags }: GeneratedPlays, playbook: string, folder: string): Promise<Executed> {
  const override = { tags, skipTags };
  const { tasks, finished } = await runPlaybook(playbook, { hosts: PLAY_HOSTS, override }, folder);
  const seen: Record<string, string[]> = {};
  for (const { host, task, status } of tasks)
    seen[host] = [...(seen[host] ?? []), `${task.name} ${status === "rescued" ? "failed" : status}`];
  // Of a batch or a play that was not begun nobody has failed.
  const failed = finished.hosts
    .filter(({ outcome }) => outcome !== "ok" && outcome !== "interrupted")
    .map(({ host }) => host);
  return { seen, failed: failed.sort() };
}

const explained = (files: Readonly<Record<string, string>>): string =>
  Object.entries(files)
    .map(([name, text]) => `--- ${name}\n${text}`)
    .join("\n");

/**
 * Of an include that is skipped Ansible says so, and Plumb of each task in it (docs/differences.md): what is left out is compared where nothing is included.
 */
function withoutSkipped({ seen, failed }: Executed): Executed {
  const kept = Object.entries(seen).map(
    ([host, lines]) => [host, lines.filter((line) => !line.endsWith(" skipped"))] as const,
  );
  return { seen: Object.fromEntries(kept.filter(([, lines]) => lines.length > 0)), failed };
}

/** @param forAll a host that was done when the play ended for all has failed in Ansible, and has not in Plumb: docs/differences.md. */
function isSame(plumb: Executed, ansible: Executed, forAll: boolean): boolean {
  const failed = forAll
    ? plumb.failed.every((host) => ansible.failed.includes(host))
    : isDeepStrictEqual(plumb.failed, ansible.failed);
  return failed && isDeepStrictEqual(plumb.seen, ansible.seen);
}

test("plays run as Ansible runs them: each task on each host, in order, and who has failed at the end", async () => {
  const cases = fc.sample(generatedPlays, { numRuns: CASES, seed: SEED }).map((one, index) => {
    return { one, folder: path.join(place.folder, String(index)), files: filesOf(one, `${SEED}.${index}`) };
  });
  for (const { folder, files } of cases) await writeFiles(folder, { ...files, "local.ini": LOCAL });
  const questions = cases.map(({ one, folder }) => ({
    kind: "execution",
    folder,
    sources: [path.join(folder, "local.ini")],
    playbook: "play.yml",
    tags: one.tags,
    skip_tags: one.skipTags,
  }));
  const answers: Answered<Executed>[] = [];
  // A few at a time: each of its tasks is a process.
  for (let first = 0; first < questions.length; first += 10)
    answers.push(...(await askAnsible<Executed>(questions.slice(first, first + 10))));
  const different: string[] = [];
  for (const [index, { one, folder, files }] of cases.entries()) {
    const { value, error } = answers[index] ?? { error: "no answer" };
    const plumb = await ours(one, files["play.yml"] ?? "", folder);
    const included = Object.values(files).some((text) => text.includes("include_tasks"));
    const comparable = (executed: Executed): Executed => (included ? withoutSkipped(executed) : executed);
    if (value !== undefined && isSame(comparable(plumb), comparable(value), failsForAll(one))) continue;
    const asked = `--tags '${one.tags}' --skip-tags '${one.skipTags}'`;
    different.push(
      [
        explained(files),
        asked,
        `Plumb ${JSON.stringify(plumb)}`,
        `Ansible ${JSON.stringify(value ?? error)}`,
      ].join("\n"),
    );
  }
  expect(different.slice(0, 3).join("\n\n"), `PLUMB_ORACLE_SEED=${SEED}: ${different.length} differ`).toBe(
    "",
  );
}, 300_000);
