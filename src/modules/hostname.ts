import { z } from "zod";
import { hostName } from "../queries/host-name.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineModule } from "./module.ts";

const params = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/, {
      error: "must be a host name: letters, digits, `-` and `.`",
    })
    .describe("The name."),
});

export const hostname = defineModule({
  name: "hostname",
  summary: "The host's name, now and after a reboot",
  description:
    "There is no `state: absent`, as in Ansible: a host always has a name. To take a name back, give the one it had. Lines in /etc/hosts are not touched.",
  params,
  examples: [
    { title: "As the inventory has it", yaml: '- hostname:\n    name: "{{ inventory_hostname }}"\n' },
    { title: "A name", yaml: "- hostname:\n    name: db1\n" },
  ],
  queries: () => ({ at: hostName("own") }),
  diff: ({ name }, { at }) => {
    if (at.live === name && at.kept === name) return { action: "none", reason: `the name is ${name}` };
    const differences = [
      ...(at.live === name ? [] : [{ kind: "field" as const, name: "name", before: at.live, after: name }]),
      ...(at.kept === name
        ? []
        : [{ kind: "field" as const, name: "/etc/hostname", before: at.kept || "(none)", after: name }]),
    ];
    return { action: "update", summary: `name the host ${name}`, differences, detail: undefined };
  },
  touches: () => [
    { kind: "path", path: "/etc/hostname" },
    { kind: "sysctl", name: "kernel.hostname" },
  ],
  steps: (change, { name }) => [
    {
      kind: "script",
      title: change.summary,
      script: shellLines(
        rawShell("set -e; umask 022"),
        sh`printf '%s\\n' ${name} > /etc/hostname.new && mv -f /etc/hostname.new /etc/hostname`,
        sh`if command -v hostname >/dev/null; then hostname ${name}; else printf '%s' ${name} > /proc/sys/kernel/hostname; fi`,
      ),
    },
  ],
});
