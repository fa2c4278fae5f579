import { z } from "zod";
import {
  type ArchiveFormat,
  type ArchiveQuestion,
  archiveState,
  COMPRESSORS,
  contentText,
  selectMembers,
} from "../queries/archive-state.ts";
import { pathState } from "../queries/path-state.ts";
import { SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { attributeDifferences, attributeScript, requireFolder } from "./managed-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { ownerTrials } from "./owner-trial.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";
import { placeFileScript } from "./place-file.ts";
import type { Step } from "./step.ts";

const paths = z.union([absolutePath, z.array(absolutePath).min(1)]).transform((value) => [value].flat());
const patterns = z.array(
  z
    .string()
    .min(1)
    .regex(/^[^\0\n]+$/, { error: "must be one line, and not empty" }),
);

const params = z
  .strictObject({
    path: paths.describe(
      "Files and directories of the host; `*`, `?` and `[…]` are patterns. With a slash at its end, what is in the directory instead of the directory.",
    ),
    dest: absolutePath
      .optional()
      .describe("The archive. Without: beside the only path, with the format as its ending."),
    format: z
      .enum(["gz", "bz2", "xz", "zst", "tar"])
      .default("gz")
      .describe(
        "How it is compressed; `tar`: not at all. For zip, use `command: zip`: it can't be compared.",
      ),
    exclude_path: paths.optional().describe("Files and directories that are left out."),
    exclusion_patterns: patterns.default([]).describe("Names that are left out, wherever they stand."),
    force_archive: z
      .boolean()
      .default(false)
      .describe("A tar around a single file too; without, the file itself is compressed."),
    remove: z.boolean().default(false).describe("Remove what went into the archive."),
    owner: accountName.optional().describe("User who owns the archive."),
    group: accountName.optional().describe("Group that owns it."),
    mode: fileMode
      .optional()
      .describe(
        'Permission bits, in quotes. Without: as the archive that is replaced, or "0600": it may hold what others must not read.',
      ),
  })
  .refine((all) => all.dest !== undefined || (all.path.length === 1 && !/[*?[]/.test(all.path[0] ?? "")), {
    error: "give `dest`: there are several paths",
    path: ["dest"],
  });

type Params = z.infer<typeof params>;

type Queries = {
  state: ReturnType<typeof archiveState>;
  at: ReturnType<typeof pathState>;
  only: ReturnType<typeof archiveState>;
  source: ReturnType<typeof pathState>;
};

export const archive = defineModule<Params, Queries, { pack: boolean; question: ArchiveQuestion }>({
  name: "archive",
  summary: "An archive of files of the host",
  description:
    "The archive is compared with what would go into it now, byte by byte, so that a second run changes nothing, and a file that has changed since makes a new one. Names, times, owners and modes are in it. It takes its place when it is whole.",
  params,
  examples: [
    {
      title: "A configuration, before it is changed",
      yaml: "- archive:\n    path: /etc/pgbouncer\n    dest: /var/backups/pgbouncer.tar.gz\n",
    },
    {
      title: "Old logs, which go then",
      yaml: "- archive:\n    path: [/var/log/app/*.log.1, /var/log/app/old/]\n    dest: /srv/logs.tar.xz\n    format: xz\n    exclusion_patterns: ['*.tmp']\n    remove: true\n",
    },
  ],
  returns: {
    dest: "The archive.",
    archived: "What went into it, relative to `arcroot`.",
    arcroot: "The directory that names in it are relative to.",
  },
  queries: (want) => {
    const [first = "/"] = want.path;
    return {
      state: archiveState(questionOf(want, false)),
      only: archiveState(questionOf(want, maybeSingle(want))),
      source: pathState({ path: maybeSingle(want) ? first : "/" }),
      at: pathState({ path: destOf(want) }),
    };
  },
  diff: (want, { state, only, source, at }, situation) => {
    const isSingle = maybeSingle(want) && source.type === "file";
    const question = questionOf(want, isSingle);
    const { members, wanted, has } = isSingle ? only : state;
    const dest = question.dest;
    const data = { dest, archived: [...members], arcroot: question.root };
    if (at.type === "directory") throw new ModuleFailure(`${dest} is a directory`);
    if (wanted === undefined) {
      if (want.remove && at.type === "file")
        return { action: "none", reason: `everything is in ${dest}`, data };
      if (!situation.changesPending)
        throw new ModuleFailure(`nothing is there to put into an archive: ${want.path.join(", ")}`);
    }
    requireFolder(dest, at, situation);
    const attributes = attributeDifferences(want, at);
    const pack = wanted === undefined || has !== wanted;
    const removal: Difference[] =
      want.remove && wanted !== undefined
        ? [{ kind: "field", name: "sources", before: members.join(", "), after: "absent" }]
        : [];
    const differences: Difference[] = [
      ...(pack
        ? [
            {
              kind: "field" as const,
              name: dest,
              before: at.type === "absent" ? "absent" : "other content",
              after: `archive of ${members.join(", ")}`,
            },
          ]
        : []),
      ...(at.type === "absent" ? [] : attributes),
      ...removal,
    ];
    if (differences.length === 0) return { action: "none", reason: `${dest} is as wanted`, data };
    return {
      action: at.type === "absent" ? "create" : "update",
      summary: pack ? `archive ${want.path.join(", ")}` : `change ${dest}`,
      differences,
      detail: { pack, question },
      data,
    };
  },
  steps: (change, want): Step[] => {
    const { question, pack } = change.detail;
    return [
      ...(pack ? [{ kind: "script" as const, title: change.summary, script: packScript(question) }] : []),
      {
        kind: "script",
        title: `set owner and mode of ${question.dest}`,
        script: attributeScript({
          path: question.dest,
          owner: want.owner,
          group: want.group,
          mode: want.mode,
        }),
        trials: ownerTrials(want),
      },
      ...(want.remove
        ? [
            {
              kind: "script" as const,
              title: "remove what went into the archive",
              script: removeMembersScript(question),
            },
          ]
        : []),
    ];
  },
});

/** Each from the folder where it really is: who owns one of them could have laid a link there. */
function removeMembersScript(question: ArchiveQuestion): ShellText {
  return shellLines(
    rawShell("set -eu"),
    SAFE_FOLDER,
    selectMembers(question),
    sh`root=${question.root.replace(/\/+$/, "")}`,
    rawShell(`for one; do
  if [ "$one" = . ]; then one=$root; else one=$root/$one; fi
  in=\${one%/*}
  ( plumb_enter "\${in:-/}" && rm -rf -- "./\${one##*/}" ) || exit 1
done`),
  );
}

function packScript(question: ArchiveQuestion): ShellText {
  const { program, package: from, arguments: options } = COMPRESSORS[question.format];
  return placeFileScript({
    target: question.dest,
    modeWhenNew: "0600",
    make: shellLines(
      sh`command -v ${program} >/dev/null || { echo ${`${program} is not installed on the host: install the package ${from} before`} >&2; exit 1; }`,
      selectMembers(question),
      // dash knows no pipefail.
      sh`exec 8>&1; failed=$( { { { ${contentText(question)}; } 8>&- 9>&- || echo failed >&9; } | ${[program, ...options]} >&8 8>&- 9>&-; } 9>&1 )`,
      rawShell('[ -z "$failed" ] || { echo "not everything could be read" >&2; exit 1; }'),
    ),
  });
}

/** Ansible's: one path without a pattern that turns out to be a file is compressed as it is. */
function maybeSingle({ path, format, force_archive: force }: Params): boolean {
  const [first = ""] = path;
  return path.length === 1 && !force && format !== "tar" && !/[*?[]/.test(first) && !first.endsWith("/");
}

const ENDINGS: Readonly<Record<ArchiveFormat, string>> = {
  tar: ".tar",
  gz: ".gz",
  bz2: ".bz2",
  xz: ".xz",
  zst: ".zst",
};

function destOf(want: Params): string {
  return want.dest ?? `${(want.path[0] ?? "").replace(/\/+$/, "")}${ENDINGS[want.format]}`;
}

function questionOf(want: Params, single: boolean): ArchiveQuestion {
  const folders = want.path.map((path) => (path.split(/[*?[]/)[0] ?? "").replace(/[^/]*$/, ""));
  const root = commonFolder(folders);
  const inside = (path: string): string => path.slice(root.length).replace(/\/+$/, "") || ".";
  return {
    root,
    members: want.path.map(inside),
    excludes: [
      ...want.exclusion_patterns,
      ...(want.exclude_path ?? [])
        .filter((path) => path.startsWith(root))
        .flatMap((path) => [inside(path), `./${inside(path)}`]),
    ],
    dest: destOf(want),
    format: want.format,
    single,
  };
}

/** The deepest directory above all, with a slash at its end. */
function commonFolder(folders: readonly string[]): string {
  const [first = "/", ...rest] = folders;
  let common = first;
  while (!rest.every((folder) => folder.startsWith(common)))
    common = common.slice(0, common.lastIndexOf("/", common.length - 2) + 1) || "/";
  return common;
}
