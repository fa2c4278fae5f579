import { inputError } from "../diagnostics/diagnostic.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated } from "../variables/templated.ts";
import { checkKeywords } from "./check-keywords.ts";
import { checkNotifications } from "./check-notifications.ts";
import { connectionVariables } from "./connection-keywords.ts";
import type { Entries } from "./entries.ts";
import { inherit } from "./inherit.ts";
import { collecting, type LoadContext, type LoadState } from "./load-context.ts";
import type { InheritedKeywords, Node, Play, RoleContext, Section, Task } from "./playbook.ts";
import { present } from "./present.ts";

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
      at: entries.at,
      expected: "hosts: PATTERN",
    });
  }
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
    hosts,
    at: entries.at,
    sections,
    handlers,
    roles,
    connection: connectionVariables(entries),
    variables: entries.variables("vars"),
    variableFiles: entries.list("vars_files"),
    ...hostKeywords(entries),
    keywords,
  };
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

/** Which hosts at a time, and what happens when some fail. */
function hostKeywords(
  entries: Entries,
): Pick<
  Play,
  "gatherFacts" | "order" | "strategy" | "serial" | "maxFailPercentage" | "anyErrorsFatal" | "forceHandlers"
> {
  return {
    gatherFacts: entries.boolean("gather_facts") ?? true,
    order: orderOf(entries),
    strategy: strategyOf(entries),
    serial: entries.list("serial").flatMap((size) => batchSize(size, entries)),
    ...present("maxFailPercentage", entries.number("max_fail_percentage")),
    anyErrorsFatal: entries.boolean("any_errors_fatal") ?? false,
    forceHandlers: entries.boolean("force_handlers") ?? false,
  };
}

const ORDERS: readonly Play["order"][] = [
  "inventory",
  "reverse_inventory",
  "sorted",
  "reverse_sorted",
  "shuffle",
];

function orderOf(entries: Entries): Play["order"] {
  const written = entries.text("order");
  if (written === undefined) return "inventory";
  const order = ORDERS.find((one) => one === written);
  if (order === undefined) entries.wrong("order", `one of ${ORDERS.join(", ")}`);
  return order ?? "inventory";
}

/** `host_pinned` is Ansible's `free` that holds on to a connection, which Plumb does anyway; Mitogen's are the same ones, made faster. */
function strategyOf(entries: Entries): Play["strategy"] {
  const strategy =
    entries
      .text("strategy")
      ?.replace(/^.*\./, "")
      .replace(/^mitogen_/, "") ?? "linear";
  if (strategy === "free" || strategy === "host_pinned") return "free";
  if (strategy !== "linear") entries.wrong("strategy", "linear, free or host_pinned");
  return "linear";
}

function batchSize(value: Templated, entries: Entries): Play["serial"] {
  const literal = literalOf(value);
  if (typeof literal === "number" && Number.isInteger(literal) && literal > 0) return [literal];
  if (typeof literal === "string" && /^[1-9]\d*$/.test(literal)) return [Number(literal)];
  const percent = typeof literal === "string" ? /^(\d+(?:\.\d+)?)%$/.exec(literal)?.[1] : undefined;
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100)
    return [{ percent: Number(percent) }];
  entries.wrong("serial", "a number of hosts, a percentage such as 25%, or a list of them");
  return [];
}
