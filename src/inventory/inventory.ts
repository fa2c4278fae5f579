import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { SourcedVariable } from "../variables/sourced.ts";

/** A host that an inventory names. */
export interface Host {
  name: string;
  /** Variables written with the host in the inventory source itself (host_vars files are layers of their own). */
  variables: ReadonlyMap<string, SourcedVariable>;
  /** Names of the groups the host is in, directly or through children, without `all`; parents before children, as Ansible orders them. */
  groups: readonly string[];
  at?: SourceRange;
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
  /** With `all` and `ungrouped`. */
  groups: ReadonlyMap<string, Group>;
  /** The sources as given on the command line, for `group_vars/` and `host_vars/` beside them. */
  sources: readonly string[];
}
