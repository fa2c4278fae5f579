import { inputError } from "../diagnostics/diagnostic.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated } from "../variables/templated.ts";
import { checkKeywords } from "./check-keywords.ts";
import { checkNotifications } from "./check-notifications.ts";
import { connectionVariables } from "./connection-keywords.ts";
import { type Entries, isName } from "./entries.ts";
import { inherit } from "./inherit.ts";
import { collecting, type LoadContext, type LoadState } from "./load-context.ts";
import { loadPrompts } from "./load-prompts.ts";
import { playKeywords } from "./play-keywords.ts";
import type { InheritedKeywords, Node, Play, RoleContext, Section, Task } from "./playbook.ts";

/** @throws DiagnosticsError when it is no play; everything else that is wrong is noted in the state. */
export async function loadPlay(
  state: LoadState,
  file: string,
  entries: Entries,
  above: InheritedKeywords,
): Promise<Play> {
  checkKeywords(entries, "play");
  const hosts = entries.value("hosts");
  if (hosts === undefined) {
    throw inputError("missing-key", "this play does not say on which hosts it runs", {
      at: entries.keyPosition("hosts"),
      expected: "hosts: PATTERN",
    });
  }
  const patterns = entries.names("hosts", "a pattern, or a list of patterns");
  const isEmpty = hosts.kind === "list" ? hosts.items.length === 0 : literalOf(hosts) === "";
  if (isEmpty || patterns.some((pattern) => literalOf(pattern) === ""))
    entries.wrong("hosts", "a pattern, or a list of patterns", isEmpty ? hosts : undefined);
  const keywords = { ...inherit(above, entries), variables: above.variables };
  const handlers: Task[] = [];
  const roles: RoleContext[] = [];
  const context: LoadContext = {
    state,
    file,
    inherited: keywords,
    notify: [],
    role: undefined,
    handlers,
    roles,
    rolesLoaded: new Set(),
    roleFolders: new Set(),
    isHandler: false,
    way: [],
    idPrefix: "",
  };
  const sections = await loadSections(context, entries);
  const own = await listOf({ ...context, isHandler: true }, entries, "handlers");
  handlers.push(...own.filter((node): node is Task => node.kind === "task"));
  checkNotifications(state, sections, handlers);
  return {
    name: entries.label("name") ?? String(literalOf(hosts) ?? "play"),
    isNamed: entries.value("name") !== undefined,
    hosts,
    at: entries.at,
    sections,
    handlers,
    roles,
    connection: connectionVariables(entries),
    variables: entries.variables("vars"),
    prompts: loadPrompts(entries),
    variableFiles: variableFiles(entries),
    ...playKeywords(entries),
    keywords,
  };
}

/** Names of files; of a list in the list, the first that is there is read. */
function variableFiles(entries: Entries): readonly Templated[] {
  const files = entries.list("vars_files");
  const isFile = (file: Templated): boolean =>
    file.kind === "list" ? file.items.every(isFile) : isName(file) && !/^$|\0/.test(String(literalOf(file)));
  for (const file of files.filter((one) => !isFile(one)))
    entries.wrong("vars_files", "a list of files", file);
  return files.filter(isFile);
}

async function loadSections(context: LoadContext, entries: Entries): Promise<Section[]> {
  const sections: Section[] = [];
  for (const kind of ["pre_tasks", "roles", "tasks", "post_tasks"] as const) {
    const nodes = kind === "roles" ? await rolesOf(context, entries) : await listOf(context, entries, kind);
    if (nodes.length > 0) sections.push({ kind, nodes });
  }
  return sections;
}

async function rolesOf(context: LoadContext, entries: Entries): Promise<Node[]> {
  const nodes: Node[] = [];
  const written = entries.value("roles");
  if (written?.kind === "map") {
    entries.wrong("roles", "a list of roles");
    return nodes;
  }
  for (const role of entries.list("roles")) {
    const loaded = await collecting(context.state, () => context.state.loadRoleEntry(context, role));
    nodes.push(...(loaded ?? []));
  }
  return nodes;
}

async function listOf(context: LoadContext, entries: Entries, key: string): Promise<Node[]> {
  const list = entries.value(key);
  if (list === undefined) return [];
  const loaded = await collecting(context.state, () => context.state.loadNodes(context, list, `\`${key}\``));
  return loaded ?? [];
}
