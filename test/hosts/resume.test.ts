import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TaskFinished } from "../../src/converge/event.ts";
import { folderWithHosts, onHost } from "./lab-hosts.ts";
import { type PlumbProcess, startPlumb } from "./plumb-process.ts";

/** A run that did not come to its end is gone on with. */
const HOSTS = ["bookworm1", "trixie1"];

let folder = "";

beforeAll(async () => {
  folder = await folderWithHosts("resume", HOSTS);
  await writeFile(
    path.join(folder, "site.yml"),
    `- hosts: all
  become: true
  strategy: free
  tasks:
    - copy: {content: "1\\n", dest: /srv/resume}
      notify: tell
    - name: once
      shell: echo "{{ item }}" >> /srv/resume-once
      loop: [one, two]
    - name: gate
      shell: test "{{ inventory_hostname }}" = bookworm1 || test -e /srv/resume-go || {{ otherwise }}
    - name: afterwards
      shell: echo afterwards >> /srv/resume-once
  handlers:
    - name: tell
      shell: echo told >> /srv/resume-once
`,
  );
});

const clean = async (): Promise<void> => {
  for (const host of HOSTS) await onHost(host, "rm -f /srv/resume*");
};

afterAll(clean);

const plumb = (otherwise: string, ...more: string[]): PlumbProcess =>
  startPlumb(["run", "site.yml", "-i", "hosts.ini", "-e", JSON.stringify({ otherwise }), ...more], {
    cwd: folder,
    environment: { PLUMB_RUNS_DIR: path.join(folder, "runs") },
  });

const told = ({ events }: PlumbProcess): string[] =>
  events
    .filter((event): event is TaskFinished => event.type === "task-finished")
    .map(({ host, task, status }) => `${host} ${status} ${task.name}`);

const records = async (): Promise<string[]> =>
  (await readdir(path.join(folder, "runs"))).filter((name) => name.endsWith(".jsonl"));

/** What a new record has, by which a run that was killed is gone on with. */
async function recorded(before: readonly string[]): Promise<string[]> {
  const file = (await records()).find((name) => !before.includes(name));
  if (file === undefined) return [];
  const lines = (await readFile(path.join(folder, "runs", file), "utf8")).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line)).map(({ host, type, task }) => `${host} ${type} ${task?.name}`);
}

const all = "one\ntwo\nafterwards\ntold\n";

describe("plumb run --resume", () => {
  test("goes on where a host failed: hosts that were done are left alone, and commands that were done are not run again", async () => {
    await clean();
    expect(await plumb("false").ended).toBe(1);
    expect(await onHost("bookworm1", "cat /srv/resume-once")).toBe(all);
    // The handler of what has changed before the failure has run.
    expect(await onHost("trixie1", "cat /srv/resume-once; touch /srv/resume-go")).toBe("one\ntwo\ntold\n");
    const resumed = plumb("false", "--resume");
    expect(await resumed.ended).toBe(0);
    expect(told(resumed)).toEqual([
      "trixie1 ok copy",
      "trixie1 ok once",
      "trixie1 ok once",
      "trixie1 changed gate",
      "trixie1 changed afterwards",
    ]);
    expect(await onHost("trixie1", "cat /srv/resume-once")).toBe("one\ntwo\ntold\nafterwards\n");
    const again = plumb("false", "--resume");
    expect(await again.ended).toBe(2);
    expect(again.events).toEqual([]);
  });

  test("goes on where a roll-out was stopped: hosts of batches and plays that nobody has begun are not done", async () => {
    await clean();
    await writeFile(
      path.join(folder, "roll-out.yml"),
      `- hosts: all
  gather_facts: false
  become: true
  serial: 1
  max_fail_percentage: 0
  tasks:
    - shell: test "{{ otherwise }}" = true && echo "{{ inventory_hostname }}" > /srv/resume-rolled
- hosts: trixie1
  gather_facts: false
  become: true
  tasks: [{shell: echo behind >> /srv/resume-rolled}]
`,
    );
    const rollOut = (otherwise: string, ...more: string[]): PlumbProcess =>
      startPlumb(["run", "roll-out.yml", "-i", "hosts.ini", "-e", `otherwise=${otherwise}`, ...more], {
        cwd: folder,
        environment: { PLUMB_RUNS_DIR: path.join(folder, "runs") },
      });
    const stopped = rollOut("false");
    expect(await stopped.ended).toBe(1);
    expect(stopped.events.at(-1)).toMatchObject({
      type: "run-finished",
      outcome: "failed",
      hosts: [{ outcome: "failed" }, { host: "trixie1", outcome: "interrupted" }],
    });
    expect(await onHost("trixie1", "ls /srv/resume* 2>/dev/null; true")).toBe("");
    expect(await rollOut("true", "--resume").ended).toBe(0);
    expect(await onHost("bookworm1", "cat /srv/resume-rolled")).toBe("bookworm1\n");
    expect(await onHost("trixie1", "cat /srv/resume-rolled")).toBe("trixie1\nbehind\n");
  });

  test("goes on with a run that was killed, its handlers included", async () => {
    await clean();
    const before = await records();
    const killed = plumb("sleep 3");
    await expect.poll(() => recorded(before)).toContain("trixie1 task-started gate");
    killed.child.kill("SIGKILL");
    await killed.ended;
    for (const host of HOSTS) await onHost(host, "touch /srv/resume-go");
    const resumed = plumb("false", "--resume");
    expect(await resumed.ended).toBe(0);
    expect(told(resumed)).toContain("trixie1 ok once");
    expect(await onHost("trixie1", "cat /srv/resume-once")).toBe(all);
    expect(await onHost("bookworm1", "sort -u /srv/resume-once")).toBe("afterwards\none\ntold\ntwo\n");
  });
});
