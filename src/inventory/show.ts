import { redactMap } from "../variables/redact-value.ts";
import type { Templated } from "../variables/templated.ts";
import type { Value, ValueMap } from "../variables/value.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { VAULT_KEY } from "../variables/vault/vaulted-value.ts";
import type { Inventory } from "./inventory.ts";
import { groupAndHostVariables } from "./variable-layers.ts";

/** The inventory as `ansible-inventory --list` prints it. */
export async function inventoryAsJson(inventory: Inventory, keyring: Keyring): Promise<ValueMap> {
  const hostvars: ValueMap = {};
  for (const host of inventory.hosts.keys()) {
    const variables = await variablesOfHost(inventory, host, keyring);
    if (Object.keys(variables).length > 0) hostvars[host] = variables;
  }
  const result: ValueMap = { _meta: { hostvars } };
  for (const group of inventory.groups.values()) {
    const entry: ValueMap = {};
    if (group.children.length > 0) entry["children"] = [...group.children];
    if (group.hosts.length > 0 && group.name !== "all") entry["hosts"] = [...group.hosts];
    if (Object.keys(entry).length > 0) result[group.name] = entry;
  }
  return result;
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
  const variables: ValueMap = {};
  for (const layer of await groupAndHostVariables(inventory, host, { playbookFolder: undefined, keyring })) {
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

/** Groups and hosts as a tree, as `ansible-inventory --graph` prints it. */
export function inventoryGraph(inventory: Inventory): string {
  const lines: string[] = ["@all:"];
  const walk = (name: string, depth: number): void => {
    const group = inventory.groups.get(name);
    const prefix = `${"  |".repeat(depth)}--`;
    for (const child of group?.children ?? []) {
      lines.push(`${prefix}@${child}:`);
      walk(child, depth + 1);
    }
    if (name !== "all") for (const host of group?.hosts ?? []) lines.push(`${prefix}${host}`);
  };
  walk("all", 1);
  return `${lines.join("\n")}\n`;
}
