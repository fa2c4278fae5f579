import { statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { type ManagedFile, textContent, withHiddenChecksum } from "./managed-file.ts";
import { type Controller, ModuleFailure } from "./module.ts";
import type { ControllerFile, FileContent } from "./step.ts";

/** What `copy` has to know of its parameters. */
export interface CopyWanted {
  src?: string | undefined;
  content?: string | number | boolean | undefined;
  dest: string;
  secret: boolean;
  decrypt: boolean;
  owner?: string | undefined;
  group?: string | undefined;
  mode?: string | undefined;
  directory_mode?: string | undefined;
  validate?: string | undefined;
  backup?: boolean | undefined;
}

/** A directory that is made with the files in it. */
export interface CopiedDirectory {
  path: string;
  owner: string | undefined;
  group: string | undefined;
  mode: string | undefined;
}

/** What is copied from the controller. */
export interface CopySource {
  /** A file or `content`: `dest` may be a directory, and then it goes inside under this name. */
  name: string | undefined;
  files: readonly ManagedFile[];
  directories: readonly CopiedDirectory[];
}

/** Reads what `src` or `content` is. @throws ModuleFailure, DiagnosticsError */
export async function copySource(want: CopyWanted, controller: Controller): Promise<CopySource> {
  if (want.content !== undefined) {
    const content = withHiddenChecksum(textContent(String(want.content), want.secret), controller);
    return { name: undefined, files: [managed(want, want.dest, content, want.mode)], directories: [] };
  }
  const src = want.src ?? "";
  const place = await controller.find(src, "files");
  const found = statSync(place);
  if (found.isDirectory()) return directorySource(want, place, controller);
  const content = withHiddenChecksum(
    fileContent(await controller.file(src, "files", want), want.secret),
    controller,
  );
  const file = managed(want, want.dest, content, modeOf(want, found.mode));
  return { name: path.basename(place), files: [file], directories: [] };
}

/** As in Ansible: `src: site/` copies what is in it, `src: site` the directory itself. */
async function directorySource(want: CopyWanted, place: string, controller: Controller): Promise<CopySource> {
  const top = want.dest.replace(/(.)\/+$/, "$1");
  const dest = want.src?.endsWith("/") === true ? top : path.posix.join(top, path.basename(place));
  const { owner, group, directory_mode: mode } = want;
  const files: ManagedFile[] = [];
  const directories: CopiedDirectory[] = [{ path: dest, owner, group, mode }];
  for (const entry of await readdir(place, { recursive: true, withFileTypes: true })) {
    const from = path.join(entry.parentPath, entry.name);
    const to = path.posix.join(dest, ...path.relative(place, from).split(path.sep));
    // A link is followed, as in Ansible: what lies behind it is copied.
    const found = await stat(from);
    if (found.isDirectory()) {
      if (entry.isSymbolicLink())
        throw new ModuleFailure(`${from} is a link to a directory: copy that directory itself`);
      directories.push({ path: to, owner, group, mode });
    } else if (found.isFile()) {
      const content = withHiddenChecksum(
        fileContent(await controller.file(from, "files", want), want.secret),
        controller,
      );
      files.push(managed(want, to, content, modeOf(want, found.mode)));
    } else throw new ModuleFailure(`${from} is neither a file nor a directory`);
  }
  return {
    name: undefined,
    files,
    directories: directories.sort((one, other) => (one.path < other.path ? -1 : 1)),
  };
}

function modeOf({ mode }: CopyWanted, own: number): string | undefined {
  return mode === "preserve" ? (own & 0o7777).toString(8).padStart(4, "0") : mode;
}

function managed(
  want: CopyWanted,
  place: string,
  content: FileContent,
  mode: string | undefined,
): ManagedFile {
  const { owner, group, validate, backup } = want;
  return { path: place, content, owner, group, mode, validate, backup };
}

/** What was vaulted on the controller is as secret on the host. */
function fileContent(file: ControllerFile, secret: boolean): FileContent {
  return { kind: "controller-file", file, ...(secret || file.isFromVault ? { secret: true } : {}) };
}
