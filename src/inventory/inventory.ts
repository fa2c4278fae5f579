import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { SourcedVariable } from "../variables/sourced.ts";

/** A host that an inventory names. */
export interface Host {
  name: string;
  /** Variables written with the host in the inventory source itself (host_vars files are layers of their own). */
  variables: ReadonlyMap<string, SourcedVariable>;
  /** Names of the groups the host is in, directly or through children, without `all`; the weakest first: depth, then priority, then name. */
  groups: readonly string[];
  at?: SourceRange;
  /** The source that named it first: `inventory_file`. Absent for what no source named. */
  source?: string;
}

export interface Group {
  name: string;
  /** Hosts named in the group itself, in order. */
  hosts: readonly string[];
  children: readonly string[];
  parents: readonly string[];
  variables: ReadonlyMap<string, SourcedVariable>;
  /** ansible_group_priority; 1 unless set. */
  priority: number;
  /** 0 for `all`, 1 for its children, … the longest way counts (Ansible's Group.depth). */
  depth: number;
}

export interface Inventory {
  /** In the order in which the sources name them. */
  hosts: ReadonlyMap<string, Host>;
  /** With `all` and `ungrouped`, in the order in which the sources name them. */
  groups: ReadonlyMap<string, Group>;
  /** The sources as given on the command line, for `group_vars/` and `host_vars/` beside them. */
  sources: readonly string[];
}

const members = new WeakMap<Inventory, Map<string, readonly string[]>>();

/**
 * Hosts of a group and of its children, each once, in Ansible's order: the group's own, those of its children, of their children, and so on. It is this
 * order that `group[0]`, `serial` and `order: inventory` go by.
 */
export function membersOf(group: string, inventory: Inventory): readonly string[] {
  let known = members.get(inventory);
  if (known === undefined) {
    known = new Map();
    members.set(inventory, known);
  }
  let found = known.get(group);
  if (found === undefined) {
    const hosts = new Set<string>();
    const seen = new Set([group]);
    for (const name of seen) {
      const one = inventory.groups.get(name);
      for (const host of one?.hosts ?? []) hosts.add(host);
      // A set is walked in the order in which things come into it: level by level.
      for (const child of one?.children ?? []) seen.add(child);
    }
    found = [...hosts];
    known.set(group, found);
  }
  return found;
}
