import type { SourceRange } from "../diagnostics/diagnostic.ts";
import { inputError } from "../diagnostics/diagnostic.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Group, Host, Inventory } from "./inventory.ts";

interface GroupDraft {
  hosts: Set<string>;
  children: Set<string>;
  variables: Map<string, SourcedVariable>;
  at: SourceRange | undefined;
}

/** Gathers hosts and groups from any number of sources, and makes the inventory of them. */
export class InventoryBuilder {
  readonly #hosts = new Map<
    string,
    { variables: Map<string, SourcedVariable>; at: SourceRange | undefined }
  >();
  readonly #groups = new Map<string, GroupDraft>();

  host(name: string, at?: SourceRange): void {
    if (!this.#hosts.has(name)) this.#hosts.set(name, { variables: new Map(), at });
  }

  hostVariable(name: string, variable: string, value: SourcedVariable): void {
    this.host(name);
    this.#hosts.get(name)?.variables.set(variable, value);
  }

  group(name: string, at?: SourceRange): void {
    if (!this.#groups.has(name)) {
      this.#groups.set(name, { hosts: new Set(), children: new Set(), variables: new Map(), at });
    }
  }

  hasGroup(name: string): boolean {
    return name === "all" || name === "ungrouped" || this.#groups.has(name);
  }

  addHost(group: string, host: string, at?: SourceRange): void {
    this.host(host, at);
    this.group(group, at);
    this.#groups.get(group)?.hosts.add(host);
  }

  addChild(group: string, child: string, at?: SourceRange): void {
    this.group(group, at);
    this.group(child, at);
    this.#groups.get(group)?.children.add(child);
  }

  groupVariable(group: string, variable: string, value: SourcedVariable): void {
    this.group(group);
    this.#groups.get(group)?.variables.set(variable, value);
  }

  /** @throws DiagnosticsError when a group is its own child. */
  build(sources: readonly string[]): Inventory {
    this.group("all");
    this.group("ungrouped");
    this.#attachLooseGroups();
    const parents = this.#parents();
    this.#refuseCycles();
    const depths = this.#depths();
    this.#fillUngrouped(parents);
    const groups = new Map<string, Group>();
    for (const [name, draft] of this.#groups) {
      const priority = draft.variables.get("ansible_group_priority")?.value;
      groups.set(name, {
        name,
        hosts: [...draft.hosts],
        children: [...draft.children],
        parents: [...(parents.get(name) ?? [])],
        variables: draft.variables,
        priority:
          priority?.kind === "literal" && Number.isInteger(Number(priority.value))
            ? Number(priority.value)
            : 1,
        depth: depths.get(name) ?? 0,
      });
    }
    return { hosts: this.#finishHosts(groups, parents), groups, sources };
  }

  /** Every group that no other has for a child is a child of `all`. */
  #attachLooseGroups(): void {
    const children = new Set([...this.#groups.values()].flatMap((draft) => [...draft.children]));
    const all = this.#groups.get("all");
    for (const name of this.#groups.keys()) {
      if (name !== "all" && !children.has(name)) all?.children.add(name);
    }
  }

  #parents(): Map<string, Set<string>> {
    const parents = new Map<string, Set<string>>();
    for (const [name, draft] of this.#groups) {
      for (const child of draft.children) parents.set(child, (parents.get(child) ?? new Set()).add(name));
    }
    return parents;
  }

  #refuseCycles(): void {
    const finished = new Set<string>();
    const walk = (name: string, above: readonly string[]): void => {
      if (above.includes(name)) {
        const at = this.#groups.get(name)?.at;
        throw inputError(
          "inventory-syntax",
          `the group \`${name}\` is its own child: ${[...above, name].join(" -> ")}`,
          {
            ...(at === undefined ? {} : { at }),
            hint: "take one of these children out",
          },
        );
      }
      if (finished.has(name)) return;
      for (const child of this.#groups.get(name)?.children ?? []) walk(child, [...above, name]);
      finished.add(name);
    };
    for (const name of this.#groups.keys()) walk(name, []);
  }

  #depths(): Map<string, number> {
    const depths = new Map<string, number>([["all", 0]]);
    const visit = (name: string, depth: number): void => {
      if ((depths.get(name) ?? -1) > depth) return;
      depths.set(name, depth);
      for (const child of this.#groups.get(name)?.children ?? []) visit(child, depth + 1);
    };
    visit("all", 0);
    return depths;
  }

  #fillUngrouped(parents: ReadonlyMap<string, ReadonlySet<string>>): void {
    const grouped = new Set<string>();
    for (const [name, draft] of this.#groups) {
      if (name !== "all" && name !== "ungrouped") for (const host of draft.hosts) grouped.add(host);
    }
    const ungrouped = this.#groups.get("ungrouped");
    for (const name of this.#hosts.keys()) {
      if (grouped.has(name)) ungrouped?.hosts.delete(name);
      else ungrouped?.hosts.add(name);
    }
    if (parents.get("ungrouped") === undefined) this.#groups.get("all")?.children.add("ungrouped");
  }

  #finishHosts(
    groups: ReadonlyMap<string, Group>,
    parents: ReadonlyMap<string, ReadonlySet<string>>,
  ): Map<string, Host> {
    const direct = new Map<string, string[]>();
    for (const group of groups.values()) {
      for (const host of group.hosts) direct.set(host, [...(direct.get(host) ?? []), group.name]);
    }
    const ancestors = new Map<string, readonly string[]>();
    const ancestorsOf = (name: string): readonly string[] => {
      let found = ancestors.get(name);
      if (found === undefined) {
        found = [
          ...new Set([...(parents.get(name) ?? [])].flatMap((parent) => [...ancestorsOf(parent), parent])),
        ];
        ancestors.set(name, found);
      }
      return found;
    };
    const hosts = new Map<string, Host>();
    for (const [name, draft] of this.#hosts) {
      const mine = new Set((direct.get(name) ?? []).flatMap((group) => [...ancestorsOf(group), group]));
      mine.delete("all");
      hosts.set(name, {
        name,
        variables: draft.variables,
        groups: inPrecedence([...mine], groups),
        ...(draft.at === undefined ? {} : { at: draft.at }),
      });
    }
    return hosts;
  }
}

/** Ansible's order of groups, the weakest first: depth, then priority, then name. */
function inPrecedence(names: readonly string[], groups: ReadonlyMap<string, Group>): string[] {
  return [...names].sort((a, b) => {
    const [left, right] = [groups.get(a), groups.get(b)];
    const byDepth = (left?.depth ?? 0) - (right?.depth ?? 0);
    const byPriority = (left?.priority ?? 1) - (right?.priority ?? 1);
    return byDepth || byPriority || (a < b ? -1 : a > b ? 1 : 0);
  });
}
