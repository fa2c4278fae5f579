import { z } from "zod";
import {
  type PhysicalVolume,
  type VolumeGroup,
  volumeGroup,
  type WantedDevice,
} from "../queries/volume-group.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import type { Change, Difference } from "./change.ts";
import { defineModule, ModuleFailure, type Situation } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import { splitCommand } from "./split-command.ts";
import type { Step } from "./step.ts";

const device = absolutePath.regex(/^[^|\n]*$/, { error: "must be the path of a device" });
const options = z
  .string()
  .regex(/^[^\n]*$/, { error: "must be one line" })
  .default("");

const params = z
  .strictObject({
    vg: z
      .string()
      .regex(/^[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,126}$/, {
        error: "must be the name of a volume group: letters, digits, `_`, `.`, `+` and `-`",
      })
      .describe("The volume group."),
    pvs: z
      .union([
        z.array(device).min(1),
        z
          .string()
          .transform((text) => text.split(/\s*,\s*/))
          .pipe(z.array(device).min(1)),
      ])
      .optional()
      .describe("The devices that it consists of, all of them: a list, or separated by commas."),
    state: z
      .enum(["present", "absent"], {
        error: "must be `present` or `absent`: `command: vgchange --activate` turns volumes on and off",
      })
      .default("present")
      .describe("`absent`: the group is removed; its devices stay parts that any group may take."),
    pesize: z
      .union([z.string(), z.number().int().min(1).transform(String)])
      .refine((text) => /^\d+[kKmMgG]?$/.test(text), { error: "must be a number with K, M or G; M without" })
      .optional()
      .describe("Size of an extent, when the group is made, such as 32 or 128K. Without: LVM's 4 MiB."),
    pv_options: options.describe("Options for pvcreate."),
    vg_options: options.describe("Options for vgcreate."),
    pvresize: z.boolean().default(false).describe("Take all of a device that has grown."),
    remove_extra_pvs: z
      .boolean()
      .default(true)
      .describe("Take devices out of the group that are not in `pvs`, if no volume lies on them."),
    force: z
      .boolean()
      .default(false)
      .describe(
        "Take devices that hold something else, and remove a group with volumes in it. What they hold is lost.",
      ),
  })
  .refine(({ state, pvs }) => state === "absent" || pvs !== undefined, {
    error: "give the devices",
    path: ["pvs"],
  });

type Params = z.infer<typeof params>;

interface GroupChange {
  create: boolean;
  /** With links resolved. */
  label: readonly string[];
  extend: readonly string[];
  resize: readonly string[];
  reduce: readonly string[];
}

const NOTHING: GroupChange = { create: false, label: [], extend: [], resize: [], reduce: [] };

export const lvg = defineModule<Params, { at: ReturnType<typeof volumeGroup> }, GroupChange>({
  name: "lvg",
  summary: "Volume groups of LVM",
  description:
    "A device that holds anything, or is in another group, is not taken unless `force: true`; one in another group never is. A device on which a volume lies is not taken out: `command: pvmove` empties it before. Volumes are made by `command: lvcreate`, with `creates: /dev/VG/LV`; `filesystem` and `mount` take it from there. The tests make, widen, narrow and remove groups on loop devices; their kernel has no device mapper, so that a group whose volumes are in use they have not seen.",
  params,
  examples: [
    { title: "Of one disk", yaml: "- lvg:\n    vg: data\n    pvs: /dev/vdb\n" },
    {
      title: "Of two, with large extents, as large as they have become",
      yaml: "- lvg:\n    vg: data\n    pvs: [/dev/vdb, /dev/vdc]\n    pvresize: true\n",
    },
    { title: "Gone", yaml: "- lvg:\n    vg: data\n    state: absent\n" },
  ],
  returns: { extent_bytes: "Size of an extent.", volumes: "How many volumes are in it." },
  queries: ({ vg, pvs }) => ({ at: volumeGroup({ vg, pvs: pvs ?? [] }) }),
  diff: (want, { at }, situation) => {
    if (!at.hasLvm && !situation.changesPending && want.state === "present")
      throw new ModuleFailure("LVM is not installed on the host", {
        hint: "install the package lvm2 before",
      });
    const data = { extent_bytes: at.extentBytes, volumes: at.volumes };
    const change = want.state === "absent" ? removing(want, at) : having(want, at, situation);
    return { ...change, data };
  },
  touches: ({ vg }) => [{ kind: "lost", what: `the volume group ${vg}` }],
  steps: ({ action, summary, detail }, { vg, pesize, force, pv_options, vg_options }): Step[] => {
    const size = pesize === undefined ? [] : ["--physicalextentsize", pesize];
    const over = force ? ["--force", "--yes"] : [];
    const script =
      action === "delete"
        ? sh`vgremove ${force ? ["--force", "--yes"] : []} -- ${vg}`
        : shellLines(
            detail.label.length === 0
              ? undefined
              : sh`pvcreate ${over} ${splitCommand(pv_options)} -- ${detail.label}`,
            detail.create
              ? sh`vgcreate ${size} ${splitCommand(vg_options)} -- ${vg} ${detail.extend}`
              : undefined,
            detail.create || detail.extend.length === 0 ? undefined : sh`vgextend -- ${vg} ${detail.extend}`,
            detail.resize.length === 0 ? undefined : sh`pvresize -- ${detail.resize}`,
            detail.reduce.length === 0 ? undefined : sh`vgreduce -- ${vg} ${detail.reduce}`,
          );
    return [
      {
        kind: "script",
        title: summary,
        script: shellLines(rawShell("set -e; PATH=$PATH:/usr/sbin:/sbin"), script),
      },
    ];
  },
});

const field = (name: string, before: string, after: string): Difference => ({
  kind: "field",
  name,
  before,
  after,
});

/** @throws ModuleFailure where volumes would be lost. */
function removing({ vg, force }: Params, at: VolumeGroup): Change<GroupChange> {
  if (!at.exists) return { action: "none", reason: `there is no volume group ${vg}` };
  if (at.volumes > 0 && !force)
    throw new ModuleFailure(`${vg} has ${at.volumes} volumes: it is not removed`, {
      hint: "`command: lvremove` takes them away one by one; `force: true` takes all, and what they hold is lost",
    });
  const volumes = at.volumes === 0 ? [] : [field("volumes", String(at.volumes), "none")];
  return {
    action: "delete",
    summary: `remove the volume group ${vg}`,
    differences: [field("state", "present", "absent"), ...volumes],
    detail: NOTHING,
  };
}

function having(want: Params, at: VolumeGroup, situation: Situation): Change<GroupChange> {
  const { vg } = want;
  const devices = at.wanted.map((one) => taken(want, one, situation));
  const paths = devices.map(({ path }) => path);
  if (at.exists) checkExtent(want, at);
  const members = at.members.map((member) => member.device);
  const extend = paths.filter((path) => !members.includes(path));
  const label = devices.filter(({ fresh, path }) => fresh && extend.includes(path)).map(({ path }) => path);
  const extra = want.remove_extra_pvs ? at.members.filter((one) => !paths.includes(one.device)) : [];
  for (const one of extra) checkUnused(vg, one);
  // The labels before and behind the data take a few MiB; what is less than an extent is no room.
  const grown = want.pvresize
    ? at.members.filter(
        (one) =>
          paths.includes(one.device) &&
          one.deviceBytes - one.sizeBytes >= Math.max(2 * at.extentBytes, 8 * 1024 ** 2),
      )
    : [];
  const differences = [
    ...(at.exists ? [] : [field("state", "absent", "present")]),
    ...extend.map((path) =>
      field(path, at.wanted.find((one) => one.device === path)?.signature ?? "nothing", `part of ${vg}`),
    ),
    ...grown.map((one) => field(one.device, `${one.sizeBytes} bytes`, `${one.deviceBytes} bytes`)),
    ...extra.map((one) => field(one.device, `part of ${vg}`, "part of no group")),
  ];
  if (differences.length === 0) return { action: "none", reason: `${vg} consists of ${members.join(", ")}` };
  return {
    action: at.exists ? "update" : "create",
    summary: `${at.exists ? "change" : "make"} the volume group ${vg}`,
    differences,
    detail: {
      create: !at.exists,
      label,
      extend,
      resize: grown.map((one) => one.device),
      reduce: extra.map((one) => one.device),
    },
  };
}

/** A device that may become a part, or is one already. @throws ModuleFailure */
function taken(
  { vg, force }: Params,
  { written, device: path, signature, vg: other }: WantedDevice,
  { changesPending }: Situation,
): { path: string; fresh: boolean } {
  if (path === undefined) {
    if (!changesPending) throw new ModuleFailure(`there is no device ${written}`);
    return { path: written, fresh: true };
  }
  if (other === vg) return { path, fresh: false };
  if (other !== undefined)
    throw new ModuleFailure(`${written} is in the volume group ${other}`, {
      hint: `take it out there first (vgreduce ${other} ${written})`,
    });
  const isPart = signature === "LVM2_member";
  if (signature !== undefined && !isPart && !force)
    throw new ModuleFailure(`${written} holds ${signature}: it is not taken`, {
      hint: "is it the right device? `force: true` takes it, and what it holds is lost",
    });
  return { path, fresh: !isPart };
}

/** @throws ModuleFailure: what is made of extents can't be cut anew. */
function checkExtent({ vg, pesize }: Params, { extentBytes }: VolumeGroup): void {
  if (pesize === undefined) return;
  const factor = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[pesize.slice(-1).toLowerCase()] ?? 1024 ** 2;
  const wanted = Number.parseInt(pesize, 10) * factor;
  if (wanted === extentBytes) return;
  throw new ModuleFailure(`the extents of ${vg} have ${extentBytes} bytes, and ${wanted} are wanted`, {
    hint: "`command: vgchange --physicalextentsize` tries it; `pesize` counts when a group is made",
    findings: [{ path: ["pesize"], message: `the group's extents have ${extentBytes} bytes` }],
  });
}

/** @throws ModuleFailure */
function checkUnused(vg: string, { device: path, usedBytes }: PhysicalVolume): void {
  if (usedBytes === 0) return;
  throw new ModuleFailure(`${path} is not in \`pvs\`, and volumes of ${vg} lie on it`, {
    hint: `\`command: pvmove ${path}\` empties it; \`remove_extra_pvs: false\` leaves it in the group`,
  });
}
