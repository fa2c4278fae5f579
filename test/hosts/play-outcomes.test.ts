import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Converged, runPlaybook, runTasks } from "./converge.ts";
import { onHost } from "./lab-hosts.ts";
import { failures, onlyOn, told } from "./told.ts";

const HOSTS = ["bookworm1", "trixie1"];
const HOST = "bookworm1";

describe("hosts that fail", () => {
  test("a batch that fails as a whole ends the run: the next batches and plays are left alone, and the run has failed", async () => {
    const run = await runPlaybook(
      `- hosts: all
  serial: 1
  tasks:
    - {name: fails, command: "false"}
- hosts: all
  tasks:
    - {name: next, command: "true"}`,
      { hosts: HOSTS },
    );
    expect(told(run)).toEqual(["bookworm1 fails: failed"]);
    expect(run.finished.outcome).toBe("failed");
    const all = await runPlaybook(
      `- hosts: ${HOST}
  tasks:
    - {name: fails, command: "false"}
- hosts: trixie1
  tasks:
    - {name: next, command: "true"}`,
      { hosts: HOSTS },
    );
    expect(told(all)).toEqual(["bookworm1 fails: failed"]);
  });

  test("a failure counts for max_fail_percentage in a block with `always` too; with `strategy: free` one host runs a run_once task", async () => {
    const counted = await runPlaybook(
      `- hosts: all
  gather_facts: false
  max_fail_percentage: 40
  tasks:
    - block: [{name: fails, command: "false", when: inventory_hostname == "trixie1"}]
      always: [{name: always, debug: {}}]
    - {name: next, command: "true"}`,
      { hosts: HOSTS },
    );
    expect(told(counted).filter((line) => line.includes("next"))).toEqual([]);
    expect(counted.finished.outcome).toBe("failed");
    const free = await runPlaybook(
      `- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - {name: once, command: echo here, run_once: true, register: said, changed_when: false}
    - {name: all have it, assert: {that: said.stdout == "here"}}`,
      { hosts: HOSTS },
    );
    expect(told(free).filter((line) => line.includes("once"))).toHaveLength(1);
    expect(told(free).filter((line) => line.includes("all have it: ok"))).toHaveLength(2);
  });

  test("a run_once task that some hosts include is run by the first of these", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-once-"));
    await writeFile(
      path.join(folder, "some.yml"),
      '- {name: once, command: "true", run_once: true}\n- {name: each, command: "true"}\n',
    );
    const run = await runPlaybook(
      `- hosts: all
  gather_facts: false
  tasks:
    - include_tasks: some.yml
      when: inventory_hostname == "trixie1"`,
      { hosts: HOSTS },
      folder,
    );
    expect(told(run).filter((line) => !line.includes("include_tasks"))).toEqual([
      "trixie1 once: changed",
      "trixie1 each: changed",
    ]);
  });

  test("a run_once task that fails does so for each host, and each one's rescue takes over; more failures than max_fail_percentage in the last task end the run", async () => {
    const once = await runPlaybook(
      `- hosts: all
  gather_facts: false
  tasks:
    - block: [{name: fails, command: "false", run_once: true}]
      rescue: [{name: mends, debug: {}}]
    - {name: after, debug: {}}`,
      { hosts: HOSTS },
    );
    expect(told(once).sort()).toEqual([
      "bookworm1 after: ok",
      "bookworm1 fails: rescued",
      "bookworm1 mends: ok",
      "trixie1 after: ok",
      "trixie1 mends: ok",
    ]);
    const last = await runPlaybook(
      `- hosts: all
  max_fail_percentage: 40
  tasks:
    - {name: fails, command: "false", when: inventory_hostname == "trixie1"}
- hosts: all
  tasks:
    - {name: next, debug: {}}`,
      { hosts: HOSTS },
    );
    expect(told(last).filter((line) => line.includes("next"))).toEqual([]);
  });

  test("max_fail_percentage ends no loop of a run_once task before its last item, and none is begun behind it", async () => {
    const run = await runPlaybook(
      `- hosts: all
  gather_facts: false
  max_fail_percentage: 0
  tasks:
    - {name: once, command: sleep 0.3, run_once: true, loop: [1, 2, 3], failed_when: item == 1}
    - {name: behind, command: "true", run_once: true, loop: [1, 2]}`,
      { hosts: HOSTS },
    );
    expect(told(run)).toEqual([
      "bookworm1 once: failed",
      "bookworm1 once: changed",
      "bookworm1 once: changed",
    ]);
    const before = await runPlaybook(
      `- hosts: all
  gather_facts: false
  max_fail_percentage: 0
  tasks:
    - {name: fails, command: sleep 0.5, failed_when: inventory_hostname == "trixie1"}
    - {name: once, command: "true", run_once: true, loop: [1, 2]}`,
      { hosts: HOSTS },
    );
    expect(told(before).sort()).toEqual(["bookworm1 fails: changed", "trixie1 fails: failed"]);
  });

  test("any_errors_fatal ends the play behind the same task on every host, and the run has failed", async () => {
    const run = await runPlaybook(
      `- hosts: all
  any_errors_fatal: true
  tasks:
    - {name: first, shell: "sleep {{ ternary (eq inventory_hostname 'trixie1') 0 1 }}", failed_when: inventory_hostname == 'trixie1'}
    - {name: second, command: "true"}`,
      { hosts: HOSTS },
    );
    expect(told(run).sort()).toEqual(["bookworm1 first: changed", "trixie1 first: failed"]);
    expect(run.finished.outcome).toBe("failed");
  });

  test("any_errors_fatal: handlers of a host that has failed run, and a host that was done by then has not failed", async () => {
    const { tasks } = await runPlaybook(
      `- hosts: all
  any_errors_fatal: true
  gather_facts: false
  tasks:
    - {command: "true", changed_when: true, notify: tell}
    - fail: {}
      when: inventory_hostname == "bookworm1"
  handlers:
    - {name: tell, command: "true"}
`,
      { hosts: HOSTS },
    );
    const told = tasks.filter(({ task }) => task.handler).map(({ host }) => host);
    expect(told).toContain("bookworm1");

    const { finished } = await runPlaybook(
      `- hosts: all
  any_errors_fatal: true
  gather_facts: false
  strategy: free
  tasks:
    - command: "sleep {{ ternary (eq inventory_hostname 'trixie1') 2 0 }}"
    - fail: {}
      when: inventory_hostname == "trixie1"
`,
      { hosts: HOSTS },
    );
    expect(finished.hosts.map(({ host, outcome }) => `${host} ${outcome}`).sort()).toEqual([
      "bookworm1 ok",
      "trixie1 failed",
    ]);
  });

  test("`until` that never holds is a failure, unless failed_when says what one is; a failure for which it holds is not tried again", async () => {
    const run = await runTasks(
      `- {name: never, command: "true", register: last, until: last.rc == 1, retries: 1, delay: 0, ignore_errors: true}
- {name: no matter, command: "true", register: last, until: last.rc == 1, retries: 1, delay: 0, failed_when: false}
- {name: as wished, command: "false", register: last, until: last.rc == 1, retries: 1, delay: 0, ignore_errors: true}
- {name: not there, command: "false", register: last, until: last.json.done == true, retries: 1, delay: 0, ignore_errors: true}`,
      { hosts: [HOST] },
    );
    expect(onlyOn(HOST, told(run))).toEqual([
      "never: ignored",
      "no matter: changed",
      "as wished: ignored",
      "not there: ignored",
    ]);
    expect(run.tasks.map(({ attempts }) => attempts)).toEqual([2, 2, 1, 2]);
    expect(run.tasks[0]?.message).toMatch(/^`until` did not hold after 2 tries/);
    expect(run.tasks[3]?.message).toMatch(/after 2 tries/);
  });
});

describe("a gate between batches that tries again has a deadline", () => {
  const rollOut = (gate: string): string => `- hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - {name: change, command: touch /srv/gate-changed}
    - {name: gate, ${gate}, register: asked, until: asked.rc == 0, retries: 100000}
- hosts: all
  tasks:
    - {name: next play, command: "true"}`;
  /** Hosts are gone through in turn; the last one is what the gate is about. */
  const passing = async (gate: string): Promise<{ lines: string[]; run: Converged }> => {
    const run = await runPlaybook(rollOut(gate), { hosts: HOSTS, user: "root" });
    return { lines: told(run), run };
  };

  test.each([
    ["fails at once each time", `command: "false", delay: 0, timeout: 3`, /leaves none for another/],
    [
      "would only be tried again behind it",
      `command: "false", delay: 60, timeout: 3`,
      /1 try, and `timeout` leaves none/,
    ],
    [
      "hangs in its second try",
      `shell: "[ -e /srv/gate-asked ] && exec sleep 4325; touch /srv/gate-asked; exit 1", delay: 0, timeout: 3`,
      /it did not end within 3 s.*after 2 tries/,
    ],
  ])("one that %s has failed then, and the other batches are left alone", async (_, gate, message) => {
    const started = Date.now();
    const { lines, run } = await passing(gate);
    expect(lines).toEqual(["bookworm1 change: changed", "bookworm1 gate: failed"]);
    expect(failures(run)[0]).toMatch(message);
    // Each try has not three seconds of its own: a hundred would take minutes.
    expect(Date.now() - started).toBeLessThan(60_000);
    expect(run.finished.outcome).toBe("failed");
    expect(await onHost("trixie1", "ls /srv/gate-changed 2>/dev/null; true")).toBe("");
    await onHost(HOST, "rm -f /srv/gate-*; ! pgrep -f '[s]leep 4325'");
  });

  test("one that holds in time lets the next batch go; in the last try it may take what is left, and `failed_when` has the last word", async () => {
    const later = `shell: "echo x >> /srv/gate-tries; test $(wc -l < /srv/gate-tries) -ge 3", delay: 1, timeout: 60`;
    const { lines } = await passing(later);
    expect([...lines.slice(0, 4), ...lines.slice(4).toSorted()]).toEqual([
      "bookworm1 change: changed",
      "bookworm1 gate: changed",
      "trixie1 change: changed",
      "trixie1 gate: changed",
      "bookworm1 next play: changed",
      "trixie1 next play: changed",
    ]);
    const tolerant = await passing(`command: "false", delay: 60, timeout: 5, failed_when: false`);
    expect(tolerant.lines).toContain("trixie1 next play: changed");
    for (const host of HOSTS) await onHost(host, "rm /srv/gate-*");
  });
});

describe("what a task leaves for others", () => {
  test("a handler that another one notifies has its turn in the order of their definition, or in another round", async () => {
    const run = await runTasks("- {name: task, debug: {}, changed_when: true, notify: [second, fourth]}", {
      hosts: [HOST],
      handlers: `- {name: first, debug: {}}
- {name: second, debug: {}, changed_when: true, notify: [first, third]}
- {name: third, debug: {}}
- {name: fourth, debug: {}}`,
    });
    expect(onlyOn(HOST, told(run))).toEqual([
      "task: changed",
      "second: changed",
      "third: ok",
      "fourth: ok",
      "first: ok",
    ]);
  });

  test("the next item of a loop sees what came of the one before; a failure tells whether it has changed something", async () => {
    const run = await runTasks(
      `- {name: loop, command: "test {{item}} = 2", loop: [1, 2, 3], register: last, when: "default(last.rc, 1) != 0", failed_when: false}
- {name: fails, command: "true", register: result, failed_when: true, ignore_errors: true}
- {name: sees, assert: {that: [result.failed, result.changed]}}`,
      { hosts: [HOST] },
    );
    expect(onlyOn(HOST, told(run))).toEqual([
      "loop: changed",
      "loop: changed",
      "loop: skipped",
      "fails: ignored",
      "sees: ok",
    ]);
  });

  test("run_once: the first host of the batch runs it, however late it comes", async () => {
    const run = await runPlaybook(
      `- hosts: all
  gather_facts: false
  tasks:
    - {name: late, command: sleep 1, when: inventory_hostname == "bookworm1"}
    - {name: once, debug: {msg: "{{ inventory_hostname }}"}, run_once: true, register: result}
    - {name: seen, debug: {msg: "{{ result.msg }}"}}`,
      { hosts: HOSTS },
    );
    expect(run.tasks.filter(({ task }) => task.name !== "late").map(({ data }) => data?.["msg"])).toEqual(
      Array.from({ length: 3 }, () => "bookworm1"),
    );
  });
});
