import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answered, askAnsible, caseFolder, writeFiles } from "../oracle/ask-ansible.ts";
import {
  failsForAll,
  type GeneratedPlays,
  generatedPlays,
  PLAY_HOSTS,
  playbookOf,
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
  const failed = finished.hosts.filter(({ outcome }) => outcome !== "ok").map(({ host }) => host);
  return { seen, failed: failed.sort() };
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
    return { one, folder: path.join(place.folder, String(index)), text: playbookOf(one, `${SEED}.${index}`) };
  });
  for (const { folder, text } of cases) await writeFiles(folder, { "local.ini": LOCAL, "play.yml": text });
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
  for (const [index, { one, folder, text }] of cases.entries()) {
    const { value, error } = answers[index] ?? { error: "no answer" };
    const plumb = await ours(one, text, folder);
    if (value !== undefined && isSame(plumb, value, failsForAll(one))) continue;
    const asked = `--tags '${one.tags}' --skip-tags '${one.skipTags}'`;
    different.push(
      [text, asked, `Plumb ${JSON.stringify(plumb)}`, `Ansible ${JSON.stringify(value ?? error)}`].join("\n"),
    );
  }
  expect(different.slice(0, 3).join("\n\n"), `PLUMB_ORACLE_SEED=${SEED}: ${different.length} differ`).toBe(
    "",
  );
}, 300_000);
