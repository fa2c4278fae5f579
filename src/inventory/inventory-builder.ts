import { type Diagnostic, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import type { Group, Host, Inventory } from "./inventory.ts";

interface GroupDraft {
  hosts: Set<string>;
  children: Set<string>;
  parents: Set<string>;
  variables: Map<string, SourcedVariable>;
  priority: number;
}

interface HostDraft {
  variables: Map<string, SourcedVariable>;
  groups: Set<string>;
  at: SourceRange | undefined;
  source: string | undefined;
}

/** No address has them, and they do harm wherever a name is shown. */
const CONTROL_CHARACTERS = /\p{Cc}/u;

/**
 * Gathers hosts and groups from any number of sources, and makes the inventory of them. Groups, their children and hosts stand in the order in which they
 * were added, as in Ansible's InventoryData.
 */
export class InventoryBuilder {
  /** What is wrong with values, where the rest can be read on. */
  readonly problems: Diagnostic[] = [];
  /** Opens what is vaulted. */
  readonly keyring: Keyring;
  readonly #hosts = new Map<string, HostDraft>();
  readonly #groups = new Map<string, GroupDraft>();
  #source: string | undefined;

  constructor(keyring: Keyring) {
    this.keyring = keyring;
    this.group("all");
    this.group("ungrouped");
    this.addChild("all", "ungrouped");
  }

  /** What is added from now on comes from here. */
  startSource(source: string): void {
    this.#source = source;
  }

  hasGroup(name: string): boolean {
    return this.#groups.has(name);
  }

  /** @throws DiagnosticsError for a name that is empty. */
  group(name: string, at?: SourceRange): void {
    if (name === "")
      throw inputError("inventory-syntax", "a group must have a name", at === undefined ? {} : { at });
    if (this.#groups.has(name)) return;
    if (CONTROL_CHARACTERS.test(name))
      throw inputError(
        "inventory-syntax",
        `${JSON.stringify(name)} can't be the name of a group: there are control characters in it`,
        at === undefined ? {} : { at },
      );
    this.#groups.set(name, {
      hosts: new Set(),
      children: new Set(),
      parents: new Set(),
      variables: new Map(),
      priority: 1,
    });
  }

  /** @param port counts for a host that nobody has named before, as in Ansible. */
  addHost(group: string, host: string, { at, port }: { at?: SourceRange; port?: number } = {}): void {
    if (host === "")
      throw inputError("inventory-syntax", "a host must have a name", at === undefined ? {} : { at });
    if (CONTROL_CHARACTERS.test(host))
      throw inputError(
        "inventory-syntax",
        `${JSON.stringify(host)} can't be the name of a host: there are control characters in it`,
        { ...(at === undefined ? {} : { at }), hint: "is the file an inventory?" },
      );
    this.group(group, at);
    let draft = this.#hosts.get(host);
    if (draft === undefined) {
      draft = { variables: new Map(), groups: new Set(), at, source: this.#source };
      this.#hosts.set(host, draft);
      if (port !== undefined) {
        const where = at === undefined ? {} : { at };
        draft.variables.set("ansible_port", { value: { kind: "literal", value: port, ...where }, ...where });
      }
    }
    this.#groups.get(group)?.hosts.add(host);
    draft.groups.add(group);
  }

  hostVariable(host: string, name: string, variable: SourcedVariable): void {
    this.#hosts.get(host)?.variables.set(name, variable);
  }

  /** @throws DiagnosticsError when the group would become its own child. */
  addChild(group: string, child: string, at?: SourceRange): void {
    this.group(group, at);
    this.group(child, at);
    if (child === "all" && group !== "all")
      throw inputError("inventory-syntax", `\`all\` is no child of \`${group}\`: it holds every group`, {
        ...(at === undefined ? {} : { at }),
      });
    const way = this.#wayBetween(child, group);
    if (way !== undefined) {
      throw inputError(
        "inventory-syntax",
        `the group \`${child}\` is its own child: ${[...way, child].join(" -> ")}`,
        {
          ...(at === undefined ? {} : { at }),
          hint: "take one of these children out",
        },
      );
    }
    this.#groups.get(group)?.children.add(child);
    this.#groups.get(child)?.parents.add(group);
  }

  /** @throws DiagnosticsError for a priority that is no number. */
  groupVariable(group: string, name: string, variable: SourcedVariable): void {
    this.group(group, variable.at);
    const draft = this.#groups.get(group);
    if (name !== "ansible_group_priority") draft?.variables.set(name, variable);
    else if (draft !== undefined) draft.priority = priorityOf(group, variable);
  }

  build(sources: readonly string[]): Inventory {
    // Every group that no other has for a child is a child of `all`.
    for (const [name, { parents }] of this.#groups) {
      if (name !== "all" && parents.size === 0) this.addChild("all", name);
    }
    this.#fillUngrouped();
    const depths = this.#depths();
    const groups = new Map<string, Group>();
    for (const [name, draft] of this.#groups) {
      groups.set(name, {
        name,
        hosts: [...draft.hosts],
        children: [...draft.children],
        parents: [...draft.parents],
        variables: draft.variables,
        priority: draft.priority,
        depth: depths.get(name) ?? 0,
      });
    }
    return { hosts: this.#finishHosts(groups), groups, sources };
  }

  /** The groups that lead from one down to another, if any do. */
  #wayBetween(top: string, bottom: string): string[] | undefined {
    const cameFrom = new Map<string, string | undefined>([[bottom, undefined]]);
    for (const [name] of cameFrom) {
      if (name === top) {
        const way: string[] = [];
        for (let one: string | undefined = name; one !== undefined; one = cameFrom.get(one)) way.push(one);
        return way;
      }
      for (const parent of this.#groups.get(name)?.parents ?? [])
        if (!cameFrom.has(parent)) cameFrom.set(parent, name);
    }
    return undefined;
  }

  #fillUngrouped(): void {
    const ungrouped = this.#groups.get("ungrouped");
    for (const [name, { groups }] of this.#hosts) {
      const isGrouped = [...groups].some((group) => group !== "all" && group !== "ungrouped");
      if (isGrouped) {
        ungrouped?.hosts.delete(name);
        groups.delete("ungrouped");
      } else {
        ungrouped?.hosts.add(name);
        groups.add("ungrouped");
      }
    }
  }

  /** The longest way from `all`: parents are done before their children. */
  #depths(): Map<string, number> {
    const depths = new Map<string, number>();
    const waiting = new Map([...this.#groups].map(([name, { parents }]) => [name, parents.size]));
    const ready = [...waiting].filter(([, parents]) => parents === 0).map(([name]) => name);
    for (const name of ready) {
      const depth = depths.get(name) ?? 0;
      depths.set(name, depth);
      for (const child of this.#groups.get(name)?.children ?? []) {
        depths.set(child, Math.max(depths.get(child) ?? 0, depth + 1));
        const left = (waiting.get(child) ?? 0) - 1;
        waiting.set(child, left);
        if (left === 0) ready.push(child);
      }
    }
    return depths;
  }

  #finishHosts(groups: ReadonlyMap<string, Group>): Map<string, Host> {
    // Hosts of the same groups share one list: a large inventory has many hosts and few ways to be grouped.
    const lists = new Map<string, readonly string[]>();
    const hosts = new Map<string, Host>();
    for (const [name, draft] of this.#hosts) {
      const key = [...draft.groups].join("\0");
      let list = lists.get(key);
      if (list === undefined) {
        const all = new Set(draft.groups);
        // A set is walked on while it grows: so far up as there are parents.
        for (const group of all) for (const parent of groups.get(group)?.parents ?? []) all.add(parent);
        all.delete("all");
        list = inPrecedence([...all], groups);
        lists.set(key, list);
      }
      hosts.set(name, {
        name,
        variables: draft.variables,
        groups: list,
        ...(draft.at === undefined ? {} : { at: draft.at }),
        ...(draft.source === undefined ? {} : { source: draft.source }),
      });
    }
    return hosts;
  }
}

function priorityOf(group: string, { value, at }: SourcedVariable): number {
  const written = value.kind === "literal" ? value.value : undefined;
  const priority =
    typeof written === "boolean"
      ? Number(written)
      : typeof written === "number"
        ? Math.trunc(written)
        : undefined;
  if (priority !== undefined) return priority;
  if (typeof written === "string" && /^\s*[+-]?\d+\s*$/.test(written)) return Number(written);
  throw inputError(
    "inventory-syntax",
    `the ansible_group_priority of the group \`${group}\` is no whole number`,
    {
      ...(at === undefined ? {} : { at }),
      expected: "a number such as 10; where groups are equally deep, the higher one wins",
    },
  );
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
