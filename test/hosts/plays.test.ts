import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import type { Converged } from "./converge.ts";
import { runPlaybook, runTasks } from "./converge.ts";
import { labHost, onHost } from "./lab-hosts.ts";
import { relayTo, throughRelay } from "./relay.ts";
import { onlyOn, told } from "./told.ts";

const HOSTS = ["bookworm1", "trixie1"];
const HOST = "bookworm1";
const newFolder = (): Promise<string> => mkdtemp(path.join(tmpdir(), "plumb-plays-"));

const failures = ({ tasks }: Converged): string[] =>
  tasks.filter(({ status }) => status === "failed").map(({ message }) => message);

describe("meta", () => {
  test("end_host ends one host, end_batch a batch, end_play all: none acts on a task after it", async () => {
    const host = await runPlaybook(
      `- hosts: all
  tasks:
    - block:
        - meta: end_host
          when: inventory_hostname == 'trixie1'
        - {name: inside, command: "true"}
      always:
        - {name: always, debug: {}}
- hosts: all
  tasks:
    - {name: next play, debug: {}}`,
      { hosts: HOSTS },
    );
    expect(onlyOn("trixie1", told(host))).toEqual(["next play: ok"]);
    expect(onlyOn(HOST, told(host))).toEqual(["inside: changed", "always: ok", "next play: ok"]);
    const play = (what: string): Promise<Converged> =>
      runPlaybook(
        `- hosts: all
  serial: 1
  handlers:
    - {name: handler, command: "true"}
  tasks:
    - {name: before, command: "true", notify: handler}
    - meta: ${what}
    - {name: after, command: "true"}
- hosts: all
  tasks:
    - {name: next play, debug: {}}`,
        { hosts: HOSTS },
      );
    const batch = await play("end_batch");
    for (const one of HOSTS)
      expect(onlyOn(one, told(batch))).toEqual(["before: changed", "handler: changed", "next play: ok"]);
    const ended = await play("end_play");
    expect(onlyOn(HOST, told(ended))).toEqual(["before: changed", "handler: changed", "next play: ok"]);
    expect(onlyOn("trixie1", told(ended))).toEqual(["next play: ok"]);
    expect(ended.finished.outcome).toBe("ok");
  });

  test("end_play by one host stops the others before their next change", async () => {
    const run = await runPlaybook(
      `- hosts: all
  tasks:
    - {name: slow, shell: "sleep 1", when: inventory_hostname == 'trixie1'}
    - meta: end_play
      when: inventory_hostname == 'trixie1'
    - {name: never, command: "true"}`,
      { hosts: HOSTS },
    );
    expect(told(run).filter((line) => line.includes("never"))).toEqual([]);
    expect(run.finished.outcome).toBe("ok");
  });

  test("clear_facts forgets what was gathered, until it is gathered again", async () => {
    const run = await runTasks(
      `- assert: {that: defined(ansible_facts.kernel)}
- set_fact: {kept: 1}
- meta: clear_facts
- assert: {that: "not defined(ansible_facts.kernel) and not defined(ansible_kernel) and kept == 1"}
- setup:
- assert: {that: defined(ansible_facts.kernel)}`,
      { hosts: [HOST] },
    );
    expect(failures(run)).toEqual([]);
  });

  test("clear_host_errors lets a host that failed take part in the next play", async () => {
    const run = await runPlaybook(
      `- hosts: all
  tasks:
    - {name: fails, fail: {msg: broken}, when: inventory_hostname == 'trixie1'}
    - meta: clear_host_errors
- hosts: all
  tasks:
    - {name: second, debug: {}}`,
      { hosts: HOSTS },
    );
    expect(onlyOn("trixie1", told(run))).toEqual(["fails: failed", "second: ok"]);
    expect(run.finished.outcome).toBe("ok");
  });

  test("end_role ends a role and goes on behind it; reset_connection connects anew", async () => {
    const folder = await newFolder();
    await mkdir(path.join(folder, "roles/r/tasks"), { recursive: true });
    await writeFile(
      path.join(folder, "roles/r/tasks/main.yml"),
      `- {name: first, command: "true", notify: h}
- meta: end_role
- {name: not any more, debug: {}}
`,
    );
    await mkdir(path.join(folder, "roles/r/handlers"));
    await writeFile(path.join(folder, "roles/r/handlers/main.yml"), '- {name: h, command: "true"}\n');
    const run = await runPlaybook(
      `- hosts: all
  become: true
  roles: [r]
  tasks:
    - {name: usergroup, command: groups, register: before, changed_when: false}
    - meta: reset_connection
    - {name: behind, debug: {}}
  handlers:
    - {name: h, command: "true"}`,
      { hosts: [HOST] },
      folder,
    );
    expect(onlyOn(HOST, told(run))).toEqual(["first: changed", "h: changed", "usergroup: ok", "behind: ok"]);
    expect(run.finished.outcome).toBe("ok");
    expect(run.events.filter(({ type }) => type === "host-unreachable")).toEqual([]);
    // The play has a handler of this name too; a task of the role means the role's.
    expect(run.tasks.find(({ task }) => task.name === "h")?.task.role).toBe("r");
  });

  test("refresh_inventory finds the hosts of later plays anew", async () => {
    const folder = await newFolder();
    let reads = 0;
    const run = await runPlaybook(
      `- hosts: bookworm1
  tasks:
    - meta: refresh_inventory
- hosts: fresh
  tasks:
    - {name: found, debug: {}}`,
      {
        hosts: [HOST],
        override: {
          readInventory: async () => {
            reads += 1;
            const file = path.join(folder, "hosts.ini");
            const { readFile } = await import("node:fs/promises");
            await writeFile(file, `${await readFile(file, "utf8")}\n[fresh]\nbookworm1\n`);
            return loadInventory([file]);
          },
        },
      },
      folder,
    );
    expect(reads).toBe(1);
    expect(told(run)).toEqual([`${HOST} found: ok`]);
  });
});

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
    const started = Date.now();
    const run = await runPlaybook(
      `- hosts: all
  timeout: 2
  tasks:
    - name: hangs
      wait_for: {path: /nowhere, timeout: 600}
      when: inventory_hostname == 'trixie1'
    - {name: after, command: "true"}
    - {name: "as long as it takes", shell: sleep 3, timeout: 0}`,
      { hosts: HOSTS },
    );
    expect(onlyOn("trixie1", told(run))).toEqual(["hangs: failed"]);
    expect(failures(run)[0]).toContain("2 s");
    expect(onlyOn(HOST, told(run)).slice(1)).toEqual(["after: changed", "as long as it takes: changed"]);
    expect(Date.now() - started).toBeLessThan(30_000);
  });
});

test("a connection that is lost between two tasks is made anew, and the host stays in the play", async () => {
  const relay = await relayTo(labHost(HOST).address);
  const running = runPlaybook(
    `- hosts: all
  become: true
  tasks:
    - {name: before, command: "true", notify: handler}
    - pause: {seconds: 2}
    - {name: after, shell: echo $PPID}
  handlers:
    - {name: handler, command: "true"}`,
    { hosts: [HOST], variables: await throughRelay(HOST, relay.port) },
  );
  await wait(1500);
  relay.drop();
  const run = await running;
  relay.cut();
  expect(onlyOn(HOST, told(run))).toEqual(["before: changed", "after: changed", "handler: changed"]);
  expect(run.finished.outcome).toBe("ok");
  expect(await onHost(HOST, "cat /var/lib/plumb/pending-handlers 2>/dev/null; true")).toBe("");
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

describe("facts", () => {
  test("delegate_facts sets them on the other host; without, on the own one", async () => {
    const run = await runPlaybook(
      `- hosts: bookworm1
  gather_facts: false
  tasks:
    - setup: {gather_subset: [min]}
      delegate_to: trixie1
      delegate_facts: true
    - set_fact: {theirs: 1}
      delegate_to: trixie1
      delegate_facts: true
    - set_fact: {mine: 1}
      delegate_to: trixie1
    - assert:
        that:
          - hostvars.trixie1.ansible_facts.hostname == 'trixie1'
          - hostvars.trixie1.theirs == 1
          - not defined(ansible_facts.hostname)
          - mine == 1 and not defined(theirs)
- hosts: trixie1
  gather_facts: false
  tasks:
    - assert: {that: [theirs == 1, "ansible_hostname == 'trixie1'", not defined(ansible_default_ipv4)]}`,
      { hosts: HOSTS },
    );
    expect(failures(run)).toEqual([]);
    expect(run.finished.outcome).toBe("ok");
  });

  test("delegate_to may name the item of a loop: each is done on its own host", async () => {
    const hosts = ["bookworm1", "trixie1"];
    const task = `- command: hostname
  delegate_to: "{{ item }}"
  loop: "{{ groups.all }}"
  run_once: true`;
    const { tasks, finished } = await runTasks(task, { hosts });
    expect(finished.outcome).toBe("ok");
    expect(tasks.map(({ data, task: { item } }) => [item?.label, data?.["stdout"]])).toEqual(
      hosts.map((host) => [host, host]),
    );
  });

  test("gather_subset leaves some out, and a later play sees what has changed since", async () => {
    const run = await runPlaybook(
      `- hosts: all
  become: true
  gather_subset: ["!all", network]
  tasks:
    - assert: {that: [defined(ansible_default_ipv4), not defined(ansible_memtotal_mb), defined(ansible_kernel)]}
    - shell: hostname plumbed
- hosts: all
  become: true
  tasks:
    - assert: {that: ["ansible_hostname == 'plumbed'", defined(ansible_memtotal_mb)]}
    - shell: hostname bookworm1`,
      { hosts: [HOST] },
    );
    expect(failures(run)).toEqual([]);
    expect(await onHost(HOST, "hostname")).toBe("bookworm1\n");
  });
});

describe("loops", () => {
  test("a loop over a block runs all of it for each item, with its rescue", async () => {
    const run = await runPlaybook(
      `- hosts: all
  vars: {list: [1, 2]}
  tasks:
    - block:
        - {name: "one {{ item }}", command: "test {{ item }} = 1"}
        - {name: "two {{ item }}", debug: {}}
      rescue:
        - {name: "mend {{ item }}", debug: {}}
      loop: "{{ list }}"
      when: item < 3`,
      { hosts: [HOST] },
    );
    expect(onlyOn(HOST, told(run))).toEqual(["one 1: changed", "two 1: ok", "one 2: rescued", "mend 2: ok"]);
  });

  test("loop_control: pause waits between items, and extended_allitems leaves the list out", async () => {
    const run = await runTasks(
      `- shell: date +%s%N
  loop: [a, b]
  loop_control: {pause: 1, extended: true, extended_allitems: false}
  register: said
- debug: {msg: "{{ to_json ansible_loop }}"}
  loop: [a]
  loop_control: {extended: true, extended_allitems: false}
  register: seen
- assert:
    that:
      - int(said.results[1].stdout) - int(said.results[0].stdout) >= 1000000000
      - not ('allitems' in from_json(seen.results[0].msg)) and 'revindex' in from_json(seen.results[0].msg)`,
      { hosts: [HOST] },
    );
    expect(failures(run)).toEqual([]);
  });

  test("loop_control: extended, names, break_when, and a loop over nothing", async () => {
    const run = await runTasks(
      `- debug:
    msg: "{{ ansible_loop.revindex }} {{ default ansible_loop.nextitem '-' }} {{ length ansible_loop.allitems }} {{ n }}"
  loop: [a, b, c]
  loop_control: {extended: true, loop_var: letter, index_var: n, break_when: "letter == 'b'"}
  register: said
- command: echo {{ item }}
  loop: []
  register: nothing
- assert:
    that:
      - length(said.results) == 2
      - said.results[0].msg == '3 b 3 0' and said.results[1].msg == '2 c 3 1'
      - said.results[1].letter == 'b' and said.results[1].ansible_loop_var == 'letter'
      - nothing.skipped and nothing.results == [] and not nothing.changed`,
      { hosts: [HOST] },
    );
    expect(failures(run)).toEqual([]);
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
