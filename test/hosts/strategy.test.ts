import { describe, expect, test } from "vitest";
import type { Event } from "../../src/converge/event.ts";
import { runPlaybook } from "./converge.ts";
import { onHost } from "./lab-hosts.ts";

const HOSTS = ["bookworm1", "trixie1"];
const TASKS = `  tasks:
    - shell: sleep {{seconds}}; date +%s%N
      register: first
    - shell: date +%s%N
      register: second
`;
const seconds = { seconds: `"{{ ternary (eq inventory_hostname 'trixie1') 2 0 }}"` };

/** Host and standard output of the nth task. */
function outputs(events: readonly Event[], line: number): Map<string, number> {
  return new Map(
    events.flatMap((event) =>
      event.type === "task-finished" && event.task.at?.line === line
        ? [[event.host, Number(event.data?.["stdout"])] as const]
        : [],
    ),
  );
}

describe("strategy", () => {
  test("linear: nobody acts on the second task before all have done the first", async () => {
    const { events } = await runPlaybook(`- hosts: all\n  vars: {seconds: ${seconds.seconds}}\n${TASKS}`, {
      hosts: HOSTS,
    });
    const slowFirst = outputs(events, 4).get("trixie1") ?? Number.NaN;
    expect(outputs(events, 6).get("bookworm1")).toBeGreaterThan(slowFirst);
  });

  test("free: each goes at its own pace", async () => {
    await onHost("trixie1", "rm -f /tmp/strategy");
    // The first task of one waits for the second of the other.
    const { events, finished } = await runPlaybook(
      `- hosts: all
  strategy: free
  tasks:
    - shell: for n in $(seq 600); do [ -e /tmp/strategy ] && exit; sleep 0.1; done; exit 1
      when: inventory_hostname == 'trixie1'
    - shell: date +%s%N
`,
      {
        hosts: HOSTS,
        hear: (event) => {
          if (event.type === "task-finished" && event.host === "bookworm1" && event.status === "changed")
            void onHost("trixie1", "touch /tmp/strategy");
        },
      },
    );
    expect(finished.outcome).toBe("ok");
    expect(outputs(events, 6).size).toBe(2);
    await onHost("trixie1", "rm /tmp/strategy");
  });

  test("with fewer forks than hosts, waiting hosts make room", async () => {
    const { finished } = await runPlaybook(`- hosts: all\n  vars: {seconds: "0"}\n${TASKS}`, {
      hosts: HOSTS,
      override: { forks: 1 },
    });
    expect(finished.outcome).toBe("ok");
  });

  test.each([
    ["throttle", 8],
    ["forks", 1],
  ] as const)("%s: one after another", async (keyword, forks) => {
    const { events } = await runPlaybook(
      `- hosts: all\n  tasks:\n    - shell: date +%s%N; sleep 0.5\n${keyword === "throttle" ? "      throttle: 1\n" : ""}`,
      { hosts: HOSTS, override: { forks } },
    );
    const starts = [...outputs(events, 3).values()].sort((a, b) => a - b);
    expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThan(0.45e9);
  });

  test("what a task has set on one host, others see in the same play: they wait for it", async () => {
    const { finished, tasks } = await runPlaybook(
      `- hosts: all
  tasks:
    - shell: sleep 1; echo $((6 * 7))
      register: made
      when: inventory_hostname == 'trixie1'
    - set_fact: {answer: "{{made.stdout}}"}
      when: inventory_hostname == 'trixie1'
    - assert: {that: "hostvars['trixie1'].answer == '42'"}
    - debug: {msg: "{{lookup hostvars groups.all.[1] 'ansible_facts' 'distribution_release'}} {{hostvars.trixie1.answer}}"}
      register: said
    - assert: {that: said.msg == 'trixie 42'}`,
      { hosts: HOSTS },
    );
    expect(tasks.filter(({ status }) => status === "failed")).toEqual([]);
    expect(finished.outcome).toBe("ok");
  });

  test("too many failed: the rest stop before the next task", async () => {
    const { tasks, finished } = await runPlaybook(
      `- hosts: all
  max_fail_percentage: 40
  tasks:
    - command: "false"
      when: inventory_hostname == 'trixie1'
    - command: touch /tmp/never`,
      { hosts: HOSTS },
    );
    expect(finished.outcome).not.toBe("ok");
    expect(tasks.filter(({ task }) => task.at?.line === 6)).toEqual([]);
  });
});
