import { z } from "zod";
import { type BlockSignature, blockSignature, makerOf } from "../queries/block-signature.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import type { Change } from "./change.ts";
import { defineModule, ModuleFailure, type Situation } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import { splitCommand } from "./split-command.ts";
import type { Step } from "./step.ts";

const params = z
  .strictObject({
    dev: absolutePath.describe("The block device, or a file that stands for one."),
    fstype: z
      .enum(["ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "swap"])
      .optional()
      .describe("The type; its mkfs must be on the host."),
    state: z
      .enum(["present", "absent"])
      .default("present")
      .describe(
        "`absent`: the signatures are taken off, and with them everything that is on the device is as good as lost.",
      ),
    opts: z
      .string()
      .regex(/^[^\n]*$/, { error: "must be one line" })
      .default("")
      .describe("Options for mkfs, when the file system is made."),
    force: z
      .boolean()
      .default(false)
      .describe("Make it even where the device holds something else. What it holds is lost."),
    resizefs: z
      .boolean()
      .default(false)
      .describe("Grow it to the size of the device: ext2, ext3 and ext4, mounted or not."),
  })
  .refine(({ state, fstype }) => state === "absent" || fstype !== undefined, {
    error: "give the `fstype`",
    path: ["fstype"],
  })
  .refine(({ resizefs, fstype }) => !resizefs || fstype?.startsWith("ext") === true, {
    error: "works for ext2, ext3 and ext4",
    path: ["resizefs"],
  });

type Params = z.infer<typeof params>;
type FilesystemChange = "make" | "wipe-and-make" | "grow" | "wipe";

export const filesystem = defineModule<Params, { at: ReturnType<typeof blockSignature> }, FilesystemChange>({
  name: "filesystem",
  summary: "A file system on a block device",
  description:
    "A device that holds anything (another file system, a partition table, a part of a volume group or RAID) is never formatted unless `force: true`; one that is mounted or otherwise in use never is. The tests make ext2, ext3, ext4, vfat and swap on loop devices of 32 MiB; xfs and btrfs, which want larger ones, they have not seen.",
  params,
  examples: [
    {
      title: "For a database",
      yaml: "- filesystem:\n    dev: /dev/vdb\n    fstype: ext4\n    opts: -L pgdata -m 1\n",
    },
    {
      title: "As large as the device has become",
      yaml: "- filesystem:\n    dev: /dev/vdb\n    fstype: ext4\n    resizefs: true\n",
    },
    { title: "Nothing on it", yaml: "- filesystem:\n    dev: /dev/vdb\n    state: absent\n" },
  ],
  returns: { fstype: "What was on it before, if anything.", uuid: "Its number." },
  queries: ({ dev, fstype, resizefs }) => ({
    at: blockSignature({
      dev,
      ...(fstype === undefined ? {} : { fstype }),
      ...(resizefs ? { sizes: true } : {}),
    }),
  }),
  diff: (want, { at }, situation) => {
    if (!at.exists) return ofNothing(want, situation);
    const data = { fstype: at.signature ?? null, uuid: at.uuid ?? null };
    const change = want.state === "absent" ? wiping(want, at) : making(want, at, situation);
    return { ...change, data };
  },
  steps: ({ detail, summary }, want): Step[] => {
    const { dev, fstype = "" } = want;
    const make = sh`${makerOf(fstype)} ${splitCommand(want.opts)} ${dev}`;
    const wipe = sh`wipefs --quiet --all ${dev}`;
    const scripts = {
      make,
      "wipe-and-make": shellLines(rawShell("set -e"), wipe, make),
      grow: sh`resize2fs ${dev}`,
      wipe,
    };
    return [{ kind: "script", title: summary, script: scripts[detail] }];
  },
});

/** @throws ModuleFailure */
function ofNothing({ dev, state }: Params, { changesPending }: Situation): Change<FilesystemChange> {
  if (state === "absent") return { action: "none", reason: `there is no ${dev}` };
  if (!changesPending) throw new ModuleFailure(`there is no device ${dev}`);
  return { action: "create", summary: `make a file system on ${dev}`, differences: [], detail: "make" };
}

function wiping({ dev, fstype }: Params, { signature }: BlockSignature): Change<FilesystemChange> {
  if (signature === undefined) return { action: "none", reason: `there is nothing on ${dev}` };
  if (fstype !== undefined && signature !== fstype)
    throw new ModuleFailure(`${dev} holds ${signature}, and not ${fstype}: it is left alone`, {
      hint: "without `fstype`, whatever it holds is taken off",
    });
  return {
    action: "delete",
    summary: `take ${signature} off ${dev}`,
    differences: [{ kind: "field", name: dev, before: signature, after: "nothing" }],
    detail: "wipe",
  };
}

/** @throws ModuleFailure when the device holds something else, or there is no mkfs. */
function making(want: Params, at: BlockSignature, { changesPending }: Situation): Change<FilesystemChange> {
  const { dev, fstype = "" } = want;
  const { signature } = at;
  if (signature === fstype) return growing(want, at);
  if (signature !== undefined && !want.force)
    throw new ModuleFailure(`${dev} holds ${signature}: it is not formatted`, {
      hint: "is it the right device? `force: true` formats it, and what it holds is lost",
    });
  if (!at.hasMaker && !changesPending)
    throw new ModuleFailure(`the host has no ${makerOf(fstype)}`, {
      hint: `install the tools for ${fstype} first`,
    });
  return {
    action: signature === undefined ? "create" : "update",
    summary: `make ${fstype} on ${dev}`,
    differences: [{ kind: "field", name: dev, before: signature ?? "nothing", after: fstype }],
    detail: signature === undefined ? "make" : "wipe-and-make",
  };
}

/** mkfs leaves less than a block of the device over, and rounds groups: what is smaller than 1 MiB is no room to grow into. */
const ROUNDING_BYTES = 1024 * 1024;

function growing(want: Params, at: BlockSignature): Change<FilesystemChange> {
  const { dev, fstype = "" } = want;
  const none: Change<FilesystemChange> = { action: "none", reason: `${dev} holds ${fstype}` };
  if (!want.resizefs) return none;
  if (at.deviceBytes === undefined || at.usedBytes === undefined)
    throw new ModuleFailure(`how large ${fstype} on ${dev} is can't be found out`, {
      hint: "is dumpe2fs (package e2fsprogs) on the host?",
    });
  if (at.deviceBytes - at.usedBytes < ROUNDING_BYTES) return none;
  return {
    action: "update",
    summary: `grow ${fstype} on ${dev}`,
    differences: [
      { kind: "field", name: "size", before: `${at.usedBytes} bytes`, after: `${at.deviceBytes} bytes` },
    ],
    detail: "grow",
  };
}
