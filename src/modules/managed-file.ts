import { createHash } from "node:crypto";
import { type PathQuestion, type PathState, pathState } from "../queries/path-state.ts";
import type { Query } from "../queries/query.ts";
import { enterFolderOf } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Change, Difference } from "./change.ts";
import { type Controller, ModuleFailure, type Situation } from "./module.ts";
import { ownerText, ownerTrials } from "./owner-trial.ts";
import type { FileContent, Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";
import { NEW_FILE, octalMode } from "./symbolic-mode.ts";

/** A file that should have this content, owner and mode. What modules that write files have in common. */
export interface ManagedFile {
  path: string;
  content: FileContent;
  owner?: string | undefined;
  group?: string | undefined;
  /** Four octal digits, or words as chmod(1) takes them. */
  mode?: string | undefined;
  validate?: string | undefined;
  validateTitle?: string | undefined;
  backup?: boolean | undefined;
}

/** What `managedFileSteps` needs to know. */
export interface FileChange {
  rewrite: boolean;
  attributes: boolean;
  /** The mode in octal digits, where it was given in words that are about the one that is there. */
  mode?: string | undefined;
}

export const textContent = (text: string, secret = false): FileContent => ({
  kind: "bytes",
  bytes: Buffer.from(text),
  ...(secret ? { secret } : {}),
});

/** The content; if a secret is in it, its checksum is one too: a password that is short enough can be guessed from it. */
export function withHiddenChecksum(content: FileContent, controller: Controller): FileContent {
  const holdsSecret =
    content.kind === "bytes"
      ? controller.holdsSecret(Buffer.from(content.bytes).toString())
      : content.file.isFromVault;
  if (holdsSecret) controller.addSecret(hashOf(content));
  return content;
}

export function managedFileQuery(path: string, secret: boolean, { diffMode }: Situation): Query<PathState> {
  const question: PathQuestion = { path, sha256: true, ...(diffMode && !secret ? { content: true } : {}) };
  return pathState(question);
}

/** Whether a file's directory may be missing yet: in check mode an earlier task may make it, and some modules make it themselves. */
export type FolderToBe = Pick<Situation, "changesPending"> | "made by the module";

/**
 * A file can't be made where its directory is not.
 *
 * @throws ModuleFailure
 */
export function requireFolder(path: string, state: PathState, folder: FolderToBe): void {
  if (state.type !== "absent" || (folder !== "made by the module" && folder.changesPending)) return;
  if (state.inTheWay !== undefined)
    throw new ModuleFailure(`${path} can't be made: ${state.inTheWay} is no directory`, {
      hint: "move it away first",
    });
  if (state.missingFolder === undefined || folder === "made by the module") return;
  throw new ModuleFailure(`${path} can't be made: the directory ${state.missingFolder} does not exist`, {
    hint: "`file` with `state: directory` makes it, and those above it",
  });
}

/** @throws ModuleFailure when something else than a file is in the way, or there is no directory for it. */
export function diffManagedFile(file: ManagedFile, state: PathState, folder: FolderToBe): Change<FileChange> {
  requireFolder(file.path, state, folder);
  if (state.type === "directory")
    throw new ModuleFailure(`${file.path} is a directory, and a file is wanted there`);
  if (state.type === "other") throw new ModuleFailure(`${file.path} is neither a file nor a directory`);
  const sha256 = hashOf(file.content);
  // What replaces a link is a new file.
  const current: PathState = state.type === "link" ? { type: "absent" } : state;
  const mode = octalMode(file.mode, current, file.content.secret === true ? "0600" : NEW_FILE);
  const rewrite = state.type === "absent" || state.type === "link" || state.sha256 !== sha256;
  const differences = [
    ...(rewrite ? [contentDifference(file, state)] : []),
    ...attributeDifferences({ ...file, mode }, state),
  ];
  if (differences.length === 0)
    return { action: "none", reason: `${file.path} is as wanted`, data: fileData(file, sha256) };
  return {
    action: state.type === "absent" ? "create" : "update",
    summary:
      state.type === "absent"
        ? `create ${file.path}`
        : rewrite
          ? `rewrite ${file.path}`
          : `set owner and mode of ${file.path}`,
    differences,
    detail: { rewrite, attributes: differences.length > (rewrite ? 1 : 0), mode },
    data: fileData(file, sha256),
  };
}

function fileData(file: ManagedFile, sha256: string): { dest: string; checksum: string } {
  return { dest: file.path, checksum: sha256 };
}

export function managedFileSteps(wanted: ManagedFile, change: FileChange): Step[] {
  const file = change.mode === undefined ? wanted : { ...wanted, mode: change.mode };
  if (!change.rewrite)
    return [
      {
        kind: "script",
        title: `set owner and mode of ${file.path}`,
        script: attributeScript(file),
        trials: ownerTrials(file),
        touches: pathsTouched(file.path),
      },
    ];
  return [
    {
      kind: "write-file",
      title: `write ${file.path}`,
      path: file.path,
      content: file.content,
      ...(file.owner === undefined ? {} : { owner: file.owner }),
      ...(file.group === undefined ? {} : { group: file.group }),
      ...(file.mode === undefined ? {} : { mode: file.mode }),
      ...(file.validate === undefined ? {} : { validate: file.validate }),
      ...(file.validateTitle === undefined ? {} : { validateTitle: file.validateTitle }),
      ...(file.backup === undefined ? {} : { backup: file.backup }),
    },
  ];
}

/** Owner before mode: chown(2) clears the set-id bits. Links on the way are followed only where nobody could have planted them. */
export function attributeScript({
  path,
  owner,
  group,
  mode,
}: Pick<ManagedFile, "path" | "owner" | "group" | "mode">): ShellText {
  if (owner === undefined && group === undefined && mode === undefined) return rawShell(":");
  return shellLines(
    rawShell("set -e"),
    rawShell("("),
    enterFolderOf(path),
    sh`plumb_set ${ownerText(owner, group)} ${mode ?? ""} "$name"`,
    rawShell(")"),
  );
}

/** Owner, group and mode that are not as wanted; names and numbers both count. */
export function attributeDifferences(
  wanted: Pick<ManagedFile, "owner" | "group" | "mode">,
  state: PathState,
): Difference[] {
  if (state.type === "absent") {
    return Object.entries({ owner: wanted.owner, group: wanted.group, mode: wanted.mode }).flatMap(
      ([name, after]) => (after === undefined ? [] : [{ kind: "field" as const, name, after }]),
    );
  }
  const differences: Difference[] = [];
  const compare = (name: string, after: string | undefined, before: string, number?: number): void => {
    if (after === undefined || after === before || after === String(number)) return;
    differences.push({ kind: "field", name, before, after });
  };
  compare("owner", wanted.owner, state.owner, state.uid);
  compare("group", wanted.group, state.group, state.gid);
  if (state.type !== "link") compare("mode", wanted.mode, state.mode);
  return differences;
}

function contentDifference(file: ManagedFile, state: PathState): Difference {
  const secret = file.content.secret === true;
  const base = { kind: "text" as const, name: file.path, ...(secret ? { secret } : {}) };
  const after = shownText(file.content);
  if (state.type === "absent") return { ...base, ...(after === undefined || secret ? {} : { after }) };
  const before = state.type === "file" ? asText(state.content) : undefined;
  if (secret || before === undefined || after === undefined) return { ...base, beforeUnread: true };
  return { ...base, before, after };
}

const LARGEST_SHOWN_BYTES = 256 * 1024;

function shownText(content: FileContent): string | undefined {
  if (content.kind === "controller-file" || content.bytes.byteLength > LARGEST_SHOWN_BYTES) return undefined;
  return asText(Buffer.from(content.bytes));
}

/** The bytes as text; undefined for what is none. */
function asText(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined || bytes.includes(0)) return undefined;
  const text = bytes.toString("utf8");
  return text.includes("\ufffd") ? undefined : text;
}

export function hashOf(content: FileContent): string {
  return content.kind === "bytes"
    ? createHash("sha256").update(content.bytes).digest("hex")
    : content.file.sha256;
}
