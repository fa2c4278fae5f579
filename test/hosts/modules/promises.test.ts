import { describe, test } from "vitest";
import { havePackages } from "../have-packages.ts";
import { keepTheirPromises, type Promised } from "./promise.ts";

const WEIRD = `it's $HOME "x" \`id\` ü`;

const CASES: readonly Promised[] = [
  {
    module: "file",
    tasks: `- file: {path: ${JSON.stringify(`/srv/${WEIRD}`)}, state: directory, owner: daemon, group: games, mode: "2750"}`,
    holds: `[ "$(stat -c '%U %G %a' "/srv/it's \\$HOME \\"x\\" \\\`id\\\` ü")" = 'daemon games 2750' ]`,
    drift: `chmod 0777 "/srv/it's \\$HOME \\"x\\" \\\`id\\\` ü"`,
    undo: {
      tasks: `- file: {path: ${JSON.stringify(`/srv/${WEIRD}`)}, state: absent}`,
      gone: `! ls -d /srv/it*`,
    },
  },
  {
    module: "file",
    tasks: "- file: {path: /srv/link, src: /etc/hostname, state: link}",
    holds: '[ "$(readlink /srv/link)" = /etc/hostname ]',
    drift: "ln -sfn /etc/passwd /srv/link",
    undo: {
      tasks: "- file: {path: /srv/link, state: absent}",
      gone: "[ ! -L /srv/link ] && [ -f /etc/passwd ]",
    },
  },
  {
    module: "file",
    tasks: "- file: {path: /srv/tree, state: directory, owner: daemon, recurse: true}",
    before: "mkdir -p /srv/tree/a/b && touch '/srv/tree/a/b/c d'",
    holds: '[ -z "$(find /srv/tree ! -user daemon)" ]',
    drift: "chown root '/srv/tree/a/b/c d'",
    undo: { tasks: "- file: {path: /srv/tree/, state: absent}", gone: "[ ! -e /srv/tree ]" },
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
    undo: { tasks: "- group: {name: testers, state: absent}", gone: "! getent group testers" },
  },
  {
    module: "user",
    tasks:
      "- user: {name: tester, comment: 'Ünï Tester', shell: /bin/sh, groups: [games, audio], create_home: true}",
    holds:
      "id -nG tester | grep -q games && getent passwd tester | grep -q ':/bin/sh$' && [ -d /home/tester ]",
    drift: "usermod --shell /bin/bash --groups games tester",
    undo: {
      tasks: "- user: {name: tester, state: absent, remove: true}",
      gone: "! getent passwd tester && [ ! -e /home/tester ]",
    },
  },
  {
    module: "package",
    tasks: "- package: {name: [tree, bc]}",
    holds: "dpkg-query -W -f='${db:Status-Status} ' tree bc | grep -q 'installed installed'",
    drift: "apt-get -qq remove -y tree >/dev/null",
    undo: {
      tasks: "- package: {name: [tree, bc], state: absent}",
      gone: "! command -v tree && ! command -v bc",
    },
  },
  {
    module: "systemd_unit",
    tasks:
      "- systemd_unit:\n    name: sleeper\n    hardening: default\n    unit: {Description: Sleeps}\n    service: {ExecStart: /bin/sleep infinity, User: daemon}\n    install: {WantedBy: multi-user.target}",
    holds: "systemctl cat sleeper | grep -q ProtectKernelLogs=yes",
    drift: "echo '[Unit]' > /etc/systemd/system/sleeper.service; systemctl daemon-reload",
    undo: { tasks: "- systemd_unit: {name: sleeper, state: absent}", gone: "! systemctl cat sleeper" },
  },
  {
    // As systemd-escape writes `plumb named`.
    module: "systemd_unit",
    tasks:
      "- systemd_unit: {name: 'plumb\\x20named', service: {ExecStart: /bin/sleep infinity}, install: {WantedBy: multi-user.target}}",
    holds: "systemctl cat -- 'plumb\\x20named.service' | grep -q '^ExecStart=/bin/sleep infinity'",
    drift: "echo '[Unit]' > '/etc/systemd/system/plumb\\x20named.service'; systemctl daemon-reload",
    undo: {
      tasks: "- systemd_unit: {name: 'plumb\\x20named', state: absent}",
      gone: "[ -z \"$(ls /etc/systemd/system | grep named)\" ] && ! systemctl cat -- 'plumb\\x20named.service'",
    },
  },
  {
    module: "systemd",
    tasks: "- systemd: {name: 'plumb\\x20nap', state: started, enabled: true}",
    holds: "systemctl is-active 'plumb\\x20nap.service' && systemctl is-enabled 'plumb\\x20nap.service'",
    drift: "systemctl disable --now 'plumb\\x20nap.service'",
    before:
      "printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' > '/etc/systemd/system/plumb\\x20nap.service'; systemctl daemon-reload",
    undo: {
      tasks: "- systemd: {name: 'plumb\\x20nap', state: stopped, enabled: false}",
      gone: "! systemctl is-active 'plumb\\x20nap.service' && ! systemctl is-enabled 'plumb\\x20nap.service'",
    },
    after: "rm '/etc/systemd/system/plumb\\x20nap.service'; systemctl daemon-reload",
  },
  {
    module: "systemd",
    tasks: "- systemd: {name: dozer, state: started, enabled: true}",
    holds: "systemctl is-active dozer && systemctl is-enabled dozer",
    drift: "systemctl disable --now dozer",
    before:
      "printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/dozer.service; systemctl daemon-reload",
    undo: {
      tasks: "- systemd: {name: dozer, state: stopped, enabled: false, masked: false}",
      gone: "! systemctl is-active dozer && ! systemctl is-enabled dozer",
    },
    after: "rm /etc/systemd/system/dozer.service; systemctl daemon-reload",
  },
  {
    module: "nftables",
    tasks:
      "- nftables:\n    rules:\n      - {name: ssh, ports: [22]}\n      - {name: web, ports: [80, 443, 8000-8100], sources: [10.0.0.0/8, 192.168.1.7, 'fd00::/8']}\n      - {name: nuisance, sources: [203.0.113.0/24], verdict: drop}\n      - {name: few, rule: 'tcp dport 25 ct state new limit rate 10/minute accept'}\n    text: |\n      set known { type ipv4_addr; elements = { 192.0.2.7 }; }",
    holds:
      "nft list table inet plumb | grep -q 'dport { 80, 443, 8000-8100 }' && nft list table inet plumb | grep -q 'ip saddr 203.0.113.0/24 drop comment \"nuisance\"' && nft list table inet plumb | grep -q 'limit rate 10/minute.* accept comment \"few\"' && nft list set inet plumb known | grep -q 192.0.2.7 && grep -q nftables.d /etc/nftables.conf && systemctl is-enabled nftables",
    drift: "nft flush chain inet plumb input; nft add rule inet plumb input accept",
    undo: {
      tasks: "- nftables: {state: absent}",
      gone: "! nft list table inet plumb && [ ! -e /etc/nftables.d/plumb.nft ]",
    },
  },
  {
    module: "lineinfile",
    tasks: `- lineinfile: {path: /srv/lines, regexp: '^port=', line: 'port=6432 \`x\` $y', create: true}`,
    before: "printf 'a\\nport=1\\nb\\n' > /srv/lines",
    holds: '[ "$(sed -n 2p /srv/lines)" = \'port=6432 `x` $y\' ] && [ "$(wc -l < /srv/lines)" = 3 ]',
    drift: "sed -i 's/6432/1/' /srv/lines",
    undo: {
      tasks: "- lineinfile: {path: /srv/lines, regexp: '^port=', state: absent}",
      gone: '[ "$(tr "\\n" " " < /srv/lines)" = "a b " ]',
    },
  },
  {
    module: "blockinfile",
    tasks: "- blockinfile: {path: /srv/block, block: \"one\\ntwo\", create: true, insertafter: '^first'}",
    before: "printf 'first\\nlast\\n' > /srv/block",
    holds:
      "[ \"$(sed -n '3,4p' /srv/block | tr '\\n' ' ')\" = 'one two ' ] && [ \"$(tail -n 1 /srv/block)\" = last ]",
    drift: "sed -i '/two/d' /srv/block",
    undo: {
      tasks: "- blockinfile: {path: /srv/block, state: absent}",
      gone: '[ "$(tr "\\n" " " < /srv/block)" = "first last " ]',
    },
  },
  {
    module: "ini_file",
    tasks: "- ini_file: {path: /srv/app.ini, section: server, option: port, value: 8080}",
    before: "printf '; kept\\n[server]\\nport = 1\\n\\n[other]\\nport = 2\\n' > /srv/app.ini",
    holds:
      "grep -q '^port = 8080' /srv/app.ini && grep -q '^port = 2' /srv/app.ini && grep -q '^; kept' /srv/app.ini",
    drift: "sed -i 's/8080/9/' /srv/app.ini",
    undo: {
      tasks: "- ini_file: {path: /srv/app.ini, section: server, option: port, state: absent}",
      gone: "! grep -q 8080 /srv/app.ini && grep -q '^port = 2' /srv/app.ini",
    },
  },
  {
    module: "authorized_key",
    tasks:
      "- authorized_key: {user: operator, key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGLQm3DZsW1AQ8Bn4ejm5kkJ6jvQ7VNbqkJfPvcVDb7V test'}",
    holds:
      "grep -q 'VDb7V test' /home/operator/.ssh/authorized_keys && [ \"$(stat -c '%U %a' /home/operator/.ssh/authorized_keys)\" = 'operator 600' ] && grep -q 'lab ' /home/operator/.ssh/authorized_keys",
    drift: "sed -i '/VDb7V/d' /home/operator/.ssh/authorized_keys",
    undo: {
      tasks:
        "- authorized_key: {user: operator, key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGLQm3DZsW1AQ8Bn4ejm5kkJ6jvQ7VNbqkJfPvcVDb7V', state: absent}",
      gone: "! grep -q VDb7V /home/operator/.ssh/authorized_keys && grep -q 'lab ' /home/operator/.ssh/authorized_keys",
    },
  },
  {
    module: "sysctl",
    tasks: "- sysctl: {name: net.core.somaxconn, value: 2048}",
    holds: "[ \"$(cat /proc/sys/net/core/somaxconn)\" = 2048 ] && grep -rq 'somaxconn = 2048' /etc/sysctl.d",
    drift: "echo 1024 > /proc/sys/net/core/somaxconn",
    undo: {
      tasks: "- sysctl: {name: net.core.somaxconn, state: absent}",
      gone: "! grep -rq somaxconn /etc/sysctl.d",
    },
  },
  {
    module: "ufw",
    tasks: "- ufw: {rule: allow, port: 6432, proto: tcp, from_ip: 10.0.1.0/24, comment: the pooler}",
    before: havePackages("ufw"),
    holds: "ufw show added | grep -q 'from 10.0.1.0/24 to any port 6432 proto tcp'",
    drift: "ufw delete allow proto tcp from 10.0.1.0/24 to any port 6432",
    undo: {
      tasks: "- ufw: {rule: allow, port: 6432, proto: tcp, from_ip: 10.0.1.0/24, delete: true}",
      gone: "! ufw show added | grep -q 6432",
    },
  },
  {
    module: "hostname",
    tasks: "- hostname: {name: renamed}",
    holds: '[ "$(cat /proc/sys/kernel/hostname /etc/hostname | sort -u)" = renamed ]',
    before: "cp /etc/hostname /run/name-before",
    drift: "echo other > /etc/hostname",
    after: "cp /run/name-before /etc/hostname && hostname -F /etc/hostname",
  },
  {
    module: "apt_repository",
    tasks:
      "- apt_repository: {name: local-test, uris: ['file:/srv/repository'], suites: ['./'], trusted: true, update_cache: false}",
    holds: "grep -q '^URIs: file:/srv/repository' /etc/apt/sources.list.d/local-test.sources",
    drift: "echo 'Enabled: no' >> /etc/apt/sources.list.d/local-test.sources",
    undo: {
      tasks: "- apt_repository: {name: local-test, state: absent, update_cache: false}",
      gone: "[ ! -e /etc/apt/sources.list.d/local-test.sources ]",
    },
  },
];

describe("a module on both releases", () => {
  test(
    "check tells the truth, apply makes it so, a second run changes nothing, drift is found and mended, absent undoes",
    () => keepTheirPromises(CASES),
    300_000,
  );
});
