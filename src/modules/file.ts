import { z } from "zod";
import { type HardLink, hardLink } from "../queries/hard-link.ts";
import { hostTime } from "../queries/host-time.ts";
import { type PathState, pathState } from "../queries/path-state.ts";
import { treeOwnership } from "../queries/tree-ownership.ts";
import { enterFolderOf, makeFolder, SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { attributeDifferences, requireFolder } from "./managed-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { ownerText, ownerTrials } from "./owner-trial.ts";
import { accountName } from "./parameter-types.ts";
import { hasOnePath, ONE_PATH, pathOf as onePathOf, pathNames } from "./path-names.ts";
import type { Step } from "./step.ts";
import { anyFileMode, NEW_DIRECTORY, NEW_FILE, octalMode } from "./symbolic-mode.ts";

const fileTime = z
  .string()
  .regex(/^(preserve|now|\d{12}\.\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))$/, {
    error: "must be `preserve`, `now`, a time such as 2026-01-31T12:00:00Z, or 202601311200.00",
  });

const params = z
  .strictObject({
    ...pathNames,
    state: z
      .enum(["file", "directory", "touch", "link", "hard", "absent"])
      .default("file")
      .describe(
        "`file`: is there already, with these attributes. `directory`: is made, parents too. `touch`: an empty file is made where there is none. `link`, `hard`: points to `src`. `absent`: is removed, with all below.",
      ),
    src: z
      .string()
      .min(1)
      .optional()
      .describe(
        "What a link points to; of `hard` an absolute path. A relative one starts at the link's directory.",
      ),
    owner: accountName.optional().describe("User who owns it."),
    group: accountName.optional().describe("Group that owns it."),
    mode: anyFileMode.optional().describe("Permission bits: octal in quotes, or u=rw,g=r,o=."),
    modification_time: fileTime
      .default("preserve")
      .describe(
        "When it was last changed: `preserve`, `now` (every time), or a time such as 2026-01-31T12:00:00Z; 202601311200.00 is the host's local time.",
      ),
    access_time: fileTime.default("preserve").describe("When it was last read; as `modification_time`."),
    recurse: z.boolean().default(false).describe("Owner and group of everything below too."),
    force: z
      .boolean()
      .default(false)
      .describe("Of a link: a file in its way is replaced, and what it points to need not be there."),
  })
  .refine(hasOnePath, ONE_PATH)
  .refine((all) => (all.state === "link" || all.state === "hard") === (all.src !== undefined), {
    error: "`src` belongs to `state: link` and `state: hard`",
    path: ["src"],
  })
  .refine((all) => all.state !== "hard" || all.src?.startsWith("/") !== false, {
    error: "must be an absolute path (starting with /)",
    path: ["src"],
  })
  .refine(
    (all) =>
      all.state !== "absent" || (all.modification_time === "preserve" && all.access_time === "preserve"),
    {
      error: "what is not there has no time",
      path: ["modification_time"],
    },
  );

type Params = z.infer<typeof params>;

const pathOf = (want: Params): string => onePathOf(want).replace(/(.)\/+$/, "$1");

const folderOf = (path: string): string => path.replace(/[^/]*$/, "");

/** What a link leads to, as an absolute path; undefined for what is no link. */
function sourceOf(want: Params): string | undefined {
  if (want.state !== "link" && want.state !== "hard") return undefined;
  return want.src?.startsWith("/") === true ? want.src : `${folderOf(pathOf(want))}${want.src ?? ""}`;
}

export const file = defineModule({
  name: "file",
  summary: "Directories, links, owners and modes; removes files and trees",
  params,
  examples: [
    {
      title: "A directory",
      yaml: '- file:\n    path: /etc/pgbouncer\n    state: directory\n    owner: root\n    group: pgbouncer\n    mode: "0750"\n',
    },
    { title: "Gone, with all below it", yaml: "- file:\n    path: /var/cache/old\n    state: absent\n" },
    {
      title: "A link",
      yaml: "- file:\n    path: /usr/local/bin/tool\n    src: /opt/tool/bin/tool\n    state: link\n",
    },
  ],
  returns: { path: "The path." },
  queries: (want) => ({
    at: pathState({ path: pathOf(want) }),
    modified: hostTime(askedTime(want.modification_time)),
    accessed: hostTime(askedTime(want.access_time)),
    source: pathState({ path: sourceOf(want) ?? "/", follow: want.state === "link" }),
    names: hardLink(want.state === "hard" ? { path: pathOf(want), src: sourceOf(want) ?? "/" } : undefined),
    below: treeOwnership({
      path: pathOf(want),
      ...(want.recurse && want.owner !== undefined ? { owner: want.owner } : {}),
      ...(want.recurse && want.group !== undefined ? { group: want.group } : {}),
    }),
  }),
  diff: (written, { at, below, modified, accessed, source, names }, situation) => {
    const path = pathOf(written);
    const whenNew = written.state === "directory" ? NEW_DIRECTORY : NEW_FILE;
    const mode = octalMode(written.mode, at, whenNew);
    const want = { ...written, mode };
    const data = { path };
    const none = (reason: string) => ({ action: "none" as const, reason, data });
    if (want.state === "absent") {
      if (at.type === "absent") return none(`${path} is not there`);
      return {
        action: "delete",
        summary: `remove ${path}`,
        differences: [field("state", at.type, "absent")],
        detail: undefined,
        data,
      };
    }
    if (want.state === "file" && at.type === "absent") {
      if (situation.changesPending)
        return {
          action: "update",
          summary: `set owner and mode of ${path}`,
          differences: attributeDifferences(want, at),
          detail: mode,
          data,
        };
      throw new ModuleFailure(`${path} is not there`, {
        hint: "`state: touch` makes an empty file, `state: directory` a directory; copy and template write content",
      });
    }
    const wantedType = { file: undefined, directory: "directory", touch: "file", link: "link", hard: "file" }[
      want.state
    ];
    if (wantedType !== undefined && at.type !== "absent" && at.type !== wantedType) {
      const replaceable = want.state === "link" && want.force && at.type === "file";
      const followed = want.state === "directory" && at.type === "link";
      if (!replaceable && !followed) {
        if (situation.changesPending)
          return {
            action: "run",
            summary: `create ${path}, if an earlier task takes the ${at.type} away that is there`,
            differences: [],
            detail: mode,
            data,
          };
        throw new ModuleFailure(`${path} is a ${at.type}, and a ${wantedType} is wanted there`, {
          hint: "move it away first",
        });
      }
    }
    requireFolder(path, at, want.state === "directory" ? "made by the module" : situation);
    if (!situation.changesPending) requireSource(want, source, names);
    const differences: Difference[] = [...attributeDifferences(want, at)];
    if (wantedType !== undefined && at.type === "absent")
      differences.unshift(field("state", "absent", want.state));
    if (want.state === "link" && at.type === "link" && at.target !== want.src)
      differences.push(field("src", at.target, want.src));
    if (want.state === "link" && at.type === "file") differences.push(field("state", "file", "link"));
    if (want.state === "hard" && at.type === "file" && !names.isSame)
      differences.push(field("src", "another file", want.src));
    if (below.differing.length > 0)
      differences.push(field("below", `${below.differing.length} with another owner`, "as wanted"));
    const known = at.type === "absent" ? undefined : at;
    differences.push(
      ...timeDifferences(
        "modification_time",
        want.modification_time,
        known?.modifiedSeconds,
        modified.seconds,
      ),
      ...timeDifferences("access_time", want.access_time, known?.accessedSeconds, accessed.seconds),
    );
    if (differences.length === 0) return none(`${path} is as wanted`);
    const action = at.type === "absent" ? "create" : "update";
    return {
      // The time of a moment ago is never the one of now: there is nothing to ask about afterwards.
      action: [want.modification_time, want.access_time].includes("now") ? "run" : action,
      summary: `${action === "create" ? "create" : "change"} ${path}`,
      differences,
      detail: mode,
      data,
    };
  },
  touches: (want, change) => [
    {
      kind: "path",
      path: pathOf(want),
      ...(change?.action === "delete" || (want.recurse && change !== undefined) ? { tree: true } : {}),
    },
  ],
  newFolder: (want, change) =>
    want.state === "directory" && change.action === "create" ? pathOf(want) : undefined,
  steps: (change, want): Step[] => {
    const path = pathOf(want);
    if (change.action === "delete")
      return [
        {
          kind: "script",
          title: change.summary,
          script: shellLines(enterFolderOf(path), rawShell('rm -rf -- "$name"')),
        },
      ];
    const owner = ownerText(want.owner, want.group);
    const mode = want.state === "link" ? undefined : change.detail;
    const script = shellLines(
      rawShell("set -e"),
      want.state === "directory" ? shellLines(SAFE_FOLDER, makeFolder(path)) : enterFolderOf(path),
      makeScript(want),
      owner === "" && mode === undefined ? undefined : sh`plumb_set ${owner} ${mode ?? ""} "$name"`,
      want.recurse && owner !== "" ? recurseScript(owner) : undefined,
      timeScript("m", want.modification_time),
      timeScript("a", want.access_time),
    );
    return [{ kind: "script", title: change.summary, script, trials: ownerTrials(want) }];
  },
});

/** @throws ModuleFailure where what a link should lead to is not there, or can't be. */
function requireSource(want: Params, source: PathState, names: HardLink): void {
  const to = sourceOf(want);
  if (to === undefined || (want.state === "link" && want.force)) return;
  const at = { findings: [{ path: ["src"], message: "is not there" }] };
  if (source.type === "absent")
    throw new ModuleFailure(`${to} is not there, and ${pathOf(want)} should lead to it`, {
      ...at,
      hint:
        want.state === "link"
          ? "`force: true` makes a link to what is to come"
          : "another name can only be given to what is there",
    });
  if (want.state === "link") return;
  if (source.type === "directory")
    throw new ModuleFailure(`${to} is a directory: only files can have a second name`, {
      hint: "`state: link` leads to a directory",
    });
  if (names.isElsewhere)
    throw new ModuleFailure(`${to} and ${pathOf(want)} are on two file systems`, {
      hint: "`state: link` leads from one to the other",
    });
}

/**
 * chown -R itself follows no links, whatever happens meanwhile. Other names of files (hard links) are the kernel's to forbid: where it does not, those that belong to
 * somebody else are refused.
 */
function recurseScript(owner: string): ShellText {
  return shellLines(
    rawShell(
      `if [ "$(cat /proc/sys/fs/protected_hardlinks)" != 1 ] && [ "$(id -u)" = 0 ] && [ -n "$(find "$name" -xdev -type f -links +1 -user 0 -print -quit)" ]; then
  echo "$(find "$name" -xdev -type f -links +1 -user 0 -print -quit) is root's and has another name elsewhere, and this kernel lets everybody give files other names (fs.protected_hardlinks)" >&2; exit 1
fi`,
    ),
    sh`chown -hR -- ${owner} "$name"`,
  );
}

/** The time that has to be asked for: the host knows its time zone. */
function askedTime(time: string): string | undefined {
  return time === "preserve" || time === "now" ? undefined : dateText(time);
}

/** As date(1) and touch(1) read it. */
function dateText(time: string): string {
  return time.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)\.(\d\d)$/, "$1-$2-$3 $4:$5:$6");
}

function timeDifferences(
  name: string,
  wanted: string,
  before: number | undefined,
  after: number | undefined,
): Difference[] {
  const text = (seconds: number): string => new Date(seconds * 1000).toISOString();
  const was = before === undefined ? undefined : text(before);
  if (wanted === "now") return [field(name, was, "now")];
  return after === undefined || after === before ? [] : [field(name, was, text(after))];
}

function timeScript(which: "m" | "a", time: string): ShellText | undefined {
  if (time === "preserve") return undefined;
  return sh`touch -h -c ${`-${which}`} -d ${dateText(time)} -- "$name"`;
}

function makeScript(want: Params): ShellText | undefined {
  switch (want.state) {
    case "touch":
      return sh`[ -e "$name" ] || { ( umask 077; set -C; : > "$name" ); ${want.mode === undefined ? sh`plumb_set "" 0644 "$name"` : sh`:`}; }`;
    case "link":
      return sh`ln -sfnT -- ${want.src ?? ""} "$name"`;
    case "hard":
      return sh`[ ${want.src ?? ""} -ef "$name" ] || ln -fT -- ${want.src ?? ""} "$name"`;
    default:
      return undefined;
  }
}

function field(name: string, before: string | undefined, after: string | undefined): Difference {
  return {
    kind: "field",
    name,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}
