import { canonicalModuleName } from "../../modules/catalogue.ts";
import { commandLineOf } from "../command-line.ts";
import type { Rule } from "../rule.ts";
import { tasksOf } from "../tree.ts";

/** Programs whose work a module does, with what they are called with when they only look. */
const PROGRAMS: Readonly<Record<string, { module: string; looks?: RegExp }>> = {
  apt: { module: "package", looks: /^(list|show|search|policy)/ },
  "apt-get": { module: "package", looks: /^(changelog|download|source)/ },
  "apt-key": { module: "apt_repository" },
  "add-apt-repository": { module: "apt_repository" },
  chgrp: { module: "file" },
  chmod: { module: "file" },
  chown: { module: "file" },
  cp: { module: "copy" },
  crontab: { module: "cron", looks: /-l\b/ },
  curl: { module: "uri" },
  dnf: { module: "package", looks: /^(list|info|search|repolist)/ },
  dpkg: {
    module: "package",
    looks: /^(-l|-L|-s|-S|--list|--status|--print-architecture|--compare-versions)/,
  },
  git: { module: "git", looks: /^(-C \S+ )?(log|rev-parse|status|describe|diff|show|config --get)/ },
  groupadd: { module: "group" },
  groupdel: { module: "group" },
  hostnamectl: { module: "hostname", looks: /^(status)?$/ },
  iptables: { module: "iptables", looks: /-[LS]\b/ },
  ln: { module: "file" },
  mkdir: { module: "file" },
  modprobe: { module: "modprobe" },
  mount: { module: "mount", looks: /^$/ },
  nft: { module: "nftables", looks: /^(-\S+ )*list\b/ },
  psql: { module: "postgresql_query" },
  reboot: { module: "reboot" },
  rm: { module: "file" },
  sed: { module: "lineinfile", looks: /^(?!.*(^|\s)-(i|-in-place))/ },
  service: { module: "systemd", looks: /\bstatus\b/ },
  sysctl: { module: "sysctl", looks: /^(-n |-a\b|[\w.]+$)/ },
  systemctl: {
    module: "systemd",
    looks: /^(-\S+ )*(status|show|is-|list-|cat|show-environment|get-default)/,
  },
  tar: { module: "unarchive", looks: /^-?t/ },
  timedatectl: { module: "timezone", looks: /^(status|show)?$/ },
  touch: { module: "file" },
  ufw: { module: "ufw", looks: /^status/ },
  unzip: { module: "unarchive", looks: /^-l/ },
  "update-alternatives": { module: "alternatives", looks: /--(display|list|query)/ },
  useradd: { module: "user" },
  userdel: { module: "user" },
  usermod: { module: "user" },
  wget: { module: "get_url" },
  yum: { module: "package", looks: /^(list|info|search)/ },
};

/** `command` and `shell` for what a module does. */
export const commandInsteadOfModule: Rule = {
  name: "command-instead-of-module",
  severity: "warning",
  summary: "`command` or `shell` for what a module does",
  why: "A command runs at every run and says that it changed something; a module looks first, shows the difference, and can be checked. What only looks (`systemctl is-active`) is no finding, nor is what has pipes, patterns or several commands in it.",
  bad: {
    "site.yml":
      "- name: Web\n  hosts: all\n  tasks:\n    - name: The service\n      command: systemctl restart nginx\n      changed_when: true\n",
  },
  good: {
    "site.yml":
      "- name: Web\n  hosts: all\n  tasks:\n    - name: The service\n      systemd: {name: nginx, state: restarted}\n    - name: Look\n      command: systemctl is-active nginx\n      changed_when: false\n",
  },
  check: (tree) =>
    tasksOf(tree).flatMap(({ task }) => {
      const line = commandLineOf(task);
      if (line === undefined || /[|;&<>*`]|\$\(|\n\s*\S/.test(line.text)) return [];
      const [first = "", ...rest] = line.text.trim().split(/\s+/);
      const program = first.replace(/^.*\//, "");
      const known = Object.hasOwn(PROGRAMS, program) ? PROGRAMS[program] : undefined;
      if (known === undefined || canonicalModuleName(known.module) === undefined) return [];
      if (known.looks?.test(rest.join(" ")) === true) return [];
      return [
        {
          message: `\`${program}\` does what the module \`${known.module}\` does, but at every run`,
          at: line.at,
          hint: `plumb doc ${known.module} shows how; for a reason not to, write # plumb-lint: ignore[command-instead-of-module] reason`,
        },
      ];
    }),
};
