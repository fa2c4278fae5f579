import { z } from "zod";
import { type LiveMount, type MountState, mountState } from "../queries/mount-state.ts";
import { type PathState, pathState } from "../queries/path-state.ts";
import type { Trial } from "../queries/trial.ts";
import { SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Change, Difference } from "./change.ts";
import {
  diffEditedFile,
  type EditChange,
  editedFileQuery,
  editedFileSteps,
  type FileEdit,
} from "./edited-file.ts";
import { type FstabEntry, withEntry, withoutEntry } from "./fstab-text.ts";
import { requireFolder } from "./managed-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import type { Step } from "./step.ts";

const word = z
  .string()
  .min(1)
  .regex(/^[^\n]+$/, { error: "must be one line" });

const params = z
  .strictObject({
    path: absolutePath
      .refine((path) => path === "/" || !path.endsWith("/"), { error: "must not end with a slash" })
      .describe("Where it is mounted."),
    src: word
      .optional()
      .describe(
        "What is mounted: a device, `UUID=…`, `LABEL=…`, `server:/path`, a directory to bind, or a word such as tmpfs.",
      ),
    fstype: word.optional().describe("The type of the file system; `none` for a bind mount."),
    opts: word.default("defaults").describe("Options, separated by commas."),
    dump: z
      .union([z.string(), z.number()])
      .transform(String)
      .default("0")
      .describe("The fifth field of fstab."),
    passno: z
      .union([z.string(), z.number()])
      .transform(String)
      .default("0")
      .describe("The sixth field of fstab: when it is checked at boot; 0 is never."),
    boot: z.boolean().default(true).describe("Mounted at boot; `false` adds the option noauto."),
    state: z
      .enum(["mounted", "present", "unmounted", "absent", "absent_from_fstab", "ephemeral", "remounted"])
      .describe(
        "`mounted`: in fstab, and mounted; the directory is made. `present`: in fstab only. `unmounted`: not mounted, fstab as it is. `absent`: neither, and the directory is removed if it is empty. `absent_from_fstab`: not in fstab, mounted or not. `ephemeral`: mounted, and not in fstab by this task. `remounted`: mounted anew each time, as fstab says.",
      ),
    fstab: absolutePath.default("/etc/fstab").describe("The table."),
    backup: z
      .boolean()
      .default(false)
      .describe("Keep the replaced table beside it, with the date in its name."),
  })
  .refine((all) => !needsSource(all.state) || (all.src !== undefined && all.fstype !== undefined), {
    error: "give `src` and `fstype`",
    path: ["src"],
  })
  .refine(({ path, state }) => path !== "/" || !["unmounted", "absent", "ephemeral"].includes(state), {
    error: "can't be so for `/`: the host would not live",
    path: ["state"],
  });

type Params = z.infer<typeof params>;

interface MountChange {
  edit: EditChange | undefined;
  /** What happens to the mount, in this order. */
  unmount: boolean;
  mount: boolean;
  remount: boolean;
}

const needsSource = (state: string): boolean => ["mounted", "present", "ephemeral"].includes(state);
const isWantedLive = ({ state }: Params): boolean => state === "mounted" || state === "ephemeral";

export const mount = defineModule<
  Params,
  {
    at: ReturnType<typeof mountState>;
    place: ReturnType<typeof pathState>;
    source: ReturnType<typeof pathState>;
    table: ReturnType<typeof editedFileQuery>;
  },
  MountChange
>({
  name: "mount",
  summary: "File systems in fstab and in the tree",
  description:
    "What is mounted is compared with what the kernel says: the device that `src` stands for, the type, and the options ro, noexec, nosuid, nodev and noatime. Another device at the place is unmounted first; other options are set by mounting anew.",
  params,
  examples: [
    {
      title: "A disk for the database",
      yaml: "- mount:\n    path: /var/lib/postgresql\n    src: LABEL=pgdata\n    fstype: ext4\n    opts: noatime,nodev\n    passno: 2\n    state: mounted\n",
    },
    {
      title: "A part of memory, until the next boot",
      yaml: "- mount:\n    path: /srv/scratch\n    src: tmpfs\n    fstype: tmpfs\n    opts: size=64m,noexec\n    state: ephemeral\n",
    },
    { title: "Gone", yaml: "- mount:\n    path: /mnt/old\n    state: absent\n" },
  ],
  returns: { mounted: "Whether something was mounted there before.", source: "What." },
  queries: ({ path, src, fstab }) => ({
    at: mountState({ path, ...(src === undefined ? {} : { src }) }),
    place: pathState({ path, follow: true }),
    source: pathState({ path: src?.startsWith("/dev/") === true ? src : "/", follow: true }),
    table: editedFileQuery(fstab),
  }),
  diff: (want, { at, place, source, table }, situation): Change<MountChange> => {
    const data = { mounted: at.live !== undefined, source: at.live?.source ?? null };
    if (want.state === "remounted") return remounting(want, at);
    const edit =
      want.state === "unmounted" || want.state === "ephemeral"
        ? undefined
        : diffEditedFile(editOf(want), table, situation);
    const rewritten = edit === undefined || edit.action === "none" ? undefined : edit;
    if (isWantedLive(want)) requireFolder(want.path, place, "made by the module");
    if (isWantedLive(want) && !situation.changesPending) requireDevice(want, at, source);
    const live = liveDifferences(want, at);
    const differences = [...(rewritten?.differences ?? []), ...live.differences];
    if (differences.length === 0) return { action: "none", reason: `${want.path} is ${want.state}`, data };
    return {
      action: isWantedLive(want) || want.state === "present" ? "update" : "delete",
      summary: `${want.path}: ${want.state.replaceAll("_", " ")}`,
      differences,
      detail: {
        edit: rewritten?.detail,
        ...live,
        // Other options in the table count at once.
        remount: live.remount || (rewritten !== undefined && want.state === "mounted" && !live.mount),
      },
      data,
    };
  },
  steps: ({ detail, summary }, want): Step[] => [
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
    ...(detail.unmount || detail.mount || detail.remount || want.state === "absent"
      ? [
          {
            kind: "script" as const,
            title: summary,
            script: mountScript(want, detail),
            trials: detail.mount ? kindTrials(want) : [],
          },
        ]
      : []),
  ],
});

/** @throws ModuleFailure */
function remounting(want: Params, at: MountState): Change<MountChange> {
  if (at.live === undefined)
    throw new ModuleFailure(`nothing is mounted at ${want.path}`, { hint: "`state: mounted` mounts it" });
  return {
    action: "run",
    summary: `mount ${want.path} anew`,
    differences: [],
    detail: { edit: undefined, unmount: false, mount: false, remount: true },
  };
}

/** @throws ModuleFailure for what can't be mounted, because it is not there. */
function requireDevice({ src = "" }: Params, { device, live }: MountState, source: PathState): void {
  const isLabelled = /^(PART)?(UUID|LABEL)=/.test(src);
  if (live !== undefined || (isLabelled ? device !== undefined : source.type !== "absent")) return;
  throw new ModuleFailure(isLabelled ? `no device has ${src}` : `there is no device ${src}`, {
    findings: [{ path: ["src"], message: "is not there" }],
  });
}

/** What kinds of file systems there are: the kernel's, those that a module brings, and those that a program mounts, which come with packages. */
function kindTrials({ path, fstype: kind = "auto" }: Params): readonly Trial[] {
  if (kind === "auto" || kind === "none" || kind.includes(".") || kind.includes(",")) return [];
  const script = shellLines(
    rawShell("PATH=$PATH:/usr/sbin:/sbin"),
    sh`grep -qE ${`[[:space:]]${kind}$`} /proc/filesystems && exit 0`,
    sh`[ -e ${`/sbin/mount.${kind}`} ] || [ -e ${`/usr/sbin/mount.${kind}`} ] && exit 0`,
    sh`modprobe -n -q -- ${`fs-${kind}`} 2>/dev/null || modprobe -n -q -- ${kind} 2>/dev/null && exit 0`,
    sh`echo ${`mount: ${path}: unknown filesystem type '${kind}'.`} >&2; exit 32`,
  );
  return [{ script, mayBeMade: true }];
}

function mountScript(want: Params, detail: MountChange): ShellText {
  const byHand = ["-t", want.fstype ?? "auto", "-o", want.opts, want.src ?? ""];
  return shellLines(
    rawShell("set -e"),
    detail.unmount ? sh`umount -- ${want.path}` : undefined,
    detail.mount ? shellLines(SAFE_FOLDER, sh`( plumb_make ${want.path} )`) : undefined,
    detail.mount
      ? want.state === "ephemeral"
        ? sh`mount ${byHand} ${want.path}`
        : sh`mount -T ${want.fstab} ${want.path}`
      : undefined,
    detail.remount
      ? want.state === "ephemeral"
        ? sh`mount -o ${`remount,${want.opts}`} ${want.path}`
        : sh`mount -T ${want.fstab} -o remount ${want.path}`
      : undefined,
    want.state === "absent"
      ? sh`[ ! -d ${want.path} ] || rmdir --ignore-fail-on-non-empty -- ${want.path}`
      : undefined,
  );
}

const optionsOf = ({ opts, boot }: Params): string =>
  boot || opts.split(",").includes("noauto") ? opts : opts === "defaults" ? "noauto" : `${opts},noauto`;

function editOf(want: Params): FileEdit {
  const entry: FstabEntry = {
    src: want.src ?? "",
    path: want.path,
    fstype: want.fstype ?? "",
    opts: optionsOf(want),
    dump: want.dump,
    passno: want.passno,
  };
  return {
    path: want.fstab,
    create: true,
    backup: want.backup,
    edit: (text) => (needsSource(want.state) ? withEntry(text, entry) : withoutEntry(text, entry)),
  };
}

function liveDifferences(
  want: Params,
  at: MountState,
): { differences: Difference[]; unmount: boolean; mount: boolean; remount: boolean } {
  const nothing = { differences: [], unmount: false, mount: false, remount: false };
  if (want.state === "unmounted" || want.state === "absent") {
    if (at.live === undefined) return nothing;
    const difference: Difference = {
      kind: "field",
      name: "mounted",
      before: at.live.source,
      after: "nothing",
    };
    return { ...nothing, differences: [difference], unmount: true };
  }
  if (!isWantedLive(want)) return nothing;
  if (at.live === undefined) {
    const difference: Difference = {
      kind: "field",
      name: "mounted",
      before: "nothing",
      after: want.src ?? "",
    };
    return { ...nothing, differences: [difference], mount: true };
  }
  if (!isRightSource(want, at, at.live)) {
    const before = `${at.live.source} (${at.live.fstype})`;
    const difference: Difference = {
      kind: "field",
      name: "mounted",
      before,
      after: `${want.src ?? ""} (${want.fstype ?? ""})`,
    };
    return { differences: [difference], unmount: true, mount: true, remount: false };
  }
  const differences = optionDifferences(want, at.live);
  return { ...nothing, differences, remount: differences.length > 0 };
}

function isRightSource(want: Params, at: MountState, live: LiveMount): boolean {
  const options = want.opts.split(",");
  if (options.includes("bind") || options.includes("rbind")) return at.isSame;
  const typed =
    want.fstype === "auto" ||
    want.fstype === live.fstype ||
    live.fstype.startsWith(`${want.fstype ?? ""}.`) ||
    (want.fstype === "nfs" && live.fstype === "nfs4");
  return typed && (at.device === undefined ? live.source === want.src : live.source === at.device);
}

/** File systems that can't be written to, whatever the options say. */
const READ_ONLY: ReadonlySet<string> = new Set(["iso9660", "squashfs", "erofs"]);

/** Flags that the kernel shows as they are written; options of a file system's own it often writes otherwise. */
const FLAGS: readonly [on: string, off: string][] = [
  ["ro", "rw"],
  ["noexec", "exec"],
  ["nosuid", "suid"],
  ["nodev", "dev"],
];

/** Some file systems bring flags along (fuse: nosuid, nodev), so only those that are named count; and that it can be written to, if nothing else is said. */
function optionDifferences(want: Params, live: LiveMount): Difference[] {
  const options = want.opts.split(",");
  const differences: Difference[] = [];
  const compare = (name: string, wanted: boolean): void => {
    const before = live.options.has(name);
    if (before !== wanted)
      differences.push({ kind: "field", name, before: String(before), after: String(wanted) });
  };
  for (const [on, off] of FLAGS) {
    const [lastOn, lastOff] = [options.lastIndexOf(on), options.lastIndexOf(off)];
    const isNamed = lastOn !== -1 || lastOff !== -1;
    if (isNamed || (on === "ro" && !READ_ONLY.has(live.fstype))) compare(on, lastOn > lastOff);
  }
  if (options.includes("noatime")) compare("noatime", true);
  return differences;
}
