import { type PathState, pathState } from "../queries/path-state.ts";
import type { Query } from "../queries/query.ts";
import { cutOff } from "../shell/cut-off.ts";
import type { Change } from "./change.ts";
import {
  diffManagedFile,
  type FileChange,
  type ManagedFile,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { ModuleFailure, type Situation } from "./module.ts";
import type { Step } from "./step.ts";

/** What modules that change a part of a text file have in common: the whole text is read, changed here, and replaced as a whole. */
export interface FileEdit {
  path: string;
  owner?: string | undefined;
  group?: string | undefined;
  mode?: string | undefined;
  validate?: string | undefined;
  backup?: boolean | undefined;
  /** Make the file where there is none. */
  create: boolean;
  /** The text as it should be. */
  edit(text: string): string;
}

export type EditChange = FileChange & { text: string };

export const editedFileQuery = (path: string): Query<PathState> =>
  pathState({ path, sha256: true, content: true });

/** @throws ModuleFailure when the file is missing, too large or no text. */
export function diffEditedFile(
  edit: FileEdit,
  state: PathState,
  situation: Pick<Situation, "changesPending">,
): Change<EditChange> {
  if (state.type === "absent" && !edit.create && !situation.changesPending) {
    throw new ModuleFailure(`${edit.path} is not there`, { hint: "`create: true` makes it" });
  }
  const before = textOf(edit.path, state);
  const text = withinTime(() => edit.edit(before));
  const unchangedAbsence = state.type === "absent" && text === "";
  if (unchangedAbsence)
    return { action: "none", reason: `${edit.path} is not there, and nothing is wanted in it` };
  const change = diffManagedFile(fileOf(edit, text), state, situation);
  return change.action === "none" ? change : { ...change, detail: { ...change.detail, text } };
}

/** Patterns of the playbook meet text that others on the host may have written. @throws ModuleFailure when one does not come to an end. */
export function withinTime<Type>(match: () => Type): Type {
  return cutOff(
    match,
    () =>
      new ModuleFailure("a pattern of this task needs more than a second for what is on the host", {
        hint: "a repetition inside of a repetition, such as (a+)+, can take years for one line: write it without",
      }),
  );
}

export function editedFileSteps(edit: FileEdit, change: EditChange): Step[] {
  return managedFileSteps(fileOf(edit, change.text), change);
}

function fileOf(edit: FileEdit, text: string): ManagedFile {
  const { path, owner, group, mode, validate, backup } = edit;
  return { path, content: textContent(text), owner, group, mode, validate, backup };
}

function textOf(path: string, state: PathState): string {
  if (state.type === "absent") return "";
  if (state.type !== "file" && state.type !== "link")
    throw new ModuleFailure(`${path} is a ${state.type}, and a text file is needed`);
  if (state.content === undefined) throw new ModuleFailure(`${path} is too large to be edited`);
  const text = state.content.toString("utf8");
  if (text.includes("\ufffd") || text.includes("\0")) throw new ModuleFailure(`${path} is no text`);
  return text;
}

/** The lines of a text, without the empty one behind its last line end. */
export function linesOf(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Lines as a text that ends with a line end. */
export const joinLines = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
