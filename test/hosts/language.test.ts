import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { runPlaybook, runTasks } from "./converge.ts";

const HOST = "bookworm1";

describe("the language", () => {
  test("rescue takes over, always runs, until repeats, and a handler runs once, where it is flushed and at the end of the play", async () => {
    const { statuses, tasks } = await runTasks(
      `- block:
    - fail: {msg: broken}
  rescue:
    - debug: {msg: rescued}
  always:
    - debug: {msg: always}
- shell: echo x >> /tmp/tries; wc -l < /tmp/tries
  register: tries
  until: to_int(tries.stdout) >= 3
  retries: 5
  delay: 0
- command: rm /tmp/tries
- debug: {msg: "{{ item }}"}
  loop: [a, b]
  when: item != "a"
- set_fact: {number: !expr 1 + 1}
- assert: {that: [number == 2, 'tries.attempts == 3']}
- copy: {content: x, dest: /srv/h}
  notify: say
- command: "true"
  notify: say
- meta: flush_handlers
- file: {path: /srv/h, state: absent}
  notify: say
- command: "true"
  notify: [say, say]
- debug: {msg: the last task}`,
      { hosts: [HOST], handlers: "- name: say\n  debug: {msg: handled}" },
    );
    expect(statuses).toEqual([
      "rescued fail",
      "ok debug",
      "ok debug",
      "changed shell",
      "changed command",
      "skipped debug",
      "ok debug",
      "ok set_fact",
      "ok assert",
      "changed copy",
      "changed command",
      "ok debug",
      "changed file",
      "changed command",
      "ok debug",
      "ok debug",
    ]);
    const said = tasks.flatMap(({ task, data }) => (task.module === "debug" ? [data?.["msg"]] : []));
    expect(said.slice(-3)).toEqual(["handled", "the last task", "handled"]);
  });

  test("run_once runs on one host, and all have its result; delegate_to acts on another", async () => {
    const { tasks, finished } = await runTasks(
      `- command: hostname
  run_once: true
  register: name
- assert: {that: length(name.stdout) > 0}
- command: hostname
  delegate_to: trixie1
  register: there
- assert: {that: there.stdout == 'trixie1'}`,
      { hosts: [HOST, "trixie1"] },
    );
    expect(finished.outcome).toBe("ok");
    expect(tasks.filter(({ task }) => task.module === "command")).toHaveLength(3);
  });

  test("names that Plumb sets itself are told of in variables and tasks that only a run includes, once for all hosts", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
    await writeFile(path.join(folder, "later.yml"), "port: 1\ngroups: [mine]\n");
    await writeFile(path.join(folder, "inner.yml"), "- debug: {msg: x}\n  vars:\n    hostvars: {}\n");
    const tasks = `
- set_fact: {which: inner}
- include_vars: later.yml
- include_tasks: "{{ which }}.yml"`.trim();
    const { events, finished } = await runTasks(tasks, { hosts: ["bookworm1", "trixie1"] }, folder);
    expect(finished.outcome).toBe("ok");
    const told = events.flatMap((event) =>
      event.type === "warning" && event.diagnostic !== undefined
        ? [
            `${event.diagnostic.code} ${path.basename(event.diagnostic.at?.file ?? "")}:${event.diagnostic.at?.line}`,
          ]
        : [],
    );
    expect(told.toSorted()).toEqual(["reserved-variable inner.yml:3", "reserved-variable later.yml:2"]);
  });

  test("unchanged tasks cost no round trips, however many they are, and neither do the facts", async () => {
    const many = Array.from(
      { length: 100 },
      (_, index) => `- file: {path: /srv/many${index}, state: absent}`,
    ).join("\n");
    const one = await runTasks("- file: {path: /srv/many0, state: absent}", { hosts: [HOST] });
    const hundred = await runTasks(many, { hosts: [HOST] });
    expect(hundred.tasks).toHaveLength(100);
    const trips = ({ finished }: typeof one): number | undefined => finished.hosts[0]?.counters?.roundTrips;
    expect(trips(hundred)).toBe(trips(one));
    const factless = await runPlaybook(
      "- hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n    - file: {path: /srv/many0, state: absent}\n",
      { hosts: [HOST] },
    );
    const withFacts = await runPlaybook(
      "- hosts: all\n  become: true\n  gather_facts: true\n  tasks:\n    - file: {path: /srv/many0, state: absent}\n    - assert: {that: [defined(ansible_kernel)]}\n",
      { hosts: [HOST] },
    );
    expect(withFacts.statuses).toEqual(["ok file", "ok assert"]);
    expect(trips(withFacts)).toBe(trips(factless));
  });

  test("a secret is shown nowhere", async () => {
    const secret = "correct horse battery staple";
    const { events } = await runTasks(
      `- user: {name: keeper, password: "${secret}"}\n- copy: {content: "has ${secret}", dest: /srv/secret}\n- command: cat /srv/secret\n- user: {name: keeper, state: absent}`,
      {
        hosts: [HOST],
        diff: true,
      },
    );
    expect(JSON.stringify(events)).not.toContain(secret);
  });
});
