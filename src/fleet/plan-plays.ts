import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { hostsMatching } from "../inventory/pattern.ts";
import { leavesOf } from "../playbook/leaves.ts";
import { settledPlay } from "../playbook/play-keywords.ts";
import type { Play, Playbook } from "../playbook/playbook.ts";
import { evaluate, literalOf } from "../variables/evaluate.ts";
import { createScope } from "../variables/host-scope.ts";
import type { Value } from "../variables/value.ts";
import { groupMembers } from "./magic-variables.ts";
import type { RunOptions } from "./run-options.ts";
import type { PlayRun } from "./run-play.ts";

/** A play whose hosts are known, or one that comes after the inventory is read anew and finds its hosts when its turn comes. */
export interface PlannedPlay {
  run: PlayRun | undefined;
  /** Finds the hosts in an inventory. @throws DiagnosticsError for a pattern that matches nothing, and for templates that can't be rendered. */
  plan(inventory: Inventory): PlayRun;
}

/** What plays are planned from. */
export type PlanOptions = Pick<RunOptions, "inventory" | "limit" | "playbooks" | "extraVariables">;

/** Which hosts each play runs on; found before the first of them starts, as far as it can be known then. */
export function planPlays(options: PlanOptions): PlannedPlay[] {
  let isInventoryKnown = true;
  let number = 0;
  return options.playbooks.flatMap((playbook) =>
    playbook.plays.map((play, index) => {
      const own = number++;
      const plan = (inventory: Inventory): PlayRun => ({
        ...planPlay(options, inventory, playbook, play, index),
        number: own,
      });
      const planned = { run: isInventoryKnown ? plan(options.inventory) : undefined, plan };
      if (refreshesInventory(play)) isInventoryKnown = false;
      return planned;
    }),
  );
}

function planPlay(
  { limit, extraVariables }: PlanOptions,
  inventory: Inventory,
  playbook: Playbook,
  play: Play,
  index: number,
): Omit<PlayRun, "number"> {
  const own = { level: "play vars", variables: play.variables };
  const groups = { value: { kind: "literal", value: groupMembers(inventory) } } as const;
  const magic = { level: "magic variables", variables: new Map([["groups", groups]]) };
  const scope = createScope({ layers: [own, extraVariables, magic] });
  const settled = settledPlay(play, scope);
  const value = evaluate(play.hosts, scope);
  const pattern = Array.isArray(value) ? value.map(String).join(",") : String(value);
  const isLocal = pattern === "localhost" && !inventory.hosts.has("localhost");
  const within = limit === undefined ? undefined : new Set(hostsMatching(limit, inventory));
  const matched = isLocal ? ["localhost"] : hostsOf(play, value, inventory);
  const hosts = isLocal || within === undefined ? matched : matched.filter((host) => within.has(host));
  return {
    playbook,
    play: settled,
    playId: `${playbook.file}#${index}`,
    pattern,
    hosts: ordered(hosts, settled.order),
  };
}

/**
 * Whoever computes the hosts and comes to none wants none: `!expr default(groups.balancers, [])` is for a part that not everybody has. A name that is written out has to be there.
 *
 * @throws DiagnosticsError with the place of the pattern
 */
function hostsOf({ hosts, at }: Play, value: Value, inventory: Inventory): readonly string[] {
  if (Array.isArray(value) && value.length === 0 && hosts.kind !== "list") return [];
  const pattern = Array.isArray(value) ? value.map(String).join(",") : String(value);
  try {
    return hostsMatching(pattern, inventory);
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    const placed = error.diagnostics.map((one) => ({ ...one, at: one.at ?? hosts.at ?? at }));
    throw new DiagnosticsError(placed, { cause: error });
  }
}

function refreshesInventory({ sections }: Play): boolean {
  const leaves = leavesOf(sections.flatMap(({ nodes }) => nodes));
  return leaves.some(
    (node) =>
      node.kind === "task" &&
      node.module === "meta" &&
      node.parameters.some(({ value }) => literalOf(value) === "refresh_inventory"),
  );
}

/** The hosts in the order that `order:` asks for; as they come they are in the order of the inventory. */
function ordered(hosts: readonly string[], order: Play["order"]): readonly string[] {
  switch (order) {
    case "inventory":
      return hosts;
    case "reverse_inventory":
      return hosts.toReversed();
    case "sorted":
      return hosts.toSorted();
    case "reverse_sorted":
      return hosts.toSorted().reverse();
    case "shuffle":
      return hosts
        .map((host) => ({ host, place: Math.random() }))
        .sort((a, b) => a.place - b.place)
        .map(({ host }) => host);
  }
}
