import path from "node:path";
import { OMIT } from "../converge/prepare.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { MagicName } from "../playbook/magic-names.ts";
import type { Playbook } from "../playbook/playbook.ts";
import type { VariableLayer } from "../variables/sourced.ts";
import type { Value, ValueMap } from "../variables/value.ts";

/** What every host sees of the play it is in. */
export interface PlayNames {
  playbook: Pick<Playbook, "file">;
  playHosts: readonly string[];
  batchHosts: readonly string[];
  checkMode: boolean;
  diffMode: boolean;
  hostvars: ValueMap;
}

/** Ansible's magic variables of a host ("Special Variables" in its documentation). */
export function magicVariables(host: string, inventory: Inventory, names: PlayNames): VariableLayer {
  const inventoryHost = inventory.hosts.get(host);
  const variables: Record<MagicName, Value> = {
    inventory_hostname: host,
    inventory_hostname_short: host.split(".")[0] ?? host,
    group_names: [...(inventoryHost?.groups ?? [])].sort(),
    groups: groupMembers(inventory),
    hostvars: names.hostvars,
    play_hosts: [...names.batchHosts],
    ansible_play_hosts: [...names.playHosts],
    ansible_play_hosts_all: [...names.playHosts],
    ansible_play_batch: [...names.batchHosts],
    playbook_dir: path.dirname(path.resolve(names.playbook.file)),
    inventory_dir: inventory.sources[0] === undefined ? "" : path.dirname(path.resolve(inventory.sources[0])),
    ansible_check_mode: names.checkMode,
    ansible_diff_mode: names.diffMode,
    omit: OMIT,
  };
  return {
    level: "magic variables",
    variables: new Map(
      Object.entries(variables).map(([name, value]) => [name, { value: { kind: "literal", value } }]),
    ),
  };
}

const members = new WeakMap<Inventory, ValueMap>();

/** Group name to all its hosts, children's too: made once an inventory. */
function groupMembers(inventory: Inventory): ValueMap {
  let groups = members.get(inventory);
  if (groups === undefined) {
    const lists: Record<string, string[]> = Object.fromEntries(
      [...inventory.groups.keys()].map((name) => [name, []]),
    );
    for (const host of inventory.hosts.values()) {
      for (const group of new Set(["all", ...host.groups])) lists[group]?.push(host.name);
    }
    groups = lists;
    members.set(inventory, groups);
  }
  return groups;
}
