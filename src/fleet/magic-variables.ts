import { statSync } from "node:fs";
import { isIP } from "node:net";
import path from "node:path";
import { OMIT } from "../converge/prepare.ts";
import { type Inventory, membersOf } from "../inventory/inventory.ts";
import type { MagicName } from "../playbook/magic-names.ts";
import type { Play, Playbook } from "../playbook/playbook.ts";
import type { VariableLayer } from "../variables/sourced.ts";
import type { Value, ValueMap } from "../variables/value.ts";
import type { RunOptions } from "./run-options.ts";

/** What every host sees, whatever the play. */
interface RunNames {
  playbook: Pick<Playbook, "file">;
  checkMode: boolean;
  diffMode: boolean;
  /** What was said on the command line. */
  run?: Pick<RunOptions, "forks" | "tags" | "skipTags" | "limit" | "verbosity">;
}

/** What every host sees of the play it is in. */
export interface PlayNames extends RunNames {
  /** Absent outside of a run. */
  play?: Play;
  playHosts: readonly string[];
  batchHosts: readonly string[];
  /** Of these, the hosts that have not failed and could be reached: the others are out of the play. */
  leftOf?(hosts: readonly string[]): readonly string[];
  hostvars: ValueMap;
}

/** `ansible_version`: the release whose language Plumb speaks and is compared with, so that roles which ask for a newer one than some old one go on working. */
const LANGUAGE = { full: "2.14.18", major: 2, minor: 14, revision: 18, string: "2.14.18" } as const;

/** What stands in front of the first dot; an address has no shorter name. */
function shortName(host: string): string {
  return isIP(host) === 0 ? (host.split(".")[0] ?? host) : host;
}

/** Ansible's magic variables of a host ("Special Variables" in its documentation). Those of a role are with the role's other variables. */
export function magicVariables(host: string, inventory: Inventory, names: PlayNames): VariableLayer {
  // Lists of hosts are shared by all who see them: of thousands, thousands of copies would fill the memory.
  const left = (hosts: readonly string[]): Value => (names.leftOf?.(hosts) ?? hosts) as Value;
  return layerOf({
    ...wherever(host, inventory, names),
    hostvars: names.hostvars,
    play_hosts: left(names.batchHosts),
    ansible_play_hosts: left(names.playHosts),
    ansible_play_hosts_all: names.playHosts as Value,
    ansible_play_batch: left(names.batchHosts),
    ...namesOfPlay(names.play),
  });
}

/** Those that do not depend on the play: what other hosts see in `hostvars`, and what a variable that they look at there is made of. */
export const magicVariablesForOthers = (host: string, inventory: Inventory, names: RunNames): VariableLayer =>
  layerOf(wherever(host, inventory, names));

function wherever(host: string, inventory: Inventory, names: RunNames): Partial<Record<MagicName, Value>> {
  const inventoryHost = inventory.hosts.get(host);
  return {
    inventory_hostname: host,
    inventory_hostname_short: shortName(host),
    ...place(inventoryHost?.source),
    group_names: [...(inventoryHost?.groups ?? [])].sort(),
    groups: groupMembers(inventory),
    playbook_dir: path.dirname(path.resolve(names.playbook.file)),
    ansible_inventory_sources: inventory.sources.map((source) =>
      source.includes(",") ? source : path.resolve(source),
    ),
    ansible_check_mode: names.checkMode,
    ansible_diff_mode: names.diffMode,
    ansible_version: { ...LANGUAGE },
    ...namesOfRun(names.run),
    omit: OMIT,
  };
}

const layerOf = (variables: Partial<Record<MagicName, Value>>): VariableLayer => ({
  level: "magic variables",
  variables: new Map(
    Object.entries(variables).map(([name, value]) => [name, { value: { kind: "literal", value } }]),
  ),
});

function namesOfPlay(play: Play | undefined): Partial<Record<MagicName, Value>> {
  if (play === undefined) return {};
  const named = (roles: Play["roles"]): string[] => [...new Set(roles.map(({ name }) => name))];
  const direct = named(play.roles.filter(({ parent }) => parent === undefined));
  const dependent = named(play.roles.filter(({ parent }) => parent !== undefined));
  return {
    ansible_play_name: play.name,
    ansible_role_names: [...new Set([...dependent, ...direct])],
    ansible_play_role_names: direct,
    ansible_dependent_role_names: dependent,
    role_names: direct,
  };
}

function namesOfRun(run: PlayNames["run"]): Partial<Record<MagicName, Value>> {
  if (run === undefined) return {};
  return {
    ansible_forks: run.forks,
    ansible_run_tags: run.tags.length === 0 ? ["all"] : [...run.tags],
    ansible_skip_tags: [...run.skipTags],
    ansible_verbosity: run.verbosity ?? 0,
    ...(run.limit === undefined ? {} : { ansible_limit: run.limit }),
  };
}

/** `inventory_file` and `inventory_dir`: where the host was named first. */
function place(source: string | undefined): { inventory_file: Value; inventory_dir: Value } {
  if (source === undefined) return { inventory_file: null, inventory_dir: null };
  // A list of hosts stands in no file.
  const isFile = statSync(source, { throwIfNoEntry: false }) !== undefined;
  return {
    inventory_file: isFile ? path.resolve(source) : source,
    inventory_dir: isFile ? path.dirname(path.resolve(source)) : null,
  };
}

const members = new WeakMap<Inventory, ValueMap>();

/** Group name to all its hosts, children's too: made once an inventory. */
export function groupMembers(inventory: Inventory): ValueMap {
  let groups = members.get(inventory);
  if (groups === undefined) {
    groups = Object.fromEntries(
      [...inventory.groups.keys()].map((name) => [name, [...membersOf(name, inventory)]]),
    );
    members.set(inventory, groups);
  }
  return groups;
}
