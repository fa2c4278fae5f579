import path from "node:path";
import { DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { compileValue } from "../variables/compile-value.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated } from "../variables/templated.ts";
import { readYaml } from "../variables/yaml-source.ts";
import { Entries } from "./entries.ts";
import { inherit, present } from "./inherit.ts";
import { PLAY_KEYWORDS } from "./keywords.ts";
import { collecting, type LoadContext, type LoadState, NOTHING_INHERITED } from "./load-context.ts";
import { loadNodes } from "./load-nodes.ts";
import { loadRoleEntry } from "./load-role.ts";
import type { Node, Play, Playbook, Section, Task } from "./playbook.ts";

export interface LoadOptions {
  /** More folders with roles. */
  rolePaths: readonly string[];
}

/**
 * Loads a playbook with all its roles and files, and checks all that can be checked without a host.
 *
 * @throws DiagnosticsError with every finding.
 */
export async function loadPlaybook(file: string, options: LoadOptions): Promise<Playbook> {
  const absolute = path.resolve(file);
  const state: LoadState = {
    problems: [],
    modules: new Map(),
    loadNodes,
    rolePaths: options.rolePaths,
    playbookFolder: path.dirname(absolute),
  };
  const plays = await loadPlays(state, path.relative(process.cwd(), absolute), []);
  const errors = state.problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new DiagnosticsError(state.problems);
  return { file: absolute, plays };
}

async function loadPlays(state: LoadState, file: string, way: readonly string[]): Promise<Play[]> {
  const source = await readYaml(file);
  const list = compileValue(source, source.document.contents);
  const start: SourceRange = { file, line: 1, column: 1 };
  if (list.kind !== "list") {
    throw inputError("wrong-type", "a playbook is a list of plays", {
      at: list.at ?? start,
      expected: "items such as `- hosts: all`",
    });
  }
  const plays: Play[] = [];
  for (const item of list.items) {
    const loaded = await collecting(state, async () => {
      const entries = new Entries(item, "a play", start);
      const imported = entries.text("import_playbook") ?? entries.text("ansible.builtin.import_playbook");
      if (imported === undefined) return [await loadPlay(state, source, entries)];
      const other = path.join(path.dirname(file), imported);
      if (way.includes(other))
        throw inputError("file-not-found", `${imported} imports itself`, { at: entries.at });
      return loadPlays(state, other, [...way, file]);
    });
    plays.push(...(loaded ?? []));
  }
  return plays;
}

async function loadPlay(state: LoadState, source: LoadContext["source"], entries: Entries): Promise<Play> {
  state.problems.push(...entries.unknownKeys(PLAY_KEYWORDS, "a play"));
  const hosts = entries.value("hosts");
  if (hosts === undefined) {
    throw inputError("missing-key", "this play does not say on which hosts", {
      at: entries.at,
      expected: "hosts: PATTERN",
    });
  }
  const keywords = { ...inherit(NOTHING_INHERITED, entries), variables: [] };
  const handlers: Task[] = [];
  const context: LoadContext = {
    state,
    source,
    inherited: keywords,
    role: undefined,
    handlers,
    way: [],
    idPrefix: "",
  };
  const sections: Section[] = [];
  const add = (kind: Section["kind"], nodes: Node[]): void => {
    if (nodes.length > 0) sections.push({ kind, nodes });
  };
  add("pre_tasks", await loadNodes(context, entries.value("pre_tasks"), "`pre_tasks`"));
  const roles: Node[] = [];
  for (const role of entries.list("roles")) {
    roles.push(...((await collecting(state, () => loadRoleEntry(context, role))) ?? []));
  }
  add("roles", roles);
  add("tasks", await loadNodes(context, entries.value("tasks"), "`tasks`"));
  add("post_tasks", await loadNodes(context, entries.value("post_tasks"), "`post_tasks`"));
  const own = await loadNodes(context, entries.value("handlers"), "`handlers`");
  handlers.push(...own.filter((node): node is Task => node.kind === "task"));
  checkNotifications(state, sections, handlers);
  return {
    name: entries.text("name") ?? String(literalOf(hosts) ?? "play"),
    hosts,
    at: entries.at,
    sections,
    handlers,
    variables: entries.variables("vars"),
    variableFiles: entries.list("vars_files"),
    gatherFacts: entries.boolean("gather_facts") ?? true,
    serial: entries.list("serial").map((size) => batchSize(size, entries.positionOf("serial"))),
    ...present("maxFailPercentage", entries.number("max_fail_percentage")),
    anyErrorsFatal: entries.boolean("any_errors_fatal") ?? false,
    forceHandlers: entries.boolean("force_handlers") ?? false,
    keywords,
  };
}

function batchSize(value: Templated, at: SourceRange): Play["serial"][number] {
  const literal = literalOf(value);
  if (typeof literal === "number" && Number.isInteger(literal) && literal > 0) return literal;
  const percent = typeof literal === "string" ? /^(\d+(?:\.\d+)?)%$/.exec(literal)?.[1] : undefined;
  if (percent !== undefined) return { percent: Number(percent) };
  if (typeof literal === "string" && /^[1-9]\d*$/.test(literal)) return Number(literal);
  throw inputError("wrong-type", "`serial` must be a number of hosts or a percentage", {
    at,
    expected: "2, 25%, or a list of them",
  });
}

/** A change that nobody acts upon is worse than none: handlers that do not exist are found before any host is touched. */
function checkNotifications(state: LoadState, sections: readonly Section[], handlers: readonly Task[]): void {
  const names = new Set<string>();
  for (const handler of handlers) {
    const name = handler.name === undefined ? undefined : literalOf(handler.name);
    if (typeof name === "string") {
      names.add(name);
      if (handler.role !== undefined) names.add(`${handler.role.name} : ${name}`);
    } else if (handler.name !== undefined) return; // A templated name is known only on a host.
    for (const topic of handler.listen) names.add(topic);
  }
  for (const task of [...sections.flatMap((section) => tasksOf(section.nodes)), ...handlers]) {
    for (const notified of task.notify) {
      const name = literalOf(notified);
      if (typeof name !== "string" || names.has(name)) continue;
      const meant = didYouMean(name, names);
      state.problems.push({
        severity: "error",
        code: "unknown-handler",
        message: `this play has no handler \`${name}\``,
        at: notified.at ?? task.at,
        hint:
          meant === undefined
            ? `its handlers: ${[...names].join(", ") || "none"}`
            : `did you mean \`${meant}\`?`,
      });
    }
  }
}

function tasksOf(nodes: readonly Node[]): Task[] {
  return nodes.flatMap((node) =>
    node.kind === "task"
      ? [node]
      : [...tasksOf(node.block), ...tasksOf(node.rescue), ...tasksOf(node.always)],
  );
}
