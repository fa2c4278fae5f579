import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { onHost } from "../lab-hosts.ts";

/** One module on a real host: what it is asked for, how somebody else sees that it is so, and how it is spoiled. */
interface Case {
  module: string;
  tasks: string;
  /** Must succeed when the state is as wanted. Looked at without Plumb. */
  holds: string;
  /** Takes the state away from what is wanted. */
  drift: string;
  /** Run before the module is tried. */
  before?: string;
}

const WEIRD = `it's $HOME "x" \`id\` ü`;

const CASES: readonly Case[] = [
  {
    module: "file",
    tasks: `- file: {path: ${JSON.stringify(`/srv/${WEIRD}`)}, state: directory, owner: daemon, group: games, mode: "2750"}`,
    holds: `[ "$(stat -c '%U %G %a' "/srv/it's \\$HOME \\"x\\" \\\`id\\\` ü")" = 'daemon games 2750' ]`,
    drift: `chmod 0777 "/srv/it's \\$HOME \\"x\\" \\\`id\\\` ü"`,
  },
  {
    module: "file",
    tasks: "- file: {path: /srv/link, src: /etc/hostname, state: link}",
    holds: '[ "$(readlink /srv/link)" = /etc/hostname ]',
    drift: "ln -sfn /etc/passwd /srv/link",
  },
  {
    module: "file",
    tasks: "- file: {path: /srv/tree, state: directory, owner: daemon, recurse: true}",
    before: "mkdir -p /srv/tree/a/b && touch '/srv/tree/a/b/c d'",
    holds: '[ -z "$(find /srv/tree ! -user daemon)" ]',
    drift: "chown root '/srv/tree/a/b/c d'",
  },
  {
    module: "copy",
    tasks: `- copy: {content: ${JSON.stringify(`${WEIRD}\nline two\n`)}, dest: "/srv/copied file", owner: daemon, mode: "0640"}`,
    holds: `[ "$(tail -n 1 '/srv/copied file')" = 'line two' ] && head -n 1 '/srv/copied file' | grep -qF '\`id\` ü' && [ "$(stat -c '%U %a' '/srv/copied file')" = 'daemon 640' ]`,
    drift: "echo more >> '/srv/copied file'",
  },
  {
    module: "group",
    tasks: "- group: {name: testers, gid: 4242}",
    holds: "getent group testers | grep -q ':4242:'",
    drift: "groupmod --gid 4243 testers",
  },
  {
    module: "user",
    tasks:
      "- user: {name: tester, comment: 'Ünï Tester', shell: /bin/sh, groups: [games, audio], create_home: true}",
    holds:
      "id -nG tester | grep -q games && getent passwd tester | grep -q ':/bin/sh$' && [ -d /home/tester ]",
    drift: "usermod --shell /bin/bash --groups games tester",
  },
  {
    module: "package",
    tasks: "- package: {name: [tree, bc]}",
    holds: "dpkg-query -W -f='${db:Status-Status} ' tree bc | grep -q 'installed installed'",
    drift: "apt-get -qq remove -y tree >/dev/null",
  },
  {
    module: "systemd_unit",
    tasks:
      "- systemd_unit:\n    name: sleeper\n    hardening: default\n    unit: {Description: Sleeps}\n    service: {ExecStart: /bin/sleep infinity, User: daemon}\n    install: {WantedBy: multi-user.target}",
    holds: "systemctl cat sleeper | grep -q ProtectKernelLogs=yes",
    drift: "echo '[Unit]' > /etc/systemd/system/sleeper.service; systemctl daemon-reload",
  },
  {
    module: "systemd",
    tasks: "- systemd: {name: sleeper, state: started, enabled: true}",
    holds: "systemctl is-active sleeper && systemctl is-enabled sleeper",
    drift: "systemctl disable --now sleeper",
  },
  {
    module: "nftables",
    tasks:
      "- nftables:\n    rules:\n      - {name: ssh, ports: [22]}\n      - {name: web, ports: [80, 443], sources: [10.0.0.0/8, 192.168.1.7, 'fd00::/8']}",
    holds:
      "nft list table inet plumb | grep -q 'dport { 80, 443 }' && grep -q nftables.d /etc/nftables.conf && systemctl is-enabled nftables",
    drift: "nft flush chain inet plumb input; nft add rule inet plumb input accept",
  },
  {
    module: "lineinfile",
    tasks: `- lineinfile: {path: /srv/lines, regexp: '^port=', line: 'port=6432 \`x\` $y', create: true}`,
    before: "printf 'a\\nport=1\\nb\\n' > /srv/lines",
    holds: '[ "$(sed -n 2p /srv/lines)" = \'port=6432 `x` $y\' ] && [ "$(wc -l < /srv/lines)" = 3 ]',
    drift: "sed -i 's/6432/1/' /srv/lines",
  },
  {
    module: "blockinfile",
    tasks: "- blockinfile: {path: /srv/block, block: \"one\\ntwo\", create: true, insertafter: '^first'}",
    before: "printf 'first\\nlast\\n' > /srv/block",
    holds:
      "[ \"$(sed -n '3,4p' /srv/block | tr '\\n' ' ')\" = 'one two ' ] && [ \"$(tail -n 1 /srv/block)\" = last ]",
    drift: "sed -i '/two/d' /srv/block",
  },
  {
    module: "ini_file",
    tasks: "- ini_file: {path: /srv/app.ini, section: server, option: port, value: 8080}",
    before: "printf '; kept\\n[server]\\nport = 1\\n\\n[other]\\nport = 2\\n' > /srv/app.ini",
    holds:
      "grep -q '^port = 8080' /srv/app.ini && grep -q '^port = 2' /srv/app.ini && grep -q '^; kept' /srv/app.ini",
    drift: "sed -i 's/8080/9/' /srv/app.ini",
  },
  {
    module: "authorized_key",
    tasks:
      "- authorized_key: {user: operator, key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGLQm3DZsW1AQ8Bn4ejm5kkJ6jvQ7VNbqkJfPvcVDb7V test'}",
    holds:
      "grep -q 'VDb7V test' /home/operator/.ssh/authorized_keys && [ \"$(stat -c '%U %a' /home/operator/.ssh/authorized_keys)\" = 'operator 600' ] && grep -q 'lab test' /home/operator/.ssh/authorized_keys",
    drift: "sed -i '/VDb7V/d' /home/operator/.ssh/authorized_keys",
  },
  {
    module: "sysctl",
    tasks: "- sysctl: {name: net.core.somaxconn, value: 2048}",
    holds: "[ \"$(cat /proc/sys/net/core/somaxconn)\" = 2048 ] && grep -rq 'somaxconn = 2048' /etc/sysctl.d",
    drift: "echo 1024 > /proc/sys/net/core/somaxconn",
  },
  {
    module: "ufw",
    tasks: "- ufw: {rule: allow, port: 6432, proto: tcp, from_ip: 10.0.1.0/24, comment: the pooler}",
    before: "apt-get -qq install -y ufw >/dev/null 2>&1",
    holds: "ufw show added | grep -q 'from 10.0.1.0/24 to any port 6432 proto tcp'",
    drift: "ufw delete allow proto tcp from 10.0.1.0/24 to any port 6432",
  },
  {
    module: "hostname",
    tasks: "- hostname: {name: renamed}",
    holds: '[ "$(cat /proc/sys/kernel/hostname /etc/hostname | sort -u)" = renamed ]',
    drift: "echo other > /etc/hostname",
  },
  {
    module: "apt_repository",
    tasks:
      "- apt_repository: {name: local-test, uris: ['file:/srv/repository'], suites: ['./'], trusted: true, update_cache: false}",
    holds: "grep -q '^URIs: file:/srv/repository' /etc/apt/sources.list.d/local-test.sources",
    drift: "echo 'Enabled: no' >> /etc/apt/sources.list.d/local-test.sources",
  },
];

describe.each(["bookworm1", "trixie1"])("on %s", (host) => {
  test.each(CASES.map((one, index) => ({ ...one, title: `${one.module} ${index}` })))(
    "$title: check tells the truth, apply makes it so, a second run changes nothing, drift is found and mended",
    async ({ tasks, holds, drift, before }) => {
      if (before !== undefined) await onHost(host, before);
      const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
      const options = { hosts: [host] };

      const predicted = await runTasks(tasks, { ...options, check: true }, folder);
      expect(predicted.tasks.map(({ status }) => status)).toEqual(["would-change"]);
      await expect(onHost(host, holds)).rejects.toThrow();

      const applied = await runTasks(tasks, options, folder);
      expect(applied.tasks.map(({ status, message }) => `${status}: ${message}`)).toEqual([
        expect.stringMatching(/^changed/),
      ]);
      await onHost(host, holds);

      const second = await runTasks(tasks, options, folder);
      expect(second.tasks.map(({ status }) => status)).toEqual(["ok"]);

      await onHost(host, drift);
      const found = await runTasks(tasks, { ...options, check: true, diff: true }, folder);
      expect(found.tasks.map(({ status }) => status)).toEqual(["would-change"]);
      expect(found.tasks[0]?.differences.length).toBeGreaterThan(0);
      await runTasks(tasks, options, folder);
      await onHost(host, holds);
    },
  );
});
