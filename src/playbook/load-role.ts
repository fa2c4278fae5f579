import path from "node:path";
import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import { Entries } from "./entries.ts";
import { collecting, type LoadContext, loadFile, shownPath, startOf } from "./load-context.ts";
import { loadSpecification } from "./load-specification.ts";
import type { Node, RoleContext, Task } from "./playbook.ts";
import { isReserved, reservedName } from "./reserved-name.ts";
import { findRole, noSuchFile, roleFile, roleStep, roleVariables } from "./role-files.ts";

type Variables = ReadonlyMap<string, SourcedVariable>;

/** A file of a role that somebody asked for by its name. */
export interface RolePart {
  name: string;
  at: SourceRange;
}

/** One use of a role. */
export interface RoleUse {
  name: string;
  at: SourceRange;
  /** Inline parameters of its entry. */
  parameters: Variables;
  /** `vars:` of its entry: as the role's own, and what its `vars/` say wins over them, as in Ansible. */
  variables: Variables;
  /** Which files of its parts: "main" where nothing is said. */
  tasksFrom?: RolePart;
  varsFrom?: RolePart;
  defaultsFrom?: RolePart;
  handlersFrom?: RolePart;
  /** The play sees its variables. */
  public: boolean;
  /** False leaves its variables unchecked. */
  validated?: boolean;
}

/**
 * Loads a role with the roles it depends on; its handlers go to the play.
 *
 * @throws DiagnosticsError unknown-role, role-cycle, file-not-found
 */
export async function loadRole(context: LoadContext, use: RoleUse): Promise<Node[]> {
  const folder = findRole(context, use.name, use.at);
  const step = roleStep(folder, use.tasksFrom?.name);
  context.roleFolders.add(folder);
  const dependencies: RoleContext[] = [];
  const role: RoleContext = { ...(await roleContext(context, folder, use)), dependencies };
  const inner: LoadContext = {
    ...context,
    role,
    file: shownPath(folder),
    way: [...context.way, step],
    // Where it is named belongs to it: with other parameters, its tasks are others.
    idPrefix: `${context.idPrefix}${role.name}@${use.at.line}:${use.at.column}>`,
  };
  const before = await loadDependencies({ ...inner, roles: dependencies }, folder);
  if (use.public) context.roles.push(...dependencies, role);
  const tasks = await nodesOf(inner, folder, "tasks", use.tasksFrom);
  const handlers = await nodesOf({ ...inner, isHandler: true }, folder, "handlers", use.handlersFrom);
  for (const handler of handlers.filter((node): node is Task => node.kind === "task")) {
    if (!context.handlers.some((known) => isSameHandler(known, handler))) context.handlers.push(handler);
  }
  return [...before, ...tasks];
}

async function roleContext(
  context: LoadContext,
  folder: string,
  use: RoleUse,
): Promise<Omit<RoleContext, "dependencies">> {
  const { state } = context;
  const variables = (part: "defaults" | "vars", asked: RolePart | undefined): Promise<Variables> =>
    roleVariables(state, folder, part, asked?.name ?? "main", asked?.at);
  const specification =
    use.validated === false
      ? undefined
      : await collecting(state, () =>
          loadSpecification(state, folder, use.tasksFrom?.name.replace(/\.ya?ml$/, "") ?? "main"),
        );
  const defaults = await variables("defaults", use.defaultsFrom);
  const own = await variables("vars", use.varsFrom);
  for (const [key, { at }] of [...defaults, ...own])
    if (isReserved(key)) state.problems.push(reservedName(key, at));
  return {
    name: path.basename(folder),
    path: folder,
    defaults,
    variables: new Map([...use.variables, ...own]),
    parameters: use.parameters,
    ...(specification === undefined ? {} : { specification }),
    ...(context.role === undefined ? {} : { parent: context.role }),
  };
}

/**
 * Refuses an entry of `roles:` or of dependencies that leads back to a role it came from. Imports and includes look for themselves.
 *
 * @throws DiagnosticsError role-cycle
 */
export function refuseCycle(context: LoadContext, folder: string, { name, at }: RoleUse): void {
  const step = roleStep(folder);
  if (!context.way.includes(step)) return;
  const roles = [...context.way.slice(context.way.indexOf(step)), step].filter((one) => one.includes("#"));
  const chain = roles.map((one) => path.basename(one.slice(0, one.lastIndexOf("#"))));
  throw inputError("role-cycle", `the role \`${name}\` leads back to itself: ${chain.join(" -> ")}`, {
    at,
    hint: "take out one of these steps",
  });
}

/** A role that is used twice brings its handlers once. */
function isSameHandler(one: Task, other: Task): boolean {
  return (
    one.role?.path === other.role?.path &&
    one.at.file === other.at.file &&
    one.at.line === other.at.line &&
    one.at.column === other.at.column
  );
}

/** @param context whose `roles` take the dependencies. */
async function loadDependencies(context: LoadContext, folder: string): Promise<Node[]> {
  const file = roleFile(folder, "meta", "main");
  if (file === undefined) return [];
  const content = await loadFile(context.state, file);
  if (content.kind === "literal" && content.value === null) return [];
  const shown = shownPath(file);
  const entries = new Entries(content, "meta/main.yml", startOf(shown), context.state.problems);
  checkMeta(entries);
  const nodes: Node[] = [];
  for (const dependency of entries.list("dependencies")) {
    const inner = { ...context, file: shown };
    const loaded = await collecting(context.state, () => context.state.loadRoleEntry(inner, dependency));
    nodes.push(...(loaded ?? []));
  }
  return nodes;
}

/** Keys of meta/main.yml (Ansible, "Using role dependencies" and "Role argument validation"). */
const META_KEYS = ["allow_duplicates", "argument_specs", "collections", "dependencies", "galaxy_info"];

function checkMeta(entries: Entries): void {
  entries.knows(META_KEYS, "meta/main.yml");
  entries.boolean("allow_duplicates");
  entries.names("collections");
  const about = entries.value("galaxy_info");
  if (about !== undefined && about.kind !== "map") entries.wrong("galaxy_info", "a mapping");
  if (entries.value("dependencies")?.kind === "map") entries.wrong("dependencies", "a list of roles");
}

async function nodesOf(
  context: LoadContext,
  folder: string,
  part: "tasks" | "handlers",
  asked: RolePart | undefined,
): Promise<Node[]> {
  const file = roleFile(folder, part, asked?.name ?? "main");
  if (file === undefined) {
    if (asked !== undefined) throw noSuchFile(folder, part, asked.name, asked.at);
    return [];
  }
  const inner = { ...context, file: shownPath(file), way: [...context.way, file] };
  const loaded = await collecting(context.state, async () =>
    context.state.loadNodes(inner, await loadFile(context.state, file), shownPath(file)),
  );
  return loaded ?? [];
}
