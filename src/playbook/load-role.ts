import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { compileValue } from "../variables/compile-value.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Templated } from "../variables/templated.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import { readYaml } from "../variables/yaml-source.ts";
import { Entries } from "./entries.ts";
import { inherit } from "./inherit.ts";
import { collecting, type LoadContext } from "./load-context.ts";
import { loadSpecification } from "./load-specification.ts";
import type { Node, RoleContext, Task } from "./playbook.ts";

type Variables = ReadonlyMap<string, SourcedVariable>;

/** Keys of a role's entry that are not parameters of it. */
const ROLE_KEYWORDS = [
  "role",
  "name",
  "vars",
  "when",
  "tags",
  "become",
  "become_user",
  "become_method",
  "environment",
  "no_log",
  "ignore_errors",
  "delegate_to",
  "run_once",
  "check_mode",
  "diff",
];

/** Loads an entry of `roles:`: a name, or a mapping with `role:` and parameters. */
export async function loadRoleEntry(context: LoadContext, item: Templated): Promise<Node[]> {
  const fallback = item.at ?? { file: context.source.file, line: 1, column: 1 };
  if (item.kind === "literal" && typeof item.value === "string")
    return loadRole(context, item.value, new Map(), fallback);
  const entries = new Entries(item, "a role", fallback);
  const name = entries.text("role") ?? entries.text("name");
  if (name === undefined)
    throw inputError("missing-key", "this entry names no role", { at: entries.at, expected: "role: NAME" });
  const parameters = new Map<string, SourcedVariable>();
  for (const key of entries.keys.filter((one) => !ROLE_KEYWORDS.includes(one))) {
    const entry = entries.entry(key);
    if (entry !== undefined) parameters.set(key, { value: entry.value, at: entries.keyPosition(key) });
  }
  for (const [key, value] of entries.variables("vars")) parameters.set(key, value);
  const inherited = inherit(context.inherited, entries);
  // `vars` of a role's entry are its parameters, not variables of the tasks around.
  return loadRole(
    { ...context, inherited: { ...inherited, variables: context.inherited.variables } },
    name,
    parameters,
    entries.at,
  );
}

/**
 * Loads a role with the roles it depends on; its handlers go to the play.
 *
 * @throws DiagnosticsError unknown-role, role-cycle
 */
export async function loadRole(
  context: LoadContext,
  name: string,
  parameters: Variables,
  at: SourceRange,
  tasksFrom = "main",
): Promise<Node[]> {
  const folder = await findRole(context, name, at);
  if (context.way.includes(folder)) {
    const chain = [...context.way.filter((one) => one.includes("roles")), folder].map((one) =>
      path.basename(one),
    );
    throw inputError("role-cycle", `the role \`${name}\` depends on itself: ${chain.join(" -> ")}`, { at });
  }
  const role: RoleContext = {
    name: path.basename(folder),
    path: folder,
    defaults: await variablesOf(context, folder, "defaults"),
    variables: await variablesOf(context, folder, "vars"),
    parameters,
    ...(context.role === undefined ? {} : { parent: context.role }),
  };
  const specification = await collecting(context.state, () => loadSpecification(folder, tasksFrom));
  if (specification !== undefined) role.specification = specification;
  const inner: LoadContext = {
    ...context,
    role,
    way: [...context.way, folder],
    idPrefix: `${context.idPrefix}${role.name}>`,
  };
  const dependencies = await loadDependencies({ ...inner, role: context.role }, folder);
  const tasks = await nodesOf(inner, folder, "tasks", tasksFrom);
  const handlers = (await nodesOf(inner, folder, "handlers", "main")).filter(
    (node): node is Task => node.kind === "task",
  );
  for (const handler of handlers) {
    const isKnown = context.handlers.some((one) => one.id === handler.id || sameHandler(one, handler));
    if (!isKnown) context.handlers.push(handler);
  }
  return [...dependencies, ...tasks];
}

function sameHandler(a: Task, b: Task): boolean {
  return a.role?.path === b.role?.path && a.at.line === b.at.line && a.at.file === b.at.file;
}

async function loadDependencies(context: LoadContext, folder: string): Promise<Node[]> {
  const file = await existing(folder, "meta", "main");
  if (file === undefined) return [];
  const source = await readYaml(file);
  const entries = new Entries(compileValue(source, source.document.contents), "meta/main.yml", {
    file,
    line: 1,
    column: 1,
  });
  const nodes: Node[] = [];
  for (const dependency of entries.list("dependencies")) {
    const loaded = await collecting(context.state, () => loadRoleEntry({ ...context, source }, dependency));
    nodes.push(...(loaded ?? []));
  }
  return nodes;
}

async function nodesOf(
  context: LoadContext,
  folder: string,
  part: "tasks" | "handlers",
  name: string,
): Promise<Node[]> {
  const file = await existing(folder, part, name);
  if (file === undefined) return [];
  const source = await readYaml(file);
  return context.state.loadNodes(
    { ...context, source },
    compileValue(source, source.document.contents),
    `${part}/${name}.yml`,
  );
}

async function variablesOf(
  context: LoadContext,
  folder: string,
  part: "defaults" | "vars",
): Promise<Variables> {
  const file = await existing(folder, part, "main");
  if (file === undefined) return new Map();
  return (await collecting(context.state, () => readVariablesFile(file))) ?? new Map();
}

async function existing(folder: string, part: string, name: string): Promise<string | undefined> {
  for (const extension of [".yml", ".yaml", ""]) {
    const file = path.join(folder, part, name.replace(/\.ya?ml$/, "") + extension);
    const information = await stat(file).catch(() => undefined);
    if (information?.isFile() === true) return file;
  }
  return undefined;
}

/** Roles are looked for beside the playbook, in the folders of --roles-path, and among those that ship with Plumb. */
async function findRole(context: LoadContext, name: string, at: SourceRange): Promise<string> {
  const { playbookFolder, rolePaths } = context.state;
  const places = [
    path.join(playbookFolder, "roles"),
    path.join(playbookFolder, "..", "roles"),
    playbookFolder,
    ...rolePaths,
  ];
  for (const place of places) {
    const folder = path.resolve(place, name);
    const information = await stat(folder).catch(() => undefined);
    if (information?.isDirectory() === true) return folder;
  }
  const names = (
    await Promise.all(
      places.filter((place) => place.endsWith("roles")).map((place) => readdir(place).catch(() => [])),
    )
  ).flat();
  const meant = didYouMean(name, names);
  throw inputError("unknown-role", `there is no role \`${name}\``, {
    at,
    expected: `a folder in ${places.map((place) => path.relative(process.cwd(), path.resolve(place)) || ".").join(", ")}`,
    ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
  });
}
