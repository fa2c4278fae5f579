import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { type SwapState, swapState } from "../queries/swap-state.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import {
  diffEditedFile,
  type EditChange,
  editedFileQuery,
  editedFileSteps,
  type FileEdit,
} from "./edited-file.ts";
import { withEntry, withoutEntry } from "./fstab-text.ts";
import { requireFolder } from "./managed-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import type { Step } from "./step.ts";

const UNITS: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

const params = z
  .strictObject({
    path: absolutePath.default("/swapfile").describe("The file."),
    size: z
      .string()
      .regex(/^\d+[KMG]$/, { error: "must be a number with K, M or G behind it, such as 2G" })
      .optional()
      .describe("How large: a number with K, M or G (powers of 1024) behind it."),
    priority: z
      .number()
      .int()
      .min(0)
      .max(32767)
      .optional()
      .describe("Higher ones are used first; without it the kernel gives one."),
    state: z
      .enum(["present", "absent"])
      .default("present")
      .describe("Whether the kernel uses it, now and after a boot."),
  })
  .refine(({ state, size }) => state === "absent" || size !== undefined, {
    error: "give the `size`",
    path: ["size"],
  });

type Params = z.infer<typeof params>;

interface SwapChange {
  edit: EditChange | undefined;
  off: boolean;
  make: boolean;
  on: boolean;
}

const FSTAB = "/etc/fstab";
const bytesOf = ({ size = "0K" }: Params): number => Number(size.slice(0, -1)) * (UNITS[size.slice(-1)] ?? 1);

export const swap = defineModule<
  Params,
  {
    at: ReturnType<typeof swapState>;
    file: ReturnType<typeof pathState>;
    table: ReturnType<typeof editedFileQuery>;
  },
  SwapChange
>({
  name: "swap",
  summary: "A file that the kernel swaps to",
  description:
    "The file is made with mode 0600, used at once, and stands in /etc/fstab. A file that holds something else is never overwritten. Ansible has no such module. A swap partition is made with `filesystem` (`fstype: swap`). The tests switch files on and off on ext4 on a loop device.",
  params,
  examples: [
    { title: "Two gigabytes", yaml: "- swap:\n    path: /swapfile\n    size: 2G\n" },
    { title: "None", yaml: "- swap:\n    path: /swapfile\n    state: absent\n" },
  ],
  returns: { active: "Whether it was used before." },
  queries: ({ path }) => ({
    at: swapState(path),
    file: pathState({ path }),
    table: editedFileQuery(FSTAB),
  }),
  diff: (want, { at, file, table }, situation) => {
    if (want.state === "present") requireFolder(want.path, file, situation);
    const edit = diffEditedFile(editOf(want), table, situation);
    const { differences, off, make, on } = want.state === "absent" ? removing(at) : using(want, at);
    if (edit.action !== "none") differences.push(...edit.differences);
    const data = { active: at.isActive };
    if (differences.length === 0)
      return {
        action: "none",
        reason: `${want.path} is ${want.state === "absent" ? "not used" : "used"}`,
        data,
      };
    return {
      action: want.state === "absent" ? "delete" : at.file === "absent" ? "create" : "update",
      summary: want.state === "absent" ? `no longer swap to ${want.path}` : `swap to ${want.path}`,
      differences,
      detail: { edit: edit.action === "none" ? undefined : edit.detail, off, make, on },
      data,
    };
  },
  steps: ({ detail, summary }, want): Step[] => [
    { kind: "script", title: summary, script: swapScript(want, detail) },
    ...(detail.edit === undefined
      ? []
      : [
          ...editedFileSteps(editOf(want), detail.edit),
          {
            kind: "script" as const,
            title: "have systemd read the table",
            script: rawShell("[ ! -d /run/systemd/system ] || systemctl daemon-reload"),
          },
        ]),
  ],
});

function editOf(want: Params): FileEdit {
  const entry = {
    src: want.path,
    path: "none",
    fstype: "swap",
    opts: want.priority === undefined ? "sw" : `sw,pri=${want.priority}`,
    dump: "0",
    passno: "0",
  };
  return {
    path: FSTAB,
    create: true,
    edit: (text) => (want.state === "present" ? withEntry(text, entry) : withoutEntry(text, entry)),
  };
}

type Needed = Omit<SwapChange, "edit"> & { differences: Difference[] };

/** @throws ModuleFailure when the file holds something else. */
function using(want: Params, at: SwapState): Needed {
  if (at.file === "other")
    throw new ModuleFailure(`${want.path} holds something else than swap: it is not overwritten`, {
      hint: "choose another path, or remove the file",
    });
  const bytes = bytesOf(want);
  const differences: Difference[] = [];
  const make = at.file === "absent" || at.sizeBytes !== bytes;
  if (make)
    differences.push({
      kind: "field",
      name: "size",
      before: `${at.sizeBytes} bytes`,
      after: `${bytes} bytes`,
    });
  if (at.file !== "absent" && at.mode !== "0600")
    differences.push({ kind: "field", name: "mode", before: at.mode, after: "0600" });
  const isOther = want.priority !== undefined && at.priority !== want.priority;
  if (!at.isActive) differences.push({ kind: "field", name: "used", before: "no", after: "yes" });
  else if (isOther)
    differences.push({
      kind: "field",
      name: "priority",
      before: String(at.priority),
      after: String(want.priority),
    });
  const again = make || isOther;
  return { differences, make, off: at.isActive && again, on: !at.isActive || again };
}

function removing(at: SwapState): Needed {
  const differences: Difference[] = [];
  if (at.isActive) differences.push({ kind: "field", name: "used", before: "yes", after: "no" });
  // A file that holds no swap is somebody else's.
  if (at.file === "swap")
    differences.push({ kind: "field", name: "file", before: "present", after: "absent" });
  return { differences, off: at.isActive, make: false, on: false };
}

function swapScript(want: Params, detail: SwapChange): ShellText {
  const { path } = want;
  const fresh = `${path}.plumb-new`;
  const bytes = bytesOf(want);
  return shellLines(
    rawShell("set -e; umask 077"),
    detail.off ? sh`swapoff -- ${path}` : undefined,
    want.state === "absent" ? sh`rm -f -- ${path} ${fresh}` : undefined,
    detail.make
      ? shellLines(
          sh`rm -f -- ${fresh}; : > ${fresh}`,
          // btrfs swaps only to files that it does not copy on write; other file systems know no such attribute.
          sh`chattr +C ${fresh} 2>/dev/null || true`,
          sh`fallocate -l ${bytes} ${fresh} 2>/dev/null || head -c ${bytes} /dev/zero > ${fresh}`,
          sh`mkswap ${fresh} >/dev/null && mv -fT -- ${fresh} ${path}`,
        )
      : undefined,
    want.state === "present" ? sh`chmod 0600 -- ${path}` : undefined,
    detail.on ? sh`swapon ${want.priority === undefined ? [] : ["-p", want.priority]} ${path}` : undefined,
  );
}
