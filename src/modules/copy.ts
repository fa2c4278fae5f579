import { z } from "zod";
import { type PathState, pathState } from "../queries/path-state.ts";
import type { Query } from "../queries/query.ts";
import { makeFolder, SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Change, Difference } from "./change.ts";
import { type CopiedDirectory, type CopySource, copySource } from "./copy-source.ts";
import { fileParams } from "./file-params.ts";
import {
  attributeDifferences,
  attributeScript,
  diffManagedFile,
  type FileChange,
  type ManagedFile,
  managedFileQuery,
  managedFileSteps,
  requireFolder,
} from "./managed-file.ts";
import { defineLoadingModule, ModuleFailure, type Situation } from "./module.ts";
import { ownerText, ownerTrials } from "./owner-trial.ts";
import { type PlacedFile, placeFileScript, placeFileTrials } from "./place-file.ts";
import type { Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";
import { anyFileMode, NEW_DIRECTORY, NEW_FILE, octalMode } from "./symbolic-mode.ts";

const params = z
  .strictObject({
    src: z
      .string()
      .min(1)
      .optional()
      .describe(
        "A file or a directory on the controller: in the role's `files/`, beside the playbook, or absolute. A directory with a slash at its end: what is in it. With `remote_src`, a file on the host.",
      ),
    content: z
      .union([z.string(), z.number(), z.boolean()])
      .optional()
      .describe("The content itself, instead of `src`."),
    decrypt: z
      .boolean()
      .default(true)
      .describe("Open a `src` that is vaulted; otherwise it is sent as it is."),
    remote_src: z.boolean().default(false).describe("`src` is a file on the host."),
    force: z.boolean().default(true).describe("`false`: a file that is there stays, whatever is in it."),
    secret: z.boolean().default(false).describe("Never show the content, not even in a diff."),
    ...fileParams,
    dest: fileParams.dest.describe(
      "Where on the host. A directory: the file goes inside, under its own name.",
    ),
    mode: z
      .union([z.literal("preserve"), anyFileMode])
      .optional()
      .describe(
        'Permission bits: octal in quotes, or u=rw,g=r,o=; `preserve`: as `src` has them. Without: as the file that is replaced, or "0644".',
      ),
    directory_mode: anyFileMode
      .optional()
      .describe("Permission bits of directories that are copied, in quotes."),
  })
  .refine((all) => (all.src === undefined) !== (all.content === undefined), {
    error: "give either `src` or `content`",
    path: ["src"],
  })
  .refine((all) => !all.remote_src || all.src?.startsWith("/") === true, {
    error: "must be an absolute path on the host",
    path: ["src"],
  })
  .refine((all) => all.content === undefined || !all.dest.endsWith("/"), {
    error: "must be a file: `content` has no name of its own",
    path: ["dest"],
  });

type Params = z.infer<typeof params>;

interface Input {
  want: Params;
  /** undefined: it is on the host. */
  source: CopySource | undefined;
}

type Queries = Readonly<Record<string, Query<PathState>>>;

interface Detail {
  directories: readonly CopiedDirectory[];
  files: readonly { file: ManagedFile; change: FileChange }[];
  /** On the host: where it goes, and whether it is copied or only changed in owner and mode. */
  remote: { target: string; copies: boolean; mode: string | undefined } | undefined;
}

export const copy = defineLoadingModule<Params, Input, Queries, Detail>({
  name: "copy",
  summary: "A file with this content, owner and mode, replaced atomically; or a directory of files",
  description:
    "The new content is written beside the target, gets its owner and mode, is validated and synced to disk, and then renamed over it: whatever happens, the old file is there or the new one. Files that a copied directory does not have stay where they are. A directory of the host is copied by `command: cp -a` with `creates`.",
  params,
  examples: [
    { title: "A file of the role", yaml: '- copy:\n    src: motd\n    dest: /etc/motd\n    mode: "0644"\n' },
    {
      title: "Content from a variable, checked before it counts",
      yaml: '- copy:\n    content: "admin ALL=(ALL) ALL\\n"\n    dest: /etc/sudoers.d/admin\n    mode: "0440"\n    validate: visudo -cf %s\n',
    },
    {
      title: "What is in a directory of the role",
      yaml: '- copy:\n    src: site/\n    dest: /var/www/site\n    owner: www-data\n    mode: preserve\n    directory_mode: "0755"\n',
    },
    {
      title: "A file of the host, unless there is one already",
      yaml: "- copy:\n    src: /usr/share/doc/app/example.conf\n    remote_src: true\n    dest: /etc/app.conf\n    force: false\n",
    },
  ],
  returns: {
    dest: "The path.",
    src: "Where the content is from.",
    checksum: "SHA-256 of the content, of a single file.",
  },
  load: async (want, controller) => ({
    want,
    source: want.remote_src ? undefined : await copySource(want, controller),
  }),
  queries: ({ want, source }, situation): Queries => {
    if (source === undefined) {
      const content = situation.diffMode && !want.secret;
      return Object.fromEntries(
        [want.src ?? "/", want.dest, insideOf(want.dest, want.src ?? "")].map((path) => [
          path,
          pathState({ path, sha256: true, ...(content ? { content } : {}) }),
        ]),
      );
    }
    const paths = source.files.flatMap(({ path, content }): [string, Query<PathState>][] => {
      const secret = content.secret === true;
      const places = source.name === undefined ? [path] : [path, insideOf(path, source.name)];
      return places.map((place) => [place, managedFileQuery(place, secret, situation)]);
    });
    return Object.fromEntries([
      ...paths,
      ...source.directories.map(({ path }) => [path, pathState({ path })] as const),
    ]);
  },
  diff: ({ want, source }, answers, situation) =>
    source === undefined
      ? diffRemote(want, answers, situation)
      : diffSource(want, source, answers, situation),
  steps: (change, { want }): Step[] => {
    const { directories, files, remote } = change.detail;
    if (remote !== undefined)
      return [
        {
          kind: "script",
          title: change.summary,
          script: remoteScript(want, remote),
          trials: remote.copies
            ? placeFileTrials(remoteFile(want, remote))
            : ownerTrials({ owner: want.owner, group: want.group }),
          touches: pathsTouched(remote.target),
        },
      ];
    return [
      ...(directories.length === 0
        ? []
        : [
            {
              kind: "script" as const,
              title: "make directories",
              script: directoriesScript(directories),
              trials: directories.flatMap(ownerTrials),
              touches: pathsTouched(...directories.map(({ path }) => path)),
            },
          ]),
      ...files.flatMap((one) => managedFileSteps(one.file, one.change)),
    ];
  },
});

const ABSENT: PathState = { type: "absent" };

function diffSource(
  want: Params,
  { name, files, directories }: CopySource,
  answers: Readonly<Record<string, PathState>>,
  situation: Situation,
): Change<Detail> {
  // Directories of a tree are made with it.
  const folder = directories.length === 0 ? situation : "made by the module";
  const changes = files.flatMap((file) => {
    const { path } = file;
    const isInside = name !== undefined && (path.endsWith("/") || answers[path]?.type === "directory");
    const place = isInside ? insideOf(path, name) : path;
    const state = answers[place] ?? ABSENT;
    if (!want.force && state.type !== "absent") return [];
    const placed = { ...file, path: place };
    return [{ file: placed, change: diffManagedFile(placed, state, folder) }];
  });
  const making = directories.flatMap((one) => {
    const found = answers[one.path] ?? ABSENT;
    const state: PathState = found.type === "link" ? { ...found, type: "directory" } : found;
    const directory = { ...one, mode: octalMode(one.mode, state, NEW_DIRECTORY) };
    if (state.type === "file" || state.type === "other")
      throw new ModuleFailure(`${directory.path} is no directory, and one is wanted there`);
    const differences: Difference[] =
      state.type === "absent"
        ? [{ kind: "field", name: directory.path, before: "absent", after: "directory" }]
        : attributeDifferences(directory, state).map((difference) => ({
            ...difference,
            name: `${directory.path} ${difference.name}`,
          }));
    return differences.length === 0 ? [] : [{ directory, differences }];
  });
  const needed = changes.flatMap(({ file, change }) => (change.action === "none" ? [] : [{ file, change }]));
  const [first] = changes;
  const isSingle = directories.length === 0;
  const data = isSingle && first !== undefined ? first.change.data : { dest: want.dest };
  if (needed.length === 0 && making.length === 0)
    return {
      action: "none",
      reason: isSingle && first?.change.action === "none" ? first.change.reason : `${want.dest} is as wanted`,
      ...(data === undefined ? {} : { data }),
    };
  const [change] = needed;
  return {
    action:
      change !== undefined && isSingle
        ? change.change.action
        : needed.every((one) => one.change.action === "create")
          ? "create"
          : "update",
    summary:
      change !== undefined && isSingle
        ? change.change.summary
        : `copy ${needed.length} files to ${want.dest}`,
    differences: [
      ...making.flatMap(({ differences }) => differences),
      ...needed.flatMap((one) => named(one.file.path, one.change.differences, isSingle)),
    ],
    detail: {
      directories: making.map(({ directory }) => directory),
      files: needed.map((one) => ({ file: one.file, change: one.change.detail })),
      remote: undefined,
    },
    ...(data === undefined ? {} : { data }),
  };
}

/** Of many files each difference says whose it is. */
function named(path: string, differences: readonly Difference[], isSingle: boolean): readonly Difference[] {
  return isSingle
    ? differences
    : differences.map((one) => (one.kind === "text" ? one : { ...one, name: `${path} ${one.name}` }));
}

function directoriesScript(directories: readonly CopiedDirectory[]): ShellText {
  return shellLines(
    rawShell("set -e"),
    SAFE_FOLDER,
    ...directories.flatMap(({ path, owner, group, mode }) => [
      makeFolder(path),
      sh`plumb_set ${ownerText(owner, group)} ${mode ?? ""} "$name"`,
    ]),
  );
}

function diffRemote(
  want: Params,
  answers: Readonly<Record<string, PathState>>,
  situation: Situation,
): Change<Detail> {
  const src = want.src ?? "";
  const from = answers[src] ?? ABSENT;
  const isInside = want.dest.endsWith("/") || answers[want.dest]?.type === "directory";
  const target = isInside ? insideOf(want.dest, src) : want.dest;
  const state = answers[target] ?? ABSENT;
  if (from.type === "absent" && !situation.changesPending) throw new ModuleFailure(`${src} is not there`);
  if (from.type === "directory")
    throw new ModuleFailure(`${src} is a directory`, {
      hint: "`command: cp -a`, with `creates`, copies a directory of the host",
    });
  if (from.type === "other") throw new ModuleFailure(`${src} is no file`);
  if (state.type === "directory" || state.type === "other")
    throw new ModuleFailure(`${target} is a ${state.type}, and a file is wanted there`);
  requireFolder(target, state, situation);
  const sha256 = from.type === "absent" ? undefined : from.sha256;
  const data = { dest: target, src, ...(sha256 === undefined ? {} : { checksum: sha256 }) };
  if (!want.force && state.type !== "absent") return { action: "none", reason: `${target} is there`, data };
  const mode =
    want.mode === "preserve"
      ? from.type === "absent"
        ? undefined
        : from.mode
      : octalMode(want.mode, state, from.type === "absent" ? NEW_FILE : from.mode);
  const copies = state.type === "absent" || state.type === "link" || state.sha256 !== sha256;
  const attributes = attributeDifferences({ owner: want.owner, group: want.group, mode }, state);
  if (!copies && attributes.length === 0) return { action: "none", reason: `${target} is as wanted`, data };
  return {
    action: state.type === "absent" ? "create" : "update",
    summary: copies ? `copy ${src} to ${target}` : `set owner and mode of ${target}`,
    differences: [...(copies ? [contentDifference(want, target, from, state)] : []), ...attributes],
    detail: { directories: [], files: [], remote: { target, copies, mode } },
    data,
  };
}

function contentDifference({ secret }: Params, name: string, from: PathState, state: PathState): Difference {
  const text = (at: PathState): string | undefined =>
    at.type === "absent" || at.content === undefined || at.content.includes(0)
      ? undefined
      : at.content.toString();
  const [before, after] = secret ? [] : [text(state), text(from)];
  return {
    kind: "text",
    name,
    ...(secret ? { secret } : {}),
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? (state.type === "absent" ? {} : { beforeUnread: true }) : { before }),
  };
}

type Remote = NonNullable<Detail["remote"]>;

function remoteScript(want: Params, remote: Remote): ShellText {
  const { target: path, copies, mode } = remote;
  const { owner, group } = want;
  return copies ? placeFileScript(remoteFile(want, remote)) : attributeScript({ path, owner, group, mode });
}

function remoteFile(want: Params, { target, mode }: Remote): PlacedFile {
  const { owner, group, validate, backup, src = "" } = want;
  return {
    target,
    // What never ends, or waits for somebody to write into it, is not read: a link could lead to it by now.
    make: sh`[ -f ${src} ] || { echo ${`${src} is no file`} >&2; exit 1; }; cat -- ${src}`,
    owner,
    group,
    mode,
    modeWhenNew: src,
    validate,
    backup,
  };
}

function insideOf(directory: string, name: string): string {
  return `${directory.replace(/\/+$/, "")}/${name.slice(name.lastIndexOf("/") + 1)}`;
}
