import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import { type Converged, runPlaybook, runTasks } from "./converge.ts";
import { failures, onlyOn, told } from "./told.ts";

const HOSTS = ["bookworm1", "trixie1"];
const HOST = "bookworm1";
const newFolder = (): Promise<string> => mkdtemp(path.join(tmpdir(), "plumb-plays-"));

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

  test("clear_host_errors clears what failed in front of it, on whichever host, and nothing behind it", async () => {
    const run = await runPlaybook(
      `- hosts: all
  gather_facts: false
  tasks:
    - {name: in front, command: sleep 1, failed_when: inventory_hostname == "trixie1"}
    - meta: clear_host_errors
    - {name: behind, assert: {that: "false"}, when: inventory_hostname == "bookworm1"}
- hosts: all
  gather_facts: false
  tasks:
    - {name: next play, debug: {}}`,
      { hosts: HOSTS },
    );
    expect(told(run).filter((line) => line.includes("next play"))).toEqual(["trixie1 next play: ok"]);
    expect(run.finished.hosts.map(({ host, outcome }) => `${host} ${outcome}`).sort()).toEqual([
      "bookworm1 failed",
      "trixie1 ok",
    ]);
  });

  test("what `when` of meta, of an include, and run_once ask of another host is waited for", async () => {
    const folder = await newFolder();
    await writeFile(path.join(folder, "more.yml"), "- {name: included, debug: {}}\n");
    const run = await runPlaybook(
      `- hosts: all
  gather_facts: false
  tasks:
    - {name: slow, command: sleep 1, when: inventory_hostname == "trixie1"}
    - set_fact: {ready: true}
      when: inventory_hostname == "trixie1"
    - include_tasks: more.yml
      when: hostvars["trixie1"].ready
    - {name: once, debug: {}, run_once: "{{ hostvars.trixie1.ready }}"}
    - meta: end_host
      when: hostvars["trixie1"].ready and inventory_hostname == "bookworm1"
    - {name: last, debug: {}}`,
      { hosts: HOSTS },
      folder,
    );
    expect(onlyOn(HOST, told(run)).filter((line) => !/slow|set_fact/.test(line))).toEqual([
      "included: ok",
      "once: ok",
    ]);
    expect(onlyOn("trixie1", told(run)).slice(-2)).toEqual(["included: ok", "last: ok"]);
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
