import path from "node:path";
import { inputError } from "../diagnostics/diagnostic.ts";
import { compileValue } from "../variables/compile-value.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated } from "../variables/templated.ts";
import { readYaml } from "../variables/yaml-source.ts";
import { Entries } from "./entries.ts";
import { inherit } from "./inherit.ts";
import { BLOCK_KEYWORDS } from "./keywords.ts";
import { collecting, type LoadContext } from "./load-context.ts";
import { loadRole } from "./load-role.ts";
import { loadTask } from "./load-task.ts";
import type { Node } from "./playbook.ts";

const TASK_FILES = ["import_tasks", "include_tasks"];
const ROLE_USES = ["import_role", "include_role"];

/** Loads a list of tasks and blocks; what is wrong in one does not stop the others. */
export async function loadNodes(
  context: LoadContext,
  list: Templated | undefined,
  what: string,
): Promise<Node[]> {
  if (list === undefined || (list.kind === "literal" && list.value === null)) return [];
  if (list.kind !== "list") {
    throw inputError("wrong-type", `${what} must be a list`, {
      ...(list.at === undefined ? {} : { at: list.at }),
      expected: "items that start with `- `",
    });
  }
  const nodes: Node[] = [];
  for (const item of list.items) {
    const loaded = await collecting(context.state, () => loadNode(context, item));
    if (loaded !== undefined) nodes.push(...loaded);
  }
  return nodes;
}

async function loadNode(context: LoadContext, item: Templated): Promise<Node[]> {
  const entries = new Entries(item, "a task", { file: context.source.file, line: 1, column: 1 });
  const key = entries.keys
    .map((one) => one.replace(/^ansible\.builtin\./, ""))
    .find((one) => [...TASK_FILES, ...ROLE_USES, "block"].includes(one));
  if (key === "block") return [await loadBlock(context, entries)];
  if (key !== undefined && TASK_FILES.includes(key)) return loadTaskFile(context, entries, key);
  if (key !== undefined) return loadRoleUse(context, entries, key);
  return [await loadTask(context, entries)];
}

async function loadBlock(context: LoadContext, entries: Entries): Promise<Node> {
  context.state.problems.push(...entries.unknownKeys(BLOCK_KEYWORDS, "a block"));
  const inner = { ...context, inherited: inherit(context.inherited, entries) };
  return {
    kind: "block",
    id: `${context.idPrefix}${entries.at.file}:${entries.at.line}:${entries.at.column}`,
    ...(entries.value("name") === undefined ? {} : { name: entries.value("name") as Templated }),
    block: await loadNodes(inner, entries.value("block"), "`block`"),
    rescue: await loadNodes(inner, entries.value("rescue"), "`rescue`"),
    always: await loadNodes(inner, entries.value("always"), "`always`"),
    at: entries.at,
  };
}

async function loadTaskFile(context: LoadContext, entries: Entries, key: string): Promise<Node[]> {
  refuseLoop(entries, key);
  const written = fileName(entries, key);
  const folders = [
    path.dirname(context.source.file),
    ...(context.role === undefined ? [] : [path.join(context.role.path, "tasks")]),
  ];
  const file = await firstExisting(folders.map((folder) => path.resolve(folder, written)));
  if (file === undefined) {
    throw inputError("file-not-found", `there is no file ${written}`, {
      at: entries.positionOf(key),
      expected: `a file in ${folders.join(" or ")}`,
    });
  }
  if (context.way.includes(file)) {
    throw inputError("file-not-found", `${written} includes itself: ${[...context.way, file].join(" -> ")}`, {
      at: entries.positionOf(key),
    });
  }
  const source = await readYaml(file);
  const inner: LoadContext = {
    ...context,
    source,
    inherited: inherit(context.inherited, entries),
    way: [...context.way, file],
    idPrefix: `${context.idPrefix}${entries.at.line}>`,
  };
  return loadNodes(inner, compileValue(source, source.document.contents), "a file of tasks");
}

async function loadRoleUse(context: LoadContext, entries: Entries, key: string): Promise<Node[]> {
  refuseLoop(entries, key);
  const parameters = new Entries(
    entries.value(key) ?? { kind: "literal", value: null },
    `\`${key}\``,
    entries.positionOf(key),
  );
  const name = parameters.text("name");
  if (name === undefined) {
    throw inputError("missing-key", `\`${key}\` needs the parameter \`name\``, {
      at: entries.positionOf(key),
    });
  }
  const inner = {
    ...context,
    inherited: inherit(context.inherited, entries),
    idPrefix: `${context.idPrefix}${entries.at.line}>`,
  };
  const tasksFrom = parameters.text("tasks_from");
  return loadRole(inner, name, new Map(), parameters.positionOf("name"), tasksFrom);
}

function refuseLoop(entries: Entries, key: string): void {
  if (entries.value("loop") === undefined) return;
  throw inputError("unknown-key", `\`${key}\` can't be looped over yet`, {
    at: entries.keyPosition("loop"),
    hint: "put the loop on the tasks inside",
  });
}

function fileName(entries: Entries, key: string): string {
  const value = entries.value(key);
  const inner = value?.kind === "map" ? value.entries.find((entry) => entry.key === "file")?.value : value;
  const literal = inner === undefined ? undefined : literalOf(inner);
  if (typeof literal === "string") return literal;
  throw inputError("wrong-type", `\`${key}\` needs the name of a file, without templates`, {
    at: entries.positionOf(key),
    hint: "choose between files with `when:` on two imports",
  });
}

async function firstExisting(files: readonly string[]): Promise<string | undefined> {
  const { access } = await import("node:fs/promises");
  for (const file of files) {
    const exists = await access(file).then(
      () => true,
      () => false,
    );
    if (exists) return file;
  }
  return undefined;
}
