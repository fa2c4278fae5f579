import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Diagnostic, DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { leavesOf } from "../../src/playbook/leaves.ts";
import { loadPlaybook } from "../../src/playbook/load-playbook.ts";
import type { Include, Playbook, Task } from "../../src/playbook/playbook.ts";
import type { Templated } from "../../src/variables/templated.ts";

/** Files by their path, or the text of one playbook. */
export type Files = string | Readonly<Record<string, string>>;

/** Writes the files into a folder of their own for as long as they are used. */
export async function withFiles<Type>(files: Files, use: (folder: string) => Promise<Type>): Promise<Type> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-playbook-"));
  try {
    for (const [name, text] of Object.entries(typeof files === "string" ? { "site.yml": files } : files)) {
      const file = path.join(folder, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Loads site.yml; the playbook's includes are good only inside of `use`. */
export async function withPlaybook<Type>(
  files: Files,
  use: (playbook: Playbook, folder: string) => Promise<Type> | Type,
): Promise<Type> {
  return withFiles(files, async (folder) =>
    use(await loadPlaybook(path.join(folder, "site.yml"), { rolePaths: [] }), folder),
  );
}

/** What loading complains of; positions without the folder. */
export async function problemsOf(files: Files): Promise<Diagnostic[]> {
  return withFiles(files, async (folder) => {
    try {
      await loadPlaybook(path.join(folder, "site.yml"), { rolePaths: [] });
      return [];
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      return error.diagnostics.map((diagnostic) => withoutFolder(diagnostic, folder));
    }
  });
}

/** Each finding as `file:line:column code`. */
export async function findings(files: Files): Promise<string[]> {
  const problems = await problemsOf(files);
  return problems.map(({ at, code }) => `${at?.file ?? "?"}:${at?.line ?? 0}:${at?.column ?? 0} ${code}`);
}

function withoutFolder(diagnostic: Diagnostic, folder: string): Diagnostic {
  const clean = (text: string): string => text.replaceAll(`${folder}/`, "").replaceAll(folder, ".");
  const { at, hint, expected } = diagnostic;
  return {
    ...diagnostic,
    message: clean(diagnostic.message),
    ...(at === undefined ? {} : { at: { ...at, file: clean(at.file) } }),
    ...(hint === undefined ? {} : { hint: clean(hint) }),
    ...(expected === undefined ? {} : { expected: clean(expected) }),
  };
}

/** The tasks of all plays, in order; includes by what stands for them. */
export function tasksOf(playbook: Playbook): Task[] {
  return nodesOf(playbook).map((node) => (node.kind === "include" ? node.task : node));
}

/** Tasks and includes of all plays, in order. */
export function nodesOf({ plays }: Playbook): (Task | Include)[] {
  return plays.flatMap(({ sections }) => sections.flatMap(({ nodes }) => leavesOf(nodes)));
}

/** A value as it was written, for comparing: templates as `{{…}}`, expressions as `!expr …`. */
export function written(value: Templated | undefined): unknown {
  if (value === undefined) return undefined;
  switch (value.kind) {
    case "literal":
      return value.value;
    case "text":
      return value.template.source;
    case "expression":
      return `!expr ${value.expression.source}`;
    case "list":
      return value.items.map(written);
    case "map":
      return Object.fromEntries(value.entries.map((entry) => [entry.key, written(entry.value)]));
  }
}

/** The parameters of a task as they were written. */
export function parametersOf(task: Task | undefined): unknown {
  return Object.fromEntries((task?.parameters ?? []).map(({ key, value }) => [key, written(value)]));
}
