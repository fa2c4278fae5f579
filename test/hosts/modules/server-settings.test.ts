import { describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { onHost } from "../lab-hosts.ts";
import { keepTheirPromises, type Promised } from "./promise.ts";

const KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIGLQm3DZsW1AQ8Bn4ejm5kkJ6jvQ7VNbqkJfPvcVDb7V";

const CASES: readonly Promised[] = [
  {
    module: "timezone",
    tasks: "- timezone: {name: Europe/Berlin}",
    holds:
      "[ \"$(date +%Z)\" != UTC ] && readlink -f /etc/localtime | grep -q 'Berlin$' && { [ ! -e /etc/timezone ] || grep -qx Europe/Berlin /etc/timezone; }",
    drift: "ln -sfn /usr/share/zoneinfo/Asia/Tokyo /etc/localtime",
    undo: { tasks: "- timezone: {name: Etc/UTC}", gone: '[ "$(date +%Z)" = UTC ]' },
  },
  {
    module: "locale_gen",
    tasks: "- locale_gen: {name: de_DE.UTF-8}",
    before: havePackages("locales"),
    holds: "locale -a | grep -qx de_DE.utf8 && grep -qx 'de_DE.UTF-8 UTF-8' /etc/locale.gen",
    drift: "sed -i 's/^de_DE/# de_DE/' /etc/locale.gen && localedef --delete-from-archive de_DE.utf8",
    undo: {
      tasks: "- locale_gen: {name: de_DE.UTF-8, state: absent}",
      gone: "! locale -a | grep -q de_DE && grep -qx '# de_DE.UTF-8 UTF-8' /etc/locale.gen",
    },
  },
  {
    // A kernel of virtual machines may have no loadable modules: kmod's list of what is built in says so of one that it has.
    module: "modprobe",
    tasks: "- modprobe: {name: plumb-test, params: 'one=1 two=2', persistent: present}",
    before:
      "mkdir -p /lib/modules/$(uname -r) && echo kernel/drivers/misc/plumb_test.ko > /lib/modules/$(uname -r)/modules.builtin",
    holds:
      "grep -qx plumb-test /etc/modules-load.d/plumb-test.conf && grep -qx 'options plumb-test one=1 two=2' /etc/modprobe.d/plumb-test.conf",
    drift: "rm /etc/modules-load.d/plumb-test.conf",
    undo: {
      tasks: "- modprobe: {name: plumb-test, persistent: absent}",
      gone: "! grep -rq plumb-test /etc/modules-load.d /etc/modprobe.d",
    },
    after: "rm -r /lib/modules/$(uname -r)",
  },
  {
    module: "pam_limits",
    tasks:
      "- pam_limits: {domain: daemon, limit_type: '-', limit_item: nofile, value: 4097, comment: theirs}",
    holds: "[ \"$(su -s /bin/sh daemon -c 'ulimit -n')\" = 4097 ]",
    before: "grep -q pam_limits /etc/pam.d/su || echo 'session required pam_limits.so' >> /etc/pam.d/su",
    drift: "sed -i 's/4097/512/' /etc/security/limits.conf",
    undo: {
      tasks: "- pam_limits: {domain: daemon, limit_type: '-', limit_item: nofile, state: absent}",
      gone: "! grep -q '^daemon' /etc/security/limits.conf && grep -q 'End of file' /etc/security/limits.conf",
    },
  },
  {
    module: "known_hosts",
    tasks: `- known_hosts: {name: '[forge.example]:2222', key: 'ssh-ed25519 ${KEY} forge', hash_host: true}\n  become_user: operator`,
    before: `install -d -m 0700 -o operator /home/operator/.ssh && printf '%s\\n' 'other.example,[forge.example]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' > /home/operator/.ssh/known_hosts && chown operator: /home/operator/.ssh/known_hosts`,
    holds: `su operator -c "ssh-keygen -F '[forge.example]:2222'" | grep -q ${KEY} && ! grep -q forge /home/operator/.ssh/known_hosts && grep -q '^other.example ssh' /home/operator/.ssh/known_hosts && [ "$(stat -c %U /home/operator/.ssh/known_hosts)" = operator ]`,
    drift: "sed -i 's/VDb7V/VDb7W/' /home/operator/.ssh/known_hosts",
    undo: {
      tasks: "- known_hosts: {name: '[forge.example]:2222', state: absent}\n  become_user: operator",
      gone: "! su operator -c \"ssh-keygen -F '[forge.example]:2222'\" && su operator -c 'ssh-keygen -F other.example'",
    },
    after: "rm /home/operator/.ssh/known_hosts*",
  },
  {
    module: "alternatives",
    tasks:
      "- alternatives:\n    name: plumb-shell\n    link: /usr/local/bin/plumb-shell\n    path: /bin/dash\n    priority: 20\n    subcommands: [{name: plumb-shell-too, path: /bin/sh, link: /usr/local/bin/plumb-shell-too}]",
    before: "update-alternatives --quiet --install /usr/local/bin/plumb-shell plumb-shell /bin/bash 90",
    holds:
      '[ "$(readlink -f /usr/local/bin/plumb-shell)" = "$(readlink -f /bin/dash)" ] && [ -e /usr/local/bin/plumb-shell-too ]',
    drift: "update-alternatives --quiet --set plumb-shell /bin/bash",
    undo: {
      tasks: "- alternatives: {name: plumb-shell, path: /bin/dash, state: absent}",
      gone: '[ "$(readlink -f /usr/local/bin/plumb-shell)" = "$(readlink -f /bin/bash)" ] && [ ! -e /usr/local/bin/plumb-shell-too ]',
    },
    after: "update-alternatives --quiet --remove-all plumb-shell",
  },
  {
    module: "alternatives",
    tasks: "- alternatives: {name: plumb-other, path: /bin/bash, priority: 30, state: auto}",
    before:
      "update-alternatives --quiet --install /usr/local/bin/plumb-other plumb-other /bin/bash 90 && update-alternatives --quiet --set plumb-other /bin/bash",
    holds:
      "update-alternatives --query plumb-other | grep -qx 'Status: auto' && update-alternatives --query plumb-other | grep -qx 'Priority: 30'",
    drift: "update-alternatives --quiet --set plumb-other /bin/bash",
    after: "update-alternatives --quiet --remove-all plumb-other",
  },
  {
    module: "debconf",
    tasks:
      "- debconf: {name: plumb-test, question: plumb-test/choice, vtype: multiselect, value: 'one, two'}",
    holds: "echo GET plumb-test/choice | debconf-communicate 2>/dev/null | grep -qx '0 one, two'",
    drift: "echo SET plumb-test/choice three | debconf-communicate >/dev/null 2>&1",
    undo: {
      tasks: "- debconf: {name: plumb-test, question: plumb-test/choice, state: absent}",
      gone: "! echo GET plumb-test/choice | debconf-communicate 2>/dev/null | grep -q one",
    },
  },
];

test(
  "check told the truth, applied, repeated, drift mended, undone",
  () => keepTheirPromises(CASES),
  300_000,
);

describe("what is gathered", () => {
  test("joins the facts, and the tasks behind it see it, in check mode too", async () => {
    const tasks = [
      "- service_facts:",
      "- package_facts:",
      "- getent: {database: passwd, key: operator}",
      "- getent: {database: group, key: no-such-group, fail_key: false}",
      "- assert:",
      "    that:",
      "      - ansible_facts.services['ssh.service'].state == 'running'",
      "      - ansible_facts.services['ssh.service'].status == 'enabled'",
      "      - ansible_facts.services['apt-daily.service'].status == 'masked'",
      "      - ansible_facts.packages['openssh-server'][0].source == 'apt'",
      "      - ansible_facts.packages['dpkg'][0].version == ansible_facts.package_versions.dpkg",
      "      - ansible_facts.getent_passwd['operator'][4] == '/home/operator'",
      "      - ansible_facts.getent_group['no-such-group'] == null",
    ].join("\n");
    for (const check of [false, true]) {
      const { tasks: done, finished } = await runTasks(tasks, { hosts: ["bookworm1", "trixie1"], check });
      expect(finished.outcome).toBe("ok");
      expect(done.map(({ status, message }) => `${status} ${status === "ok" ? "" : message}`)).toEqual(
        Array.from({ length: 10 }, () => "ok "),
      );
    }
  });

  test("setup sees what a task has changed since the run began", async () => {
    const { tasks } = await runTasks(
      [
        "- command: hostname plumb-renamed",
        "- setup: {filter: 'ansible_node*'}",
        "- command: hostname -F /etc/hostname",
        "- assert: {that: [ansible_facts.nodename == 'plumb-renamed', ansible_nodename == 'plumb-renamed', \"ansible_facts.distribution == 'Debian'\"]}",
      ].join("\n"),
      { hosts: ["trixie1"] },
    );
    expect(tasks.map(({ status, message }) => `${status} ${status === "failed" ? message : ""}`)).toEqual([
      "changed ",
      "ok ",
      "changed ",
      "ok ",
    ]);
  });
});

describe("what can't be had is told", () => {
  test.each([
    ["- timezone: {name: Europe/Atlantis}", /no time zone Europe\/Atlantis/],
    ["- locale_gen: {name: xx_XX.UTF-8}", /no locale xx_XX/],
    ["- modprobe: {name: no_such_module_at_all}", /can't be loaded|no module/],
    ["- getent: {database: passwd, key: nobody-at-all}", /no nobody-at-all in passwd/],
    ["- alternatives: {name: no-such-group, path: /bin/sh}", /no group of alternatives/],
    ["- alternatives: {name: pager, path: /no/such/program}", /is not there/],
  ])("%s", async (task, message) => {
    const { tasks } = await runTasks(task, { hosts: ["bookworm1"] });
    expect(tasks[0]?.status).toBe("failed");
    expect(tasks[0]?.message).toMatch(message);
  });

  test("packages of a manager that is not there", async () => {
    // Other files of tests install it.
    await onHost("bookworm1", "[ ! -e /usr/bin/rpm ] || mv /usr/bin/rpm /usr/bin/rpm.away");
    const { tasks } = await runTasks("- package_facts: {manager: rpm}", { hosts: ["bookworm1"] });
    await onHost("bookworm1", "[ ! -e /usr/bin/rpm.away ] || mv /usr/bin/rpm.away /usr/bin/rpm");
    expect(tasks[0]?.status).toBe("failed");
    expect(tasks[0]?.message).toMatch(/rpm/);
  });

  test("a secret answer is in no event", async () => {
    const { events } = await runTasks(
      "- debconf: {name: plumb-test, question: plumb-test/secret, vtype: password, value: hunter2-debconf}",
      { hosts: ["trixie1"], diff: true },
    );
    expect(JSON.stringify(events)).not.toContain("hunter2-debconf");
    expect(await onHost("trixie1", "echo GET plumb-test/secret | debconf-communicate 2>/dev/null")).toContain(
      "hunter2-debconf",
    );
    await onHost(
      "trixie1",
      "echo UNREGISTER plumb-test/secret | debconf-communicate plumb-test >/dev/null 2>&1",
    );
  });
});
