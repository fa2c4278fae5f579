import type { PlayRun } from "../fleet/run-play.ts";
import { leavesOf } from "../playbook/leaves.ts";
import { namesSetByTask } from "../playbook/names-set-by.ts";
import type { Include, Task } from "../playbook/playbook.ts";
import { literalOf } from "../variables/evaluate.ts";

/** Modules that act on the controller, or ask the person at it. */
const AT_THE_CONTROLLER: ReadonlySet<string> = new Set(["fetch", "pause"]);
/** What `meta` does to the host alone. */
const META_OF_ONE: ReadonlySet<unknown> = new Set([
  "flush_handlers",
  "noop",
  "reset_connection",
  "end_host",
  "clear_facts",
  "end_role",
]);

/** A file of variables or a template: what it reads is known only when it is rendered. */
export interface ReadLater {
  file: string;
  text: string;
}

/**
 * Why the hosts of a play can't be worked on by processes that know nothing of each other; undefined when they can.
 *
 * @param before the plays before it.
 * @param files of variables and templates; a name anywhere in them counts as read.
 */
export function reasonToStay(
  play: PlayRun,
  before: readonly PlayRun[],
  files: readonly ReadLater[] = [],
): string | undefined {
  if (play.hosts.every((host) => host === "localhost")) return "it is about the controller";
  if (play.play.prompts.length > 0) return "it asks questions (`vars_prompt`)";
  const leaves = leavesOf(play.play.sections.flatMap(({ nodes }) => nodes));
  const all = [...leaves, ...play.play.handlers];
  for (const leaf of all) {
    const reason = reasonOf(leaf);
    if (reason !== undefined) return `${reason} (${positionOf(leaf)})`;
  }
  const names = namesIn(play.play);
  const readBy = (name: string): string | undefined =>
    names.has(name) ? "it" : files.find(({ text }) => new RegExp(`\\b${name}\\b`).test(text))?.file;
  const looking = readBy("hostvars");
  if (looking !== undefined) return `${looking} looks at the variables of other hosts (\`hostvars\`)`;
  const set = before
    .flatMap((one) => leavesOf(one.play.sections.flatMap(({ nodes }) => nodes)))
    .flatMap((leaf) => (leaf.kind === "include" ? [] : namesSetByTask(leaf)))
    .find((name) => name !== "ansible_facts" && readBy(name) !== undefined);
  return set === undefined
    ? undefined
    : `${readBy(set) ?? "it"} uses \`${set}\`, which an earlier play has set`;
}

function reasonOf(leaf: Task | Include): string | undefined {
  if (leaf.kind === "include")
    return leaf.inside === undefined ? "what it includes is known only when it runs" : undefined;
  const { keywords, module, parameters } = leaf;
  const isSet = (value: Task["keywords"]["runOnce"]): boolean =>
    value !== undefined && literalOf(value) !== false && literalOf(value) !== 0;
  if (isSet(keywords.runOnce)) return "`run_once` is for all hosts together";
  if (isSet(keywords.throttle)) return "`throttle` counts all hosts together";
  if (keywords.delegateTo !== undefined) return "`delegate_to` acts on a host that others act on";
  if (AT_THE_CONTROLLER.has(module)) return `\`${module}\` acts on the controller`;
  if (module === "meta" && !parameters.some(({ value }) => META_OF_ONE.has(literalOf(value))))
    return "what `meta` does here is for all hosts together";
  return undefined;
}

function positionOf(leaf: Task | Include): string {
  const { at } = leaf.kind === "include" ? leaf.task : leaf;
  return `${at.file}:${at.line}:${at.column}`;
}

/** Every name that a template or an expression anywhere in a play reads: a compiled one has them in `names`, beside its `source`. */
function namesIn(root: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  const seen = new Set<unknown>();
  const open: unknown[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if ("source" in value && "names" in value && Array.isArray(value.names))
      for (const name of value.names) names.add(String(name));
    const inside: unknown[] = value instanceof Map ? [...value.values()] : Object.values(value);
    open.push(...inside.filter((one) => one !== undefined && one !== null));
  }
  return names;
}
