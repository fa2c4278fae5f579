import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { runTasks } from "./converge.ts";
import { labHost, onHost } from "./lab-hosts.ts";
import { relayTo, throughRelay } from "./relay.ts";

const HOSTS = ["bookworm1", "trixie1"];
const HOST = "bookworm1";
const JOBS = "ls -A /var/lib/plumb/async 2>/dev/null; true";

describe("async", () => {
  test("a job is waited for: its result is the command's, and nothing is left of it", async () => {
    await onHost(HOST, "rm -rf /var/lib/plumb/async");
    const { finished, tasks } = await runTasks(
      `- shell: echo "$WORD in $PWD"; cat; umask; echo oops >&2; exit 3
  args: {stdin: given, chdir: /srv}
  environment: {WORD: "it's"}
  async: 60
  poll: 1
  register: job
  failed_when: job.rc != 3
- assert: {that: ["job.stdout_lines[0] == \\"it's in /srv\\"", "job.stdout_lines[1] == 'given'", "job.stdout_lines[2] == '0022'", "job.stderr == 'oops'"]}`,
      { hosts: HOSTS },
    );
    expect(tasks.filter(({ status }) => status === "failed").map(({ message }) => message)).toEqual([]);
    expect(finished.outcome).toBe("ok");
    expect(await onHost(HOST, JOBS)).toBe("");
  });

  test("a connection that is cut in the middle is made anew, and the job is found again", async () => {
    await Promise.all(HOSTS.map(cutInTheMiddle));
  });

  test("a job that takes too long is ended with all that it started", async () => {
    const { tasks } = await runTasks("- shell: sleep 4322 & sleep 4322\n  async: 1\n  poll: 1", {
      hosts: [HOST],
    });
    expect(tasks[0]).toMatchObject({ status: "failed" });
    expect(tasks[0]?.message).toContain("`async` limit");
    await expect(onHost(HOST, "pgrep -f '[s]leep 4322'")).rejects.toThrow();
  });

  test("any module may be a job", async () => {
    const { statuses } = await runTasks(
      "- file: {path: /srv/job-file, state: touch, mode: '0600'}\n  async: 30\n  poll: 1\n- file: {path: /srv/job-file, state: absent}\n  async: 30\n  poll: 1",
      { hosts: [HOST] },
    );
    expect(statuses).toEqual(["changed file", "changed file"]);
  });
});

describe("async with poll: 0", () => {
  test("goes on by itself after the run, and async_status tells of it from another one", async () => {
    const start = await runTasks(
      "- shell: sleep 2; echo done > /srv/alone; echo said\n  async: 30\n  poll: 0\n  register: job\n- debug: {msg: '{{ job.ansible_job_id }}'}",
      { hosts: HOSTS },
    );
    const ids = new Map(
      start.tasks
        .filter(({ task }) => task.module === "shell")
        .map(({ host, data }) => [host, String(data?.["ansible_job_id"])]),
    );
    expect(start.statuses.filter((status) => status === "changed shell")).toHaveLength(2);
    expect(await onHost(HOST, "stat -c '%a %U' /var/lib/plumb/async/*")).toBe("700 root\n");
    const jid = `!expr 'inventory_hostname == "trixie1" ? "${ids.get("trixie1")}" : "${ids.get("bookworm1")}"'`;
    const status = await runTasks(
      `- async_status:
    jid: ${jid}
  register: job
  until: job.finished
  retries: 20
  delay: 0.5
- assert: {that: ["job.stdout == 'said'", "job.rc == 0"]}
- async_status:
    jid: ${jid}
    mode: cleanup
- async_status:
    jid: ${jid}
    mode: cleanup`,
      { hosts: HOSTS },
    );
    expect(status.finished.outcome).toBe("ok");
    expect(status.statuses.filter((one) => one.endsWith("async_status")).sort()).toEqual([
      ...Array(4).fill("changed async_status"),
      ...Array(2).fill("ok async_status"),
    ]);
    expect(await onHost(HOST, "cat /srv/alone; rm /srv/alone")).toBe("done\n");
    expect(await onHost(HOST, JOBS)).toBe("");
  });

  test("keeps secrets out of the process list, of units and of files others can read", async () => {
    await runTasks(
      '- shell: echo "$TOKEN hunter3" >/dev/null; sleep 3\n  environment: {TOKEN: hunter2}\n  async: 30\n  poll: 0',
      { hosts: [HOST] },
    );
    const seen = await onHost(
      HOST,
      "ps -eo args; systemctl show 'plumb-job-*'; find /var/lib/plumb/async -perm /077; pkill -f '[s]leep 3'; true",
    );
    expect(seen).toContain("plumb-job");
    expect(seen).not.toMatch(/hunter[23]/);
    expect(seen).not.toMatch(/^\/var\/lib\/plumb\/async/m);
  });

  test.each([
    ["a job that is not there", "jid: j0123456789abcdef", "no job"],
    ["a job of another user", "jid: JOB", "no job"],
  ])("async_status: %s fails", async (_title, parameters, message) => {
    const start = await runTasks("- shell: 'true'\n  async: 30\n  poll: 0", { hosts: [HOST] });
    const id = String(start.tasks[0]?.data?.["ansible_job_id"]);
    const { tasks } = await runTasks(
      `- async_status:\n    ${parameters.replace("JOB", id)}\n  become: false`,
      { hosts: [HOST] },
    );
    expect(tasks[0]).toMatchObject({ status: "failed" });
    expect(tasks[0]?.message).toContain(message);
  });

  test("a job that was killed says so", async () => {
    const start = await runTasks("- shell: sleep 4323\n  async: 60\n  poll: 0", { hosts: [HOST] });
    const id = String(start.tasks[0]?.data?.["ansible_job_id"]);
    await onHost(
      HOST,
      "read -r pid rest < /var/lib/plumb/async/ID/process; kill -9 $pid; pkill -f '[s]leep 4323'; timeout 30 sh -c 'while [ -d /proc/$0 ]; do sleep 0.05; done' $pid; touch -d '-5 min' /var/lib/plumb/async/ID".replaceAll(
        "ID",
        id,
      ),
    );
    const { tasks } = await runTasks(`- async_status: {jid: ${id}}`, { hosts: [HOST] });
    expect(tasks[0]).toMatchObject({ status: "failed" });
    expect(tasks[0]?.message).toContain("without saying how");
    await onHost(HOST, "rm -rf /var/lib/plumb/async");
  });
});

async function cutInTheMiddle(host: string): Promise<void> {
  await onHost(host, "rm -f /srv/job-*");
  const relay = await relayTo(labHost(host).address);
  const running = runTasks(
    "- shell: echo x >> /srv/job-begun; sleep 4; echo x >> /srv/job-ended; echo over\n  async: 60\n  poll: 1\n  register: job\n- assert: {that: job.stdout == 'over'}",
    { hosts: [host], variables: await throughRelay(host, relay.port) },
  );
  await untilOnHost(host, "ls /srv/job-begun");
  relay.drop();
  await wait(800);
  relay.drop();
  const { finished, tasks } = await running;
  relay.cut();
  expect(tasks.map(({ status, message }) => `${host} ${status} ${message}`)).toEqual([
    `${host} changed ran`,
    `${host} ok all assertions hold`,
  ]);
  expect(finished.outcome).toBe("ok");
  // Once each: it was not started a second time.
  expect(await onHost(host, "cat /srv/job-begun /srv/job-ended; rm /srv/job-*")).toBe("x\nx\n");
}

async function untilOnHost(host: string, command: string): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    if (
      await onHost(host, command).then(
        () => true,
        () => false,
      )
    )
      return;
    await wait(100);
  }
  throw new Error(`${host}: ${command}: never`);
}
