import { writeFile } from "node:fs/promises";
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
  }, 60_000);

  test("goes on with a run that was killed, its handlers included", async () => {
    await clean();
    const killed = plumb("sleep 3");
    await onHost("trixie1", "until [ -e /srv/resume-once ]; do sleep 0.05; done; sleep 0.7");
    killed.child.kill("SIGKILL");
    await killed.ended;
    for (const host of HOSTS) await onHost(host, "touch /srv/resume-go");
    const resumed = plumb("false", "--resume");
    expect(await resumed.ended).toBe(0);
    expect(told(resumed)).toContain("trixie1 ok once");
    expect(await onHost("trixie1", "cat /srv/resume-once")).toBe(all);
    expect(await onHost("bookworm1", "sort -u /srv/resume-once")).toBe("afterwards\none\ntold\ntwo\n");
  }, 60_000);
});
