import { redactMap } from "../variables/redact-value.ts";
import type { VariableLayer } from "../variables/sourced.ts";
import type { Templated } from "../variables/templated.ts";
import type { Value, ValueMap } from "../variables/value.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { VAULT_KEY } from "../variables/vault/vaulted-value.ts";
import { type Inventory, membersOf } from "./inventory.ts";
import { groupAndHostVariables, groupVariables, hostOnlyVariables } from "./variable-layers.ts";

export interface ShowOptions {
  /** Opens what is vaulted, and knows what must not be shown. */
  keyring: Keyring;
  /** Variables with the groups that have them, instead of all of them with the hosts (`ansible-inventory --export`). */
  export?: boolean;
}

/** The inventory as `ansible-inventory --list` prints it; keys in the order of their characters. */
export async function inventoryAsJson(inventory: Inventory, options: ShowOptions): Promise<ValueMap> {
  const { keyring } = options;
  const result: Record<string, ValueMap> = {};
  for (const group of inventory.groups.values()) {
    const entry: ValueMap = {};
    if (group.children.length > 0) entry["children"] = [...group.children];
    if (group.hosts.length > 0 && group.name !== "all") entry["hosts"] = [...group.hosts];
    if (options.export === true) {
      const variables = await variablesOfGroup(inventory, group.name, keyring);
      if (Object.keys(variables).length > 0) entry["vars"] = variables;
    }
    if (Object.keys(entry).length > 0) result[group.name] = entry;
  }
  const hostvars: ValueMap = {};
  for (const host of membersOf("all", inventory)) {
    const variables =
      options.export === true
        ? written(await hostOnlyVariables(inventory, host, { keyring, onlyToShow: true }), keyring)
        : await variablesOfHost(inventory, host, keyring);
    if (Object.keys(variables).length > 0) hostvars[host] = variables;
  }
  return { ...result, _meta: { hostvars } };
}

/**
 * The inventory variables of a host; templates are shown as they are written, because nothing is rendered yet. So are values that are vaulted by
 * themselves; what stands in files that are vaulted as a whole is hidden.
 */
export async function variablesOfHost(
  inventory: Inventory,
  host: string,
  keyring: Keyring,
): Promise<ValueMap> {
  return written(await groupAndHostVariables(inventory, host, { keyring, onlyToShow: true }), keyring);
}

async function variablesOfGroup(inventory: Inventory, group: string, keyring: Keyring): Promise<ValueMap> {
  const variables = written(await groupVariables(inventory, group, keyring), keyring);
  const priority = inventory.groups.get(group)?.priority ?? 1;
  return priority === 1 ? variables : { ...variables, ansible_group_priority: priority };
}

function written(layers: readonly VariableLayer[], keyring: Keyring): ValueMap {
  const variables: ValueMap = {};
  for (const layer of layers) {
    for (const [name, { value }] of layer.variables) variables[name] = asWritten(value);
  }
  return redactMap(variables, keyring.secrets);
}

function asWritten(templated: Templated): Value {
  switch (templated.kind) {
    case "literal":
      return templated.value;
    case "text":
      return templated.template.vaulted === true
        ? { [VAULT_KEY]: templated.template.source }
        : templated.template.source;
    case "expression":
      return templated.expression.source;
    case "list":
      return templated.items.map(asWritten);
    case "map":
      return Object.fromEntries(templated.entries.map(({ key, value }) => [key, asWritten(value)]));
  }
}

/** A value as JSON with its keys sorted, as `ansible-inventory` prints it. */
export function sortedJson(value: Value): string {
  return JSON.stringify(
    value,
    (_, one: Value) =>
      typeof one === "object" && one !== null && !Array.isArray(one)
        ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
        : one,
    4,
  );
}

/**
 * Groups and hosts as a tree, as `ansible-inventory --graph` prints it.
 *
 * @param top the group to begin with.
 * @param options `withVariables` is `--vars`: with the variables of hosts and groups.
 */
export async function inventoryGraph(
  inventory: Inventory,
  top: string,
  options: { keyring: Keyring; withVariables?: boolean },
): Promise<string> {
  const { keyring, withVariables = false } = options;
  const lines: string[] = [];
  const show = (text: string, depth: number): void => {
    lines.push(depth === 0 ? text : `${"  |".repeat(depth)}--${text}`);
  };
  const showVariables = (variables: ValueMap, depth: number): void => {
    for (const [name, value] of Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1)))
      show(`{${name} = ${typeof value === "string" ? value : JSON.stringify(value)}}`, depth);
  };
  const finish = async (name: string, depth: number): Promise<void> => {
    for (const host of name === "all" ? [] : (inventory.groups.get(name)?.hosts ?? [])) {
      show(host, depth + 1);
      if (withVariables) showVariables(await variablesOfHost(inventory, host, keyring), depth + 2);
    }
    if (withVariables) showVariables(await variablesOfGroup(inventory, name, keyring), depth + 1);
  };
  // However deep groups are in each other.
  const waiting = [{ name: top, depth: 0, isBegun: false }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { name, depth, isBegun } = next;
    if (isBegun) await finish(name, depth);
    else {
      show(`@${name}:`, depth);
      waiting.push({ name, depth, isBegun: true });
      const children = [...(inventory.groups.get(name)?.children ?? [])].reverse();
      waiting.push(...children.map((child) => ({ name: child, depth: depth + 1, isBegun: false })));
    }
  }
  return `${lines.join("\n")}\n`;
}
