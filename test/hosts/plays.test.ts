import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Converged, runPlaybook, runTasks } from "./converge.ts";
import { labHost, onHost } from "./lab-hosts.ts";
import { relayTo, throughRelay } from "./relay.ts";
import { failures, onlyOn, told } from "./told.ts";

const HOSTS = ["bookworm1", "trixie1"];
const HOST = "bookworm1";
const newFolder = (): Promise<string> => mkdtemp(path.join(tmpdir(), "plumb-plays-"));

describe("hosts that fail", () => {
  test("unreachable ones count for max_fail_percentage, and any_errors_fatal on a task ends all", async () => {
    const unreachable = await runPlaybook(
      `- hosts: all
  max_fail_percentage: 40
  tasks:
    - {name: acts, command: "true"}
- hosts: all
  tasks:
    - {name: next, debug: {}}`,
      {
        hosts: HOSTS,
        variables: { ansible_port: "\"{{ ternary (eq inventory_hostname 'trixie1') 1 22 }}\"" },
      },
    );
    expect(told(unreachable).filter((line) => line.includes("next"))).toEqual([]);
    expect(unreachable.finished.outcome).not.toBe("ok");
    const fatal = (rescue: string): Promise<Converged> =>
      runPlaybook(
        `- hosts: all
  tasks:
    - block:
        - {name: fails, fail: {msg: broken}, when: inventory_hostname == 'trixie1', any_errors_fatal: true}
${rescue}    - {name: after, command: "true"}`,
        { hosts: HOSTS },
      );
    expect(told(await fatal("")).filter((line) => line.includes("after"))).toEqual([]);
    const rescued = await fatal("      rescue:\n        - {name: mends, debug: {}}\n");
    expect(told(rescued).filter((line) => line.includes("after"))).toHaveLength(2);
  });

  test("ignore_unreachable: each task tries again, and the play goes on without", async () => {
    const run = await runPlaybook(
      `- hosts: all
  ignore_unreachable: true
  gather_facts: false
  tasks:
    - {name: one, command: "true", register: result}
    - {name: two, debug: {}, when: "default(result.unreachable, false)"}
    - {name: three, debug: {}, delegate_to: bookworm1}`,
      {
        hosts: HOSTS,
        variables: { ansible_port: "\"{{ ternary (eq inventory_hostname 'trixie1') 1 22 }}\"" },
      },
    );
    expect(onlyOn("trixie1", told(run))[0]).toBe("one: ignored");
    expect(onlyOn(HOST, told(run))).toEqual(["one: changed", "two: skipped", "three: ok"]);
    expect(run.finished.outcome).toBe("ok");
  });

  test("a handler that fails does so once a run, and is still to be done in the next", async () => {
    const play = (command: string): string =>
      `- hosts: all
  become: true
  tasks:
    - {name: before, command: "true", notify: handler}
  handlers:
    - {name: handler, command: "${command}"}`;
    const folder = await newFolder();
    const failing = await runPlaybook(play("false"), { hosts: [HOST] }, folder);
    expect(onlyOn(HOST, told(failing))).toEqual(["before: changed", "handler: failed"]);
    expect(failing.finished.hosts[0]?.pendingHandlers).toHaveLength(1);
    const mended = await runPlaybook(play("true"), { hosts: [HOST] }, folder);
    expect(mended.finished.hosts[0]?.pendingHandlers).toEqual([]);
  });

  test("rescue and always know what failed, nested too, and handlers notified before a failure run", async () => {
    const run = await runPlaybook(
      `- hosts: all
  tasks:
    - {name: notifies, command: "true", notify: handler}
    - block:
        - block:
            - {name: "fails {{ inventory_hostname }}", shell: "echo broken; exit 7"}
          rescue:
            - assert: {that: ["ansible_failed_task.name == 'fails bookworm1'", "ansible_failed_result.rc == 7"]}
            - {name: fails too, fail: {msg: again}}
          always:
            - {name: inner always, debug: {}}
      rescue:
        - assert: {that: ["ansible_failed_task.name == 'fails too'", "ansible_failed_result.msg == 'again'"]}
      always:
        - {name: outer always, debug: {}}
    - {name: loop fails, fail: {msg: "{{ item }}"}, loop: [a, b]}
  handlers:
    - {name: handler, command: "true"}`,
      { hosts: [HOST] },
    );
    expect(onlyOn(HOST, told(run))).toEqual([
      "notifies: changed",
      "fails bookworm1: rescued",
      "fails too: rescued",
      "inner always: ok",
      "outer always: ok",
      "loop fails: failed",
      "loop fails: failed",
      "handler: changed",
    ]);
    expect(run.finished.outcome).toBe("failed");
  });

  test("a time limit of a task holds for whatever it waits for; the others are not held up for longer", async () => {
    const run = await runPlaybook(
      `- hosts: all
  timeout: 4
  tasks:
    - name: hangs
      wait_for: {path: /nowhere, timeout: 600}
      when: inventory_hostname == 'trixie1'
    - {name: after, command: "true"}
    - {name: "as long as it takes", shell: sleep 5, timeout: 0}`,
      { hosts: HOSTS },
    );
    expect(onlyOn("trixie1", told(run))).toEqual(["hangs: failed"]);
    expect(failures(run)[0]).toContain("4 s");
    expect(onlyOn(HOST, told(run)).slice(1)).toEqual(["after: changed", "as long as it takes: changed"]);
  });
});

test("a connection that is lost between two tasks is made anew, and the host stays in the play", async () => {
  const relay = await relayTo(labHost(HOST).address);
  const run = await runPlaybook(
    `- hosts: all
  become: true
  tasks:
    - {name: before, command: touch /run/plumb-before, notify: handler}
    - pause: {seconds: 1}
    - {name: after, shell: echo $PPID}
  handlers:
    - {name: handler, command: "true"}`,
    {
      hosts: [HOST],
      variables: await throughRelay(HOST, relay.port),
      // It waits, and nothing is under way on the host.
      hear: (event) => event.type === "task-started" && event.task.module === "pause" && relay.drop(),
    },
  );
  relay.cut();
  expect(onlyOn(HOST, told(run))).toEqual(["before: changed", "after: changed", "handler: changed"]);
  expect(run.finished.outcome).toBe("ok");
  expect(
    await onHost(HOST, "rm /run/plumb-before; cat /var/lib/plumb/pending-handlers 2>/dev/null; true"),
  ).toBe("");
});

test("what a handler has found out for one behind it is found out anew by the run that goes on with that one", async () => {
  const playbook = (allows: string): string => `- hosts: all
  become: true
  tasks:
    - {name: notifies, command: "true", changed_when: ${allows === "false"}, notify: topic}
  handlers:
    - {name: plain, command: "true", listen: topic}
    - {name: asks, command: echo needed, register: asked, listen: topic}
    - {name: acts, command: "${allows}", when: 'defined(asked) and asked.stdout == "needed"', listen: topic}`;
  await onHost(HOST, "echo half > /var/lib/plumb/pending-handlers.new");
  const first = await runPlaybook(playbook("false"), { hosts: [HOST] });
  expect(first.finished.outcome).toBe("failed");
  const next = await runPlaybook(playbook("true"), { hosts: [HOST] });
  expect(onlyOn(HOST, told(next))).toEqual(["notifies: ok", "asks: changed", "acts: changed"]);
  expect(await onHost(HOST, "ls /var/lib/plumb | grep handlers; true")).toBe("");
});

describe("a user that a task makes", () => {
  const tasks = `
- user: {name: newcomer}
- copy: {content: x, dest: /home/newcomer/x}
  become_user: newcomer
- command: id -un
  become_user: newcomer
`.trim();

  test("is become by those behind it, and in check mode nobody knows what would come of them", async () => {
    expect((await runTasks(tasks, { check: true })).statuses).toEqual([
      "would-change user",
      "unknown copy",
      "unknown command",
    ]);
    expect((await runTasks(tasks)).statuses).toEqual(["changed user", "changed copy", "changed command"]);
    expect(await onHost("bookworm1", "stat -c %U /home/newcomer/x; userdel --remove newcomer")).toBe(
      "newcomer\n",
    );
  });

  test("and one that nobody makes fails the task, and not the host", async () => {
    for (const task of ["copy: {content: x, dest: /srv/x}", "command: id -un"]) {
      const run = await runTasks(
        `- ${task}\n  become_user: nobody-at-all\n  ignore_errors: true\n- debug: {msg: on}`,
      );
      expect(run.statuses).toEqual([`ignored ${task.split(":")[0]}`, "ok debug"]);
      expect(run.tasks[0]?.message).toMatch(/could not become nobody-at-all: .*unknown user/);
    }
  });
});

test("module_defaults: a list of mappings, the nearest mapping of a module whole, and a task's own word", async () => {
  const run = await runPlaybook(
    `- hosts: all
  gather_facts: false
  module_defaults:
    - shell: {chdir: /srv, executable: /bin/bash}
    - command: {chdir: /etc}
  tasks:
    - {name: play, shell: "echo $PWD \${BASH_VERSION:+bash}", register: play}
    - block:
        - {name: block, shell: "echo $PWD \${BASH_VERSION:+bash}", register: block}
        - {name: own, shell: "echo $PWD", args: {chdir: /usr}, register: own}
        - {name: other, command: pwd, register: other}
      module_defaults: {shell: {chdir: /var}}
    - assert:
        that:
          - play.stdout == '/srv bash' and block.stdout == '/var'
          - own.stdout == '/usr' and other.stdout == '/etc'`,
    { hosts: [HOST] },
  );
  expect(failures(run)).toEqual([]);
});

test("environment is merged from play, block and task; module_defaults fill in; run_once takes a template", async () => {
  const run = await runPlaybook(
    `- hosts: all
  vars: {once: true}
  environment: {A: play, B: play, C: play}
  module_defaults: {shell: {chdir: /srv}}
  tasks:
    - block:
        - shell: echo $A $B $C $PWD
          environment: [{C: task}]
          register: said
          changed_when: false
        - assert: {that: "said.stdout == 'play block task /srv'"}
      environment: {B: block}
    - {name: once, command: "true", run_once: "{{ once }}"}
    - environment: "{{ said.stdout }}"
      name: no mapping
      shell: "true"
      ignore_errors: true`,
    { hosts: HOSTS },
  );
  expect(failures(run)).toEqual([]);
  expect(told(run).filter((line) => line.includes("once"))).toHaveLength(1);
  expect(told(run).filter((line) => line.endsWith("no mapping: ignored"))).toHaveLength(2);
});
