import { describe, expect, test } from "vitest";
import { runPlaybook, runTasks } from "./converge.ts";
import { onHost } from "./lab-hosts.ts";
import { failures } from "./told.ts";

const HOSTS = ["bookworm1", "trixie1"];
const HOST = "bookworm1";

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

  test("what several hosts have another one do to the same file is all done, each after the other", async () => {
    const run = await runTasks(
      `- lineinfile: {path: /srv/from-all, line: "{{ inventory_hostname }} {{ item }}", create: true}
  delegate_to: bookworm2
  loop: [1, 2, 3]
- shell: 'true'
  delegate_to: bookworm2
- blockinfile: {path: /srv/from-all, block: "{{ inventory_hostname }}", marker: "# {mark} {{ inventory_hostname }}"}
  delegate_to: bookworm2`,
      { hosts: [...HOSTS, "bookworm2"] },
    );
    expect(failures(run)).toEqual([]);
    const text = await onHost("bookworm2", "cat /srv/from-all; rm /srv/from-all");
    const hosts = [...HOSTS, "bookworm2"];
    expect(text.match(/^\S+ [123]$/gm)?.sort()).toEqual(
      hosts.flatMap((host) => [1, 2, 3].map((item) => `${host} ${item}`)).sort(),
    );
    expect(text.match(/^# BEGIN .*$/gm)?.sort()).toEqual(hosts.map((host) => `# BEGIN ${host}`).sort());
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
    - command: systemctl --version
      register: systemd
    - assert: {that: ["ansible_hostname == 'plumbed'", defined(ansible_memtotal_mb), "systemd.stdout.startsWith('systemd ' + string(ansible_systemd_version) + ' ')"]}
    - shell: hostname bookworm1`,
      { hosts: [HOST] },
    );
    expect(failures(run)).toEqual([]);
    expect(await onHost(HOST, "hostname")).toBe("bookworm1\n");
  });
});
