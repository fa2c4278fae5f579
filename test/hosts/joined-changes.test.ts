import { describe, expect, test } from "vitest";
import { type Converged, runTasks } from "./converge.ts";
import { onHost } from "./lab-hosts.ts";

const HOST = "bookworm1";

const folder = (name: string, host = HOST): Promise<string> =>
  onHost(host, `rm -rf /srv/${name} && mkdir /srv/${name} && echo`);

const tripsOf = ({ finished }: Converged): number => finished.hosts[0]?.counters?.roundTrips ?? 0;

/** Tasks that were begun before an earlier one was over: those that were made in one trip with it. */
const begunTogether = ({ events }: Converged): string[] => {
  const open = new Set<string>();
  const together: string[] = [];
  for (const event of events) {
    if (event.type === "task-started") {
      if (open.size > 0) together.push(event.task.name);
      open.add(event.task.name);
    } else if (event.type === "task-finished") open.delete(event.task.name);
  }
  return together;
};

const count = ({ tasks }: Converged, status: string): number =>
  tasks.filter((task) => task.status === status).length;

const unit = (name: string, more = ""): string =>
  `{name: ${name}.service, unit: {Description: joined${more}}, service: {ExecStart: /bin/sleep infinity}, install: {WantedBy: multi-user.target}}`;

const CLEAN =
  "systemctl disable --now joined-a joined-b 2>/dev/null; rm -rf /srv/joined /etc/systemd/system/joined-*; systemctl daemon-reload; userdel -r joined 2>/dev/null; groupdel joiners 2>/dev/null; groupdel joined 2>/dev/null; DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y sl tree >/dev/null 2>&1; true";

describe("changes of files that have nothing to do with each other", () => {
  test.each(["bookworm1", "trixie1"])(
    "%s: are made in a few trips however many they are, each is told of, and a handler runs once",
    async (host) => {
      await folder("joined", host);
      const tasks = `- copy: {dest: "/srv/joined/f{{ item }}", content: "content {{ item }}\\n", mode: "0640", validate: grep -q content %s}
  loop: !expr range(1, 61)
  notify: told
- copy: {dest: /srv/joined/more, content: ""}
- file: {path: /srv/joined/link, src: more, state: link}
- lineinfile: {path: /srv/joined/lines, line: "a 'b' \\"c\\" $d \`e\` ü", create: true}
- file: {path: /srv/joined/sub, state: directory, mode: "0700"}`;
      const handlers = "- name: told\n  command: touch /srv/joined/told";
      const first = await runTasks(tasks, { hosts: [host], handlers });
      expect(count(first, "changed")).toBe(65);
      expect(tripsOf(first)).toBeLessThan(12);
      expect(
        await onHost(
          host,
          "cd /srv/joined; cat $(seq -f f%g 1 60) | sha256sum; for n in $(seq 60); do echo content $n; done | sha256sum; stat -c '%a %n' f7 sub; cat lines; readlink link; stat -c %s more; ls -A | wc -l; find . -name '.plumb*'",
        ),
      ).toMatch(/^([0-9a-f]{64}) {2}-\n\1 {2}-\n640 f7\n700 sub\na 'b' "c" \$d `e` ü\nmore\n0\n65\n$/);
      const second = await runTasks(tasks, { hosts: [host], handlers });
      expect(count(second, "changed")).toBe(0);
      expect(tripsOf(second)).toBeLessThan(3);
    },
  );

  test("stop at the first that fails; a loop goes on with its other items, and no task comes after it", async () => {
    await folder("joined");
    const { tasks } = await runTasks(
      `- block:
    - copy: {dest: "/srv/joined/{{ item.name }}", content: x, owner: "{{ item.owner }}"}
      loop: [{name: one, owner: root}, {name: two, owner: nobody-there}, {name: three, owner: daemon}]
    - copy: {dest: /srv/joined/never, content: x}
  rescue:
    - copy: {dest: /srv/joined/rescued, content: x}
    - copy: {dest: /srv/joined/refused, content: x, validate: "false %s"}
      ignore_errors: true
    - copy: {dest: /srv/joined/after, content: x}`,
      { hosts: [HOST] },
    );
    expect(tasks.map(({ status }) => status)).toEqual([
      "changed",
      "rescued",
      "changed",
      "changed",
      "ignored",
      "changed",
    ]);
    expect(tasks[1]?.message).toMatch(/^\/srv\/joined\/two was not replaced: .*nobody-there/);
    expect(tasks[4]?.message).toMatch(/refused the new content/);
    expect(await onHost(HOST, "cd /srv/joined; ls; stat -c %U three")).toBe(
      "after\none\nrescued\nthree\ndaemon\n",
    );
  });

  test("a new folder and what goes into it take one trip", async () => {
    await folder("joined");
    const tasks = `- {name: folder, file: {path: /srv/joined/new/deep, state: directory, mode: "0750"}}
- {name: in it, copy: {dest: /srv/joined/new/deep/file, content: one}}
- {name: beside it, file: {path: /srv/joined/new/other, state: directory, owner: daemon}}
- {name: below, copy: {dest: /srv/joined/new/other/another, content: two, owner: daemon, mode: "0600"}}`;
    const first = await runTasks(tasks, { hosts: [HOST] });
    expect(count(first, "changed")).toBe(4);
    expect(begunTogether(first)).toEqual(["in it", "beside it", "below"]);
    expect(
      await onHost(
        HOST,
        "cd /srv/joined/new; stat -c '%a %U %n' . deep deep/* other other/*; cat deep/file other/another",
      ),
    ).toBe(
      "755 root .\n750 root deep\n644 root deep/file\n755 daemon other\n600 daemon other/another\nonetwo",
    );
    expect(count(await runTasks(tasks, { hosts: [HOST] }), "changed")).toBe(0);
  });

  test("what the folder of it is not made by, or is only led to by a name, is decided when its turn comes", async () => {
    await folder("joined");
    await onHost(HOST, "ln -s real /srv/joined/alias");
    const { tasks } = await runTasks(
      `- {file: {path: /srv/joined/real, state: directory}}
- {copy: {dest: /srv/joined/alias/x, content: x}}
- {copy: {dest: /srv/joined/other/x, content: x}}`,
      { hosts: [HOST] },
    );
    expect(tasks.map(({ status }) => status)).toEqual(["changed", "changed", "failed"]);
    expect(tasks[2]?.message).toMatch(/the directory \/srv\/joined\/other does not exist/);
    expect(await onHost(HOST, "cat /srv/joined/real/x")).toBe("x");
  });

  test("a change that goes alone takes one trip, and what comes next is asked for in it", async () => {
    await folder("joined");
    const run = await runTasks(
      `- {copy: {dest: "/srv/joined/a{{ item }}", content: x}, loop: !expr "range(0, 8)", timeout: 60}
- {shell: "wc -l < /srv/joined/a{{ item }}", loop: !expr "range(0, 4)", register: lines}
- {systemd_unit: ${unit("joined-one")}}
- {copy: {dest: /srv/joined/b, content: !expr "string(lines.results.size())"}}`,
      { hosts: [HOST] },
    );
    expect(run.statuses.filter((status) => !status.startsWith("changed"))).toEqual([]);
    expect(await onHost(HOST, `cat /srv/joined/b; ${CLEAN}`)).toBe("4");
    expect(tripsOf(run)).toBeLessThan(18);
  });

  test("are made one after the other where one may see the other: one path twice, a command between, a result, another name of a folder", async () => {
    await folder("joined");
    await onHost(HOST, "mkdir /srv/joined/real; ln -s real /srv/joined/alias");
    const { tasks } = await runTasks(
      `- file: {path: /srv/joined/new, state: directory}
- copy: {dest: /srv/joined/new/file, content: one}
- copy: {dest: /srv/joined/new/file, content: two}
- copy: {dest: /srv/joined/before, content: x}
- meta: noop
- command: ls /srv/joined
  register: seen
- copy: {dest: /srv/joined/after, content: "{{ join seen.stdout_lines ' ' }}"}
  register: written
- copy: {dest: /srv/joined/last, content: "{{ written.changed }}"}
- copy: {dest: /srv/joined/real/x, content: one}
- copy: {dest: /srv/joined/alias/x, content: two}
- stat: {path: /srv/joined/alias/x}
  register: x
- assert: {that: x.stat.size == 3}`,
      { hosts: [HOST] },
    );
    expect(tasks.map(({ status, message }) => (status === "failed" ? message : status))).toEqual([
      ...Array(9).fill("changed"),
      "ok",
      "ok",
    ]);
    expect(await onHost(HOST, "cd /srv/joined; cat new/file after last real/x; rm -r /srv/joined")).toBe(
      "twoalias before new realtruetwo",
    );
  });

  test("are all told of when the run is stopped in between", async () => {
    await folder("joined");
    const stop = new AbortController();
    const run = await runTasks(
      `- copy: {dest: "/srv/joined/f{{ item }}", content: x, validate: grep -q x %s}
  loop: !expr range(0, 300)`,
      {
        hosts: [HOST],
        stopping: stop.signal,
        hear: (event) => {
          if (event.type === "task-finished") stop.abort();
        },
      },
    );
    const made = Number(await onHost(HOST, "ls /srv/joined | wc -l; rm -r /srv/joined"));
    expect(run.finished.hosts[0]?.outcome).toBe("interrupted");
    expect(count(run, "changed")).toBe(made);
    expect(made).toBeLessThan(300);
  });
});

/** Both at once: each as a run of its own, in which it waits for nobody. */
const onEach = async (act: (host: string, hosts: string[]) => Promise<void>): Promise<void> => {
  await Promise.all(["bookworm1", "trixie1"].map((host) => act(host, [host])));
};

describe("changes of any kind between which nothing is to be decided, on Debian 12 and 13", () => {
  test("packages, accounts, files, units and services take a few trips, each is told as it was, and all of it is right", () =>
    onEach(async (host, hosts) => {
      await onHost(host, CLEAN);
      const tasks = `- {name: package one, package: {name: sl}}
- {name: package two, package: {name: tree}}
- {name: group, group: {name: joiners}}
- {name: group there, group: {name: root}}
- {name: user, user: {name: joined, group: joiners, system: true}, register: user}
- {name: folder, file: {path: /srv/joined, state: directory, owner: joined}}
- {name: file, copy: {dest: /srv/joined/file, content: "{{ user.failed }}"}}
- {name: unit a, systemd_unit: ${unit("joined-a")}, notify: told}
- {name: unit b, systemd_unit: ${unit("joined-b", ", Wants: joined-a.service")}, notify: told too}
- {name: service a, systemd: {name: joined-a, state: started, enabled: true}}
- {name: service b, systemd: {name: joined-b, state: started}}`;
      const handlers =
        "- {name: told, command: touch /srv/joined/told}\n- {name: told too, command: touch /srv/joined/told-too}";
      const first = await runTasks(tasks, { hosts, handlers });
      expect(first.tasks.filter(({ status }) => status !== "changed").map(({ task }) => task.name)).toEqual([
        "group there",
      ]);
      // What a change has moved of what the next was decided from is decided anew: the user after its group, and a service after its unit.
      expect(begunTogether(first)).toEqual(
        expect.arrayContaining(["package two", "group", "unit a", "service a"]),
      );
      expect(tripsOf(first)).toBeLessThan(26);
      expect(
        await onHost(
          host,
          "dpkg -s sl tree | grep -c 'ok installed'; id -gn joined; stat -c %U /srv/joined; cat /srv/joined/file; echo; systemctl is-active joined-a joined-b; systemctl is-enabled joined-a; ls /srv/joined",
        ),
      ).toMatch(/^2\njoiners\njoined\nfalse\nactive\nactive\nenabled\nfile\ntold\ntold-too\n$/);
      const second = await runTasks(tasks, { hosts, handlers });
      expect(count(second, "changed")).toBe(0);
    }));

  test("what a change brings along is not told as made by the next, and what it takes from one before is no broken promise", () =>
    onEach(async (host, hosts) => {
      await onHost(
        host,
        "userdel -r joined 2>/dev/null; groupdel joined 2>/dev/null; systemctl stop joined-b",
      );
      // useradd makes the group of the user's name; starting b starts a, which it wants.
      const run = await runTasks(
        `- {name: user, user: {name: joined}}
- {name: its group, group: {name: joined}}
- {name: a is down, systemd: {name: joined-a, state: stopped}}
- {name: b is up, systemd: {name: joined-b, state: started}}`,
        { hosts },
      );
      expect(run.tasks.map(({ task, status }) => `${task.name} ${status}`)).toEqual([
        "user changed",
        "its group ok",
        "a is down changed",
        "b is up changed",
      ]);
      expect(begunTogether(run)).toEqual(expect.arrayContaining(["its group", "b is up"]));
      expect(await onHost(host, "systemctl is-active joined-a joined-b")).toBe("active\nactive\n");
    }));

  test("the first that fails ends it: nothing behind it is done, and its handlers are not called", () =>
    onEach(async (host, hosts) => {
      const run = await runTasks(
        `- {name: one, copy: {dest: /srv/joined/one, content: x}}
- {name: two, systemd_unit: {name: joined-c.service, service: {ExecStart: /bin/false}}}
- {name: three, user: {name: joined, shell: /no-such-shell, uid: 0, non_unique: false}, ignore_errors: true}
- {name: a, systemd: {name: joined-a, state: stopped}}
- {name: four, copy: {dest: /srv/joined/four, content: x, owner: nobody-there}}
- {name: five, group: {name: joiners-too}, notify: never}`,
        { hosts, handlers: "- {name: never, command: touch /srv/joined/never}" },
      );
      expect(run.tasks.map(({ task, status }) => `${task.name} ${status}`)).toEqual([
        "one changed",
        "two changed",
        "three ignored",
        "a changed",
        "four failed",
      ]);
      expect(begunTogether(run)).toContain("five");
      expect(run.finished.hosts[0]?.pendingHandlers).toEqual([]);
      expect(
        await onHost(
          host,
          `ls /srv/joined; getent group joiners-too; rm -f /etc/systemd/system/joined-c.service; ${CLEAN}`,
        ),
      ).toBe("file\none\ntold\ntold-too\n");
    }));
});
