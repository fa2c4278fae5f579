import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { isCollection, parseDocument } from "yaml";
import { inputError } from "../diagnostics/diagnostic.ts";
import { shownPath } from "../playbook/load-context.ts";
import type { FileKind, SourceFile } from "./tree.ts";

/** Folders that hold nothing of ours. */
const SKIPPED = new Set(["node_modules", "dist", ".git", ".venv", "venv", "__pycache__", "collections"]);
/** Larger files are data. */
const LARGEST_BYTES = 2 * 2 ** 20;

/**
 * Every text file under the paths, with what it is.
 *
 * @throws DiagnosticsError file-not-found for a path that is not there
 */
export async function findFiles(paths: readonly string[]): Promise<SourceFile[]> {
  const found = new Map<string, SourceFile>();
  for (const one of paths) {
    const information = await stat(one).catch(() => undefined);
    if (information === undefined) throw inputError("file-not-found", `there is no file or folder ${one}`);
    const files = information.isDirectory() ? await below(path.resolve(one)) : [path.resolve(one)];
    for (const file of files) {
      if (found.has(file)) continue;
      const source = await readSource(file, !information.isDirectory());
      if (source !== undefined) found.set(file, source);
    }
  }
  return [...found.values()];
}

async function below(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const lists = await Promise.all(
    entries
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(async (entry): Promise<string[]> => {
        const whole = path.join(folder, entry.name);
        if (entry.isDirectory())
          return SKIPPED.has(entry.name) || entry.name.startsWith(".") ? [] : below(whole);
        return entry.isFile() ? [whole] : [];
      }),
  );
  return lists.flat();
}

async function readSource(file: string, isNamed: boolean): Promise<SourceFile | undefined> {
  const { size } = await stat(file);
  if (size > LARGEST_BYTES && !isNamed) return undefined;
  const bytes = await readFile(file);
  const isAsked = isNamed && /\.ya?ml$/.test(file);
  if (bytes.includes(0) && !isAsked) return undefined;
  const text = bytes.toString();
  const kind = kindOf(file, text);
  return {
    file: shownPath(file),
    text,
    kind: kind === "other" && isAsked && isNothing(text) ? "playbook" : kind,
  };
}

/** A file that somebody names and that says nothing, or can't be read, was meant to be a playbook: it is not passed by without a word. */
function isNothing(text: string): boolean {
  const document = parseDocument(text, { uniqueKeys: false });
  return (
    document.errors.length > 0 || !isCollection(document.contents) || document.contents.items.length === 0
  );
}

/** What a file is, by where it stands and what stands in it. */
export function kindOf(file: string, text: string): FileKind {
  const parts = file.split(path.sep);
  const folder = parts.at(-2) ?? "";
  const isYaml = /\.ya?ml$/.test(file);
  if (parts.includes("group_vars") || parts.includes("host_vars")) return "variables";
  if (parts.includes("templates") || /\.(hbs|j2)$/.test(file)) return "template";
  if (/^(tasks|handlers)$/.test(folder) && isYaml) return "tasks";
  if (folder === "meta" && isYaml)
    return /^argument_specs\./.test(parts.at(-1) ?? "") ? "specification" : "role";
  if (/^(defaults|vars)$/.test(folder)) return "variables";
  if (isYaml && isPlaybook(text)) return "playbook";
  if (isInventory(file, text)) return "inventory";
  return "other";
}

/** A list whose items have `hosts` or import a playbook. */
function isPlaybook(text: string): boolean {
  return /^- /m.test(text) && /^(- | {2})(hosts|(ansible\.builtin\.)?import_playbook)\s*:/m.test(text);
}

/** A group at the beginning of a line, with hosts or children below it or behind it; `all` may begin with variables. */
const YAML_INVENTORY =
  /^(\{\s*)?(["']?[\w-]+["']?\s*:\s*(\n\s+|\{\s*)["']?(hosts|children)|["']?all["']?\s*:\s*(\n\s+|\{\s*)["']?vars)["']?\s*:/m;

function isInventory(file: string, text: string): boolean {
  const name = path.basename(file);
  if (/\.ya?ml$/.test(name)) return YAML_INVENTORY.test(text) && !/^- /m.test(text);
  if (/\.(ini)$/.test(name) || /^(hosts|inventory)$/.test(name))
    return (
      /^\[[\w-]+(:(vars|children))?\]\s*$/m.test(text) &&
      /(^|\/)(inventory|inventories)\/|(^|\/)(hosts|inventory)(\.ini)?$/.test(file)
    );
  return false;
}
