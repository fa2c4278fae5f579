import { writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Converged, runTasks } from "./converge.ts";
import { folderWithHosts, onHost, sendToHost } from "./lab-hosts.ts";
import { type PlumbProcess, startPlumb } from "./plumb-process.ts";

/** What docs/security.md promises of hosts. mallory is a user without rights on both, who would like to have some. */
const HOSTS = ["bookworm1", "trixie1"];
const SECRET = "swordfish-of-the-vault";

const everywhere = (command: string): Promise<string[]> =>
  Promise.all(HOSTS.map((name) => onHost(name, command)));
const asMallory = (command: string): Promise<string[]> =>
  everywhere(`runuser -u mallory -- sh -c '${command.replaceAll("'", "'\\''")}'`);

/** Starts something that goes on, as mallory, and gives what ends it. */
async function attackWith(script: string): Promise<() => Promise<void>> {
  for (const host of HOSTS) await sendToHost(host, "cat > /srv/attack; chmod 0644 /srv/attack", script);
  await everywhere("systemd-run -q --unit=attack --uid=mallory sh /srv/attack");
  return async () => {
    // It did go on to the end.
    await everywhere("systemctl is-active -q attack && systemctl stop attack && rm -f /srv/attack");
  };
}

beforeAll(async () => {
  await everywhere("useradd -m -s /bin/sh mallory; rm -rf /srv/trap; mkdir -m 0755 /srv/trap");
});

afterAll(async () => {
  await everywhere(
    "systemctl stop attack 2>/dev/null; umount /srv/trap 2>/dev/null; userdel -rf mallory 2>/dev/null; rm -rf /srv/trap /srv/attack /srv/secrets /srv/a.* /srv/packed.tgz /srv/given.tar",
  );
});

const failedOf = ({ tasks }: Converged): string[] =>
  tasks.flatMap(({ status, message }) => (status === "failed" || status === "ignored" ? [message] : []));

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGLQm3DZsW1AQ8Bn4ejm5kkJ6jvQ7VNbqkJfPvcVDb7V";

describe("a home directory full of links", () => {
  const TRAP =
    "rm -rf /srv/trap; mkdir -m 0755 /srv/trap; echo mine > /srv/trap/victim; chmod 0600 /srv/trap/victim; mkdir /srv/trap/below; echo keep > /srv/trap/below/file";
  const TRAP_STATE =
    "find /srv/trap -printf '%p %U %G %m\\n' | sort; cat /srv/trap/victim /srv/trap/below/file";

  test("leads root nowhere: nothing is written, removed, given away or read through it", async () => {
    await everywhere(`${TRAP}; chmod 0755 /home/mallory`);
    const before = await everywhere(`${TRAP_STATE}; stat -c '%U %G %a' /etc/shadow`);
    await asMallory(
      "cd; ln -sfn /srv/trap conf; ln -sfn /srv/trap .ssh; ln -sf /etc/shadow rc; mkdir -p tree; ln -s /srv/trap tree/way; ln -s /srv/trap/victim tree/file; ln -s /srv/trap/victim victim; ln -s /etc/shadow key; ln -s /etc/shadow key.pub; mkdir fragments; ln -s /etc/shadow fragments/one",
    );
    const hostile = [
      'copy: {content: "planted", dest: /home/mallory/conf/planted, owner: mallory}',
      'copy: {content: "planted", dest: /home/mallory/conf/victim, backup: true}',
      "copy: {src: /etc/hostname, remote_src: true, dest: /home/mallory/conf/planted}",
      "file: {path: /home/mallory/conf/planted, state: touch}",
      "file: {path: /home/mallory/conf/new/folder, state: directory, owner: mallory}",
      "file: {path: /home/mallory/conf/link, src: /etc, state: link}",
      "file: {path: /home/mallory/conf/victim, owner: mallory}",
      'file: {path: /home/mallory/conf/victim, mode: "0666"}',
      "file: {path: /home/mallory/conf/below, state: directory, owner: mallory, recurse: true}",
      "file: {path: /home/mallory/conf/below, state: absent}",
      // Of this one owner and mode alone are not as wanted, and no other task has it read.
      'copy: {content: "keep\\n", dest: /home/mallory/conf/below/file, owner: mallory, mode: "0666", secret: true}',
      "lineinfile: {path: /home/mallory/rc, line: x, owner: mallory, mode: '0600'}",
      "blockinfile: {path: /home/mallory/rc, block: x, owner: mallory, mode: '0600'}",
      "lineinfile: {path: /home/mallory/conf/victim, line: x, owner: mallory}",
      "tls_certificate: {ca_directory: pki, key_path: /home/mallory/conf/a.key, cert_path: /srv/a.crt, common_name: x}",
      "tls_certificate: {ca_directory: pki, key_path: /srv/a.key, cert_path: /home/mallory/conf/a.crt, common_name: x}",
      "tls_certificate: {key_path: /home/mallory/conf/victim, cert_path: /home/mallory/conf/below/file, state: absent}",
      "tls_ca: {directory: pki, dest: /home/mallory/conf/victim, state: absent}",
      `known_hosts: {path: /home/mallory/rc, name: x.example, key: "x.example ${KEY}"}`,
      `authorized_key: {user: mallory, path: /home/mallory/rc, key: "${KEY}"}`,
      "assemble: {src: /home/mallory/fragments, remote_src: true, dest: /home/mallory/assembled}",
      "user: {name: mallory, generate_ssh_key: true, ssh_key_file: key}",
      "mount: {path: /home/mallory/conf, src: tmpfs, fstype: tmpfs, state: ephemeral}",
      "tempfile: {path: /home/mallory/conf}",
      "archive: {path: /home/mallory/conf/*, dest: /srv/packed.tgz, remove: true}",
    ];
    const result = await runTasks(hostile.map((one) => `- ${one}\n  ignore_errors: true`).join("\n"), {
      hosts: HOSTS,
      diff: true,
    });
    expect(result.tasks.map(({ status }) => status)).toEqual(Array(2 * hostile.length).fill("ignored"));
    for (const message of failedOf(result))
      expect(message).toMatch(/by a link of a user whom that does not belong to/);
    await everywhere("touch /home/mallory/tree/of-root");
    // What is a tree of the user's own is given to the user, and what it links to is not.
    const given = await runTasks(
      "- file: {path: /home/mallory/tree, state: directory, owner: mallory, group: mallory, recurse: true}",
      { hosts: HOSTS },
    );
    expect(given.statuses).toEqual(["changed file", "changed file"]);
    expect((await everywhere("stat -c %U /home/mallory/tree/of-root")).join("")).toBe("mallory\nmallory\n");
    expect(await everywhere(`${TRAP_STATE}; stat -c '%U %G %a' /etc/shadow`)).toEqual(before);
    expect(JSON.stringify(result.events)).not.toContain("root:*");
  });

  test("another name of root's file is not given away where the kernel lets everybody give files names", async () => {
    await everywhere(
      `${TRAP}; mkdir /home/mallory/names; ln /srv/trap/victim /home/mallory/names/own; echo 0 > /srv/trap/unprotected; mount --bind /srv/trap/unprotected /proc/sys/fs/protected_hardlinks`,
    );
    try {
      const { tasks } = await runTasks(
        "- file: {path: /home/mallory/names, state: directory, owner: mallory, recurse: true}",
        {
          hosts: HOSTS,
        },
      );
      expect(tasks.map(({ message }) => message)).toEqual(
        Array(2).fill(expect.stringContaining("./names/own is root's and has another name elsewhere")),
      );
      expect((await everywhere("stat -c %U /srv/trap/victim")).join("")).toBe("root\nroot\n");
    } finally {
      await everywhere("umount /proc/sys/fs/protected_hardlinks; rm -r /home/mallory/names");
    }
  });

  test("a key for a user whose keys are a link goes into a file of that user's own, and what the link led to is not read", async () => {
    await asMallory("cd; rm -f .ssh; mkdir .ssh; ln -s /etc/shadow .ssh/authorized_keys");
    const key = `- authorized_key: {user: mallory, key: "${KEY} me"}\n  ignore_errors: true`;
    const { events, statuses } = await runTasks(key, { hosts: HOSTS, diff: true });
    expect(statuses).toEqual(["ignored authorized_key", "ignored authorized_key"]);
    expect(JSON.stringify(events)).not.toMatch(/root:[*!$]/);
    expect((await everywhere("grep -c ssh-ed25519 /etc/shadow || true")).join("")).toBe("0\n0\n");
    await asMallory("cd; rm .ssh/authorized_keys");
    expect((await runTasks(key, { hosts: HOSTS })).statuses).toEqual([
      "changed authorized_key",
      "changed authorized_key",
    ]);
    expect((await everywhere("stat -c '%U %a' /home/mallory/.ssh/authorized_keys")).join("")).toBe(
      "mallory 600\nmallory 600\n",
    );
  });

  test("links that are the user's own business, and root's, are followed as ever", async () => {
    await asMallory("cd; rm -rf dots; mkdir -p dots/real; ln -sfn dots/real .config");
    await everywhere("ln -sfn /srv/trap /srv/by-root");
    const tasks =
      '- copy: {content: "own\\n", dest: /home/mallory/.config/app, owner: mallory}\n- copy: {content: "roots\\n", dest: /srv/by-root/app}\n- lineinfile: {path: /home/mallory/.config/app, line: two}\n- file: {path: /srv/by-root/deep/er, state: directory}';
    const { finished } = await runTasks(tasks, { hosts: HOSTS });
    expect(finished.outcome).toBe("ok");
    expect(
      await everywhere(
        "cat /home/mallory/dots/real/app /srv/trap/app; stat -c %U /home/mallory/dots/real/app; test -d /srv/trap/deep/er; rm -rf /srv/by-root /srv/trap/app /srv/trap/deep",
      ),
    ).toEqual(Array(2).fill("own\ntwo\nroots\nmallory\n"));
    expect((await everywhere("ls -A /home/mallory/dots/real")).join("")).toBe("app\napp\n");
  });

  test("a rollback is not led astray either", async () => {
    await asMallory("cd; rm -rf box conf; mkdir box; echo first > box/kept; chmod 0644 box/kept");
    const { finished } = await runTasks('- copy: {content: "second\\n", dest: /home/mallory/box/kept}', {
      hosts: HOSTS,
    });
    expect(finished.outcome).toBe("ok");
    await asMallory("cd; mv box away; ln -s /srv/trap box");
    const before = await everywhere(TRAP_STATE);
    const undone = await runTasks("- rollback: {}\n  ignore_errors: true", { hosts: HOSTS });
    expect(undone.statuses).toEqual(["ignored rollback", "ignored rollback"]);
    expect(await everywhere(TRAP_STATE)).toEqual(before);
  });

  test("nor by what was laid there while it was being kept", async () => {
    const before = await everywhere(TRAP_STATE);
    await asMallory("cd; rm -rf box; mkdir box; echo first > box/kept");
    const { finished } = await runTasks('- copy: {content: "second\\n", dest: /home/mallory/box/kept}', {
      hosts: HOSTS,
    });
    expect(finished.outcome).toBe("ok");
    // What a file that was swapped for a link between a look and its copy would have left.
    await everywhere(
      "cd /var/lib/plumb/undo && for kept in $(grep -l '^first$' */*); do ln -sf /srv/trap/victim $kept; done; test -L $kept",
    );
    const undone = await runTasks("- rollback: {}\n  ignore_errors: true", { hosts: HOSTS });
    expect(undone.statuses).toEqual(["ignored rollback", "ignored rollback"]);
    expect(await everywhere(TRAP_STATE)).toEqual(before);
  });
});

describe("what is no file", () => {
  test("is not read: a step does not wait for a user to write into it, nor for its end", async () => {
    await everywhere("rm -f /srv/packed.tar; tar -cf /srv/packed.tar -C /etc hostname");
    await asMallory("cd; rm -rf odd; mkdir -p odd/out; mkfifo odd/pipe; ln -s /dev/zero odd/endless");
    const unpack = "- unarchive: {src: /srv/packed.tar, remote_src: true, dest: /home/mallory/odd/out}";
    expect((await runTasks(unpack, { hosts: HOSTS })).finished.outcome).toBe("ok");
    await everywhere("cd /home/mallory/odd/out && rm hostname && mkfifo hostname");
    const waiting = ["pipe", "endless"].flatMap((name) => {
      const path = `/home/mallory/odd/${name}`;
      return [
        `copy: {src: ${path}, remote_src: true, dest: /srv/copied}`,
        `slurp: {src: ${path}}`,
        `fetch: {src: ${path}, dest: fetched}`,
        `unarchive: {src: ${path}, remote_src: true, dest: /home/mallory/odd/out}`,
        `archive: {path: ${path}, dest: /srv/packed.gz}`,
        `tls_expiry: {paths: [${path}]}`,
        `lineinfile: {path: ${path}, line: x}`,
      ];
    });
    const tasks = waiting.map((one) => `- ${one}\n  ignore_errors: true\n  timeout: 20`).join("\n");
    const ended = await runTasks(`${tasks}\n${unpack}`, { hosts: HOSTS });
    for (const message of failedOf(ended))
      expect(message).toMatch(/is no file|a text file is needed|too large to be edited/);
    // An archive has the pipe in it, or the link, and what is unpacked takes its place.
    expect(ended.statuses.filter((status) => status !== "changed archive").sort()).toEqual(
      [
        ...waiting.filter((one) => !one.startsWith("archive")).map((one) => `ignored ${one.split(":")[0]}`),
        "changed unarchive",
      ]
        .flatMap((status) => [status, status])
        .sort(),
    );
  });
});

describe("a race", () => {
  const SLOWED = "chown chmod mv rm mkdir stat cp du";

  test("between links and folders that are swapped all the time is not won", async () => {
    await everywhere(
      "rm -rf /srv/trap; mkdir -m 0755 /srv/trap; echo mine > /srv/trap/victim; chmod 0600 /srv/trap/victim; touch -d 2020-01-01 /srv/trap/victim /srv/trap",
    );
    await asMallory(
      "cd; rm -rf play; mkdir -p play/real; echo own > play/real/victim; ln -s /srv/trap play/link; ln -s /srv/trap/victim play/real/to; ln -s /srv/trap play/real/trap; echo own > play/real/own",
    );
    // renameat2 with RENAME_EXCHANGE swaps two names in one go: nothing is faster. Folders that somebody makes in there are swapped for links, too.
    const stop = await attackWith(`cd /home/mallory/play; exec perl -e '
      sub swap { my ($one, $other) = @_; syscall(316, -100, $one, -100, $other, 2) == 0 or $! == 2 or die "no swapping: $!" }
      while (1) {
        swap("real", "link"); swap("real/to", "real/own"); swap("link/to", "link/own"); swap("real/deep", "real/trap");
        open(my $again, ">>", "real/victim");
        for my $work (glob("real/.plumb-write.*"), glob("real/.plumb-unpack")) { next if -l $work; rename($work, "$work.away") and symlink("/srv/trap", $work) }
      }'`);
    await everywhere(
      "mkdir -p /srv/given/deep /srv/given/to && echo planted > /srv/given/deep/planted && echo planted > /srv/given/to/planted && tar -cf /srv/given.tar -C /srv/given . && rm -r /srv/given",
    );
    // Between a look and a deed there is time for a swap, also where the machine is busy with other things.
    await everywhere(
      `for one in ${SLOWED}; do printf '#!/bin/sh\\nsleep 0.01\\nexec /usr/bin/%s "$@"\\n' $one > /usr/local/bin/$one; /usr/bin/chmod 0755 /usr/local/bin/$one; done`,
    );
    const tasks = Array.from({ length: 6 }, (_, index) =>
      [
        `copy: {content: "planted ${index}", dest: /home/mallory/play/real/planted${index}, owner: mallory}`,
        `file: {path: /home/mallory/play/real/own, mode: "0${index % 2 === 0 ? 666 : 644}", owner: mallory}`,
        `file: {path: /home/mallory/play/real/victim, state: absent}`,
        `file: {path: /home/mallory/play/real/deep${index}/er, state: directory, owner: mallory}`,
        `lineinfile: {path: /home/mallory/play/real/own, line: "x${index}", owner: mallory, mode: "0600"}`,
        ...(index % 2 === 0
          ? [
              `tls_certificate: {ca_directory: pki, key_path: /home/mallory/play/real/key${index}, cert_path: /home/mallory/play/real/cert${index}, common_name: x, owner: mallory}`,
              "tls_certificate: {key_path: /home/mallory/play/real/victim, cert_path: /home/mallory/play/real/none, state: absent}",
              "archive: {path: /home/mallory/play/real/victim, dest: /srv/packed.tgz, remove: true}",
              "unarchive: {src: /srv/given.tar, remote_src: true, dest: /home/mallory/play/real, owner: mallory}",
            ]
          : []),
      ]
        .map((one) => `- ${one}\n  ignore_errors: true`)
        .join("\n"),
    ).join("\n");
    try {
      await runTasks(tasks, { hosts: HOSTS, diff: true });
    } finally {
      await everywhere(`cd /usr/local/bin; /usr/bin/rm ${SLOWED}`);
      await stop();
    }
    expect(
      await everywhere(
        "find /srv/trap -printf '%p %U %m %TY\\n' | sort; cat /srv/trap/victim; grep -rl mine /home/mallory 2>/dev/null; rm -rf /home/mallory/play",
      ),
    ).toEqual(Array(2).fill("/srv/trap 0 755 2020\n/srv/trap/victim 0 600 2020\nmine\n"));
  });
});

describe("what a host says", () => {
  test("is data: what looks like a template, an expression or our own frames is never taken for one", async () => {
    const forged =
      "{{ 6 * 7 }} {{{{raw}}}} {{lookup 'pipe' 'id'}} {% if 1 %}{{ansible_host}} ${6*7} $(id) `id` !expr 6*7\\nplumb-0123456789abcdef01234567 0\\n\u001b]0;title\u0007\u001b[2J";
    for (const host of HOSTS) await sendToHost(host, "cat > /srv/forged", forged);
    const folder = await folderWithHosts("security", HOSTS);
    await writeFile(path.join(folder, "forged.hbs"), "{{ said.stdout }}");
    const { tasks, finished } = await runTasks(
      `- command: cat /srv/forged
  register: said
- set_fact: {kept: "{{ said.stdout }}", listed: !expr said.stdout_lines}
- copy: {content: "{{ kept }}", dest: /srv/copied}
- template: {src: forged.hbs, dest: /srv/rendered}
- command: {argv: [printf, '%s', "{{ indirect.deep }}"]}
  register: echoed
- shell: printf '%s' {{ quote kept }} > /srv/quoted
- assert: {that: [echoed.stdout == said.stdout, "kept.contains('6 * 7')", "listed[0] == said.stdout_lines[0]"]}
- debug: {msg: "{{ kept }}"}
  loop: !expr listed
- shell: set; env; tr '\\0' ' ' < /proc/$PPID/cmdline
  register: frame
- assert: {that: "!regex_match(frame.stdout, '.*plumb-[0-9a-f]{24}.*')"}
  vars: {}`.replace("- copy", '- set_fact: {indirect: {deep: "{{ kept }}"}}\n- copy'),
      { hosts: HOSTS },
      folder,
    );
    expect(tasks.filter(({ status }) => status === "failed").map(({ message }) => message)).toEqual([]);
    expect(finished.outcome).toBe("ok");
    expect(
      await everywhere(
        "for one in copied rendered quoted; do cmp /srv/$one /srv/forged && echo same; done; rm /srv/forged /srv/copied /srv/rendered /srv/quoted",
      ),
    ).toEqual(Array(2).fill("same\nsame\nsame\n"));
  });

  test("at a port, over which a pattern never comes to its end, fails the task at once", async () => {
    const stop = await attackWith(
      `exec perl -MIO::Socket::INET -e '$port = IO::Socket::INET->new(LocalPort => 7411, Listen => 5) or die; while ($one = $port->accept) { print $one "a" x 40, "!"; close $one }'`,
    );
    const { tasks } = await runTasks(
      "- wait_for: {port: 7411, search_regex: '^a+!$', timeout: 20}\n- wait_for: {port: 7411, search_regex: '^(a+)+$', timeout: 20}",
      { hosts: ["bookworm1"] },
    );
    await stop();
    expect(tasks.map(({ status, message }) => `${status}: ${message}`)).toEqual([
      expect.stringMatching(/^ok/),
      expect.stringMatching(/^failed: .*needs more than a second/),
    ]);
  });

  test("without end, or by hundreds of megabytes, is kept to 16 MiB, and ended by its time limit", async () => {
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 50);
    let mostOfTheFirst: number | undefined;
    const { tasks } = await runTasks(
      `- shell: head -c 300000000 /dev/zero
  register: much
- assert: {that: much.truncated}
- shell: head -c 15000000 /dev/zero | tr '\\0' '\\n'; echo end
- shell: exec yes
  timeout: 3
  ignore_errors: true
- command: pgrep -x yes
  failed_when: false
  register: left
- assert: {that: left.rc == 1}`,
      {
        hosts: ["bookworm1"],
        hear: ({ type }) => {
          if (type === "task-finished") mostOfTheFirst ??= most;
        },
      },
    );
    clearInterval(watch);
    // Of 300 MB: those that are kept, and what is on its way.
    expect((mostOfTheFirst ?? most) - before).toBeLessThan(150_000_000);
    expect(tasks.map(({ status }) => status)).toEqual([
      "changed",
      "ok",
      "changed",
      "ignored",
      "changed",
      "ok",
    ]);
    // Fifteen million lines as a list take the most of it; with everything that was printed it would be twice as much.
    expect(most - before).toBeLessThan(1_000_000_000);
  });
});

describe("a secret", () => {
  /** What a password's hash can have of it. */
  const IN_A_HASH = SECRET.replaceAll("-", "");
  /** Finds both, and not itself. */
  const PATTERN = `'${SECRET.slice(0, 9)}[-]*of'`;
  /** Whatever mallory can see of other people's processes and files while a run works. */
  const SPY = `while :; do
    for one in /proc/[0-9]*; do cat $one/cmdline $one/environ 2>/dev/null | grep -aq ${PATTERN} && echo "$one" >> /home/mallory/seen; done
    grep -rls ${PATTERN} /tmp /var/tmp /srv /run /var/lib/plumb /home /dev/shm 2>/dev/null >> /home/mallory/seen
    echo >> /home/mallory/rounds; sleep 0.1
  done`;

  test("of a task with no_log is told by nothing: not when it fails, nor by the items of a loop, nor in a plan of it", async () => {
    const tasks = [
      `- command: {argv: [sh, -c, "echo ${SECRET}; echo ${SECRET} >&2; exit 1"]}\n  no_log: true\n  ignore_errors: true`,
      `- copy: {content: "{{ item }}", dest: "/srv/of-{{ item }}"}\n  loop: [${SECRET}]\n  no_log: true`,
      `- debug: {msg: "{{ item }}"}\n  loop: [${SECRET}]\n  no_log: true\n  loop_control: {label: "{{ item }}"}`,
      `- file: {path: "/srv/of-${SECRET}", state: absent}\n  no_log: true`,
      `- fail: {msg: ${SECRET}}\n  no_log: true`,
    ].join("\n");
    for (const check of [true, false]) {
      const { events, finished } = await runTasks(tasks, { hosts: ["bookworm1"], diff: true, check });
      expect(finished.outcome).toBe("failed");
      expect(events.filter((event) => JSON.stringify(event).includes(SECRET))).toEqual([]);
    }
  });

  test("is in no command line, environment or file that another user can read, while a run works or after it was killed", async () => {
    const folder = await folderWithHosts("secret", HOSTS);
    const large = `${`${SECRET}\n`.repeat(1000)}${"x".repeat(6_000_000)}`;
    await writeFile(path.join(folder, "large"), large, { mode: 0o600 });
    await writeFile(
      path.join(folder, "site.yml"),
      `- hosts: all
  become: true
  tasks:
    - file: {path: /srv/secrets, state: directory, mode: "0755"}
    - copy: {content: "${SECRET}", dest: /srv/secrets/small, mode: "0600", secret: true}
    - user: {name: mallory, comment: "x", password: "$6$${IN_A_HASH}"}
    - shell: sleep 0.5; [ "$TOKEN" = ${SECRET} ]
      environment: {TOKEN: ${SECRET}}
      args: {stdin: "${SECRET}"}
    - shell: cat >/dev/null; sleep 0.5
      become_user: operator
      environment: {TOKEN: ${SECRET}}
      args: {stdin: "${SECRET}"}
    - copy: {src: large, dest: /srv/secrets/large, mode: "0600", owner: operator}
      become_user: operator
      ignore_errors: true
    - name: large
      copy: {src: large, dest: /srv/secrets/large, mode: "0600"}
`,
    );
    await everywhere("rm -f /home/mallory/seen /home/mallory/rounds");
    const stop = await attackWith(SPY);
    // It has looked at everything once more.
    const spied = async (): Promise<void> => {
      await everywhere("rm -f /home/mallory/rounds");
      for (const host of HOSTS)
        await expect.poll(() => onHost(host, "cat /home/mallory/rounds")).toMatch(/\n\n/);
    };
    try {
      await spied();
      const args = ["run", "site.yml", "-i", "hosts.ini", "--no-record"];
      const killed: PlumbProcess = startPlumb(args, {
        cwd: folder,
        hear: (event) => {
          if (event.type === "task-started" && event.task.name === "large")
            void wait(150).then(() => killed.child.kill("SIGKILL"));
        },
      });
      await killed.ended;
      await spied();
      const again = startPlumb(args, { cwd: folder });
      const code = await again.ended;
      const wrong = again.events.flatMap((event) =>
        event.type === "task-finished" && event.status === "failed" ? [event.message] : [],
      );
      expect(wrong).toEqual([]);
      expect(code).toBe(0);
    } finally {
      await stop();
    }
    expect(
      await everywhere(
        "test -s /home/mallory/rounds && cat /home/mallory/seen 2>/dev/null; stat -c '%a %s' /srv/secrets/large; find / -xdev -name '.plumb-write.*' 2>/dev/null",
      ),
    ).toEqual(Array(2).fill(`600 ${large.length}\n`));
  }, 120_000);
});
