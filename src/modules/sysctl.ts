import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { sysctlValue } from "../queries/sysctl-value.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { diffManagedFile, type ManagedFile, managedFileSteps, textContent } from "./managed-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import { pathsTouched } from "./subject.ts";

const params = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9_.*/-]+$/i, { error: "must be a kernel setting such as net.core.somaxconn" })
    .describe("The setting."),
  value: z.union([z.string(), z.number(), z.boolean()]).optional().describe("Its value."),
  sysctl_file: absolutePath
    .optional()
    .describe(
      "Another file of its own than /etc/sysctl.d/70-plumb-NAME.conf; it holds this setting and nothing else.",
    ),
  sysctl_set: z
    .boolean()
    .default(true)
    .describe("Set it in the kernel at once; `false`: only when the host boots."),
  reload: z.boolean().default(true).describe("Kept for Ansible's playbooks: no other file is read anew."),
  ignoreerrors: z
    .boolean()
    .default(false)
    .describe("A setting that the kernel does not have is written all the same."),
  state: z
    .enum(["present", "absent"])
    .default("present")
    .describe("`absent` removes the file; the kernel keeps the value until it boots."),
});

type Params = z.infer<typeof params>;

const textOf = ({ value }: Params): string =>
  value === true
    ? "1"
    : value === false
      ? "0"
      : String(value ?? "")
          .trim()
          .replace(/\s+/g, " ");
const fileOf = (want: Params): ManagedFile => ({
  path: want.sysctl_file ?? `/etc/sysctl.d/70-plumb-${want.name.replaceAll("/", ".")}.conf`,
  content: textContent(`# Managed by Plumb.\n${want.name} = ${textOf(want)}\n`),
  owner: "root",
  group: "root",
  mode: "0644",
});

export const sysctl = defineModule({
  name: "sysctl",
  summary: "A setting of the kernel, now and after a reboot",
  params,
  examples: [
    {
      title: "Longer queues of new connections",
      yaml: "- sysctl:\n    name: net.core.somaxconn\n    value: 4096\n",
    },
    {
      title: "As the distribution has it",
      yaml: "- sysctl:\n    name: net.core.somaxconn\n    state: absent\n",
    },
  ],
  returns: { value: "The value in the kernel." },
  queries: (want) => ({
    file: pathState({ path: fileOf(want).path, sha256: true }),
    live: sysctlValue(want.name),
  }),
  diff: (want, { file, live }, situation) => {
    if (want.state === "absent") {
      if (file.type === "absent") return { action: "none", reason: "not set by Plumb" };
      return {
        action: "delete",
        summary: `no longer set ${want.name}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
        detail: undefined,
      };
    }
    const isLive = want.sysctl_set && live.value !== undefined;
    if (live.value === undefined && !want.ignoreerrors)
      throw new ModuleFailure(`the kernel has no setting ${want.name}`, {
        hint: "is its module loaded (modprobe)?",
      });
    const differences: Difference[] = [];
    if (diffManagedFile(fileOf(want), file, situation).action !== "none")
      differences.push({
        kind: "field",
        name: fileOf(want).path,
        before: file.type === "absent" ? "absent" : "other content",
        after: `${want.name} = ${textOf(want)}`,
      });
    if (isLive && live.value !== textOf(want))
      differences.push({ kind: "field", name: want.name, before: live.value ?? "", after: textOf(want) });
    if (differences.length === 0)
      return {
        action: "none",
        reason: `${want.name} is ${live.value ?? "not there"}`,
        data: { value: live.value ?? null },
      };
    return {
      action: "update",
      summary: `set ${want.name} to ${textOf(want)}`,
      differences,
      detail: undefined,
    };
  },
  touches: (want) => [
    ...pathsTouched(fileOf(want).path),
    ...(want.sysctl_set && want.state === "present" ? [{ kind: "sysctl" as const, name: want.name }] : []),
  ],
  steps: (change, want) => {
    if (change.action === "delete")
      return [{ kind: "script", title: change.summary, script: sh`rm -f -- ${fileOf(want).path}` }];
    return [
      ...managedFileSteps(fileOf(want), { rewrite: true, attributes: true }),
      {
        kind: "script",
        title: change.summary,
        script: shellLines(
          rawShell("set -e"),
          want.sysctl_set
            ? sh`[ ! -e ${`/proc/sys/${want.name.replaceAll(".", "/")}`} ] || printf '%s\\n' ${textOf(want)} > ${`/proc/sys/${want.name.replaceAll(".", "/")}`}`
            : undefined,
        ),
      },
    ];
  },
});
