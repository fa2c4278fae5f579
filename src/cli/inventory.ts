import { inputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { inventoryAsJson, inventoryGraph, sortedJson, variablesOfHost } from "../inventory/show.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { safeText } from "../views/safe-text.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type HostOptions, inventoryOf } from "./read-input.ts";
import { keyringOf, type VaultOptions } from "./vault-options.ts";

export interface InventoryCommandOptions extends Pick<HostOptions, "inventory">, VaultOptions {
  list?: boolean;
  graph?: boolean;
  host?: string;
  export?: boolean;
  vars?: boolean;
}

/** `plumb inventory`. */
export async function inventoryCommand(
  group: string | undefined,
  options: InventoryCommandOptions,
): Promise<ExitCode> {
  const keyring = await keyringOf(options);
  return withoutSecrets(keyring.secrets, async () => {
    const inventory = await inventoryOf(options, keyring, { onlyToShow: true });
    // Also what a program passes on from strangers; in JSON it is the same text as before.
    const text = await shown(inventory, keyring, { ...options, group });
    process.stdout.write(safeText(text, { newlines: true }));
    return EXIT.ok;
  });
}

async function shown(
  inventory: Inventory,
  keyring: Keyring,
  { group, ...options }: InventoryCommandOptions & { group: string | undefined },
): Promise<string> {
  if (options.host !== undefined) {
    if (!inventory.hosts.has(options.host)) {
      const meant = didYouMean(options.host, [...inventory.hosts.keys()]);
      throw inputError("unknown-host", `the inventory has no host ${options.host}`, {
        ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
      });
    }
    return `${sortedJson(await variablesOfHost(inventory, options.host, keyring))}\n`;
  }
  if (options.graph !== true) {
    return `${sortedJson(await inventoryAsJson(inventory, { keyring, export: options.export === true }))}\n`;
  }
  const top = group ?? "all";
  if (!inventory.groups.has(top)) {
    const meant = didYouMean(top, [...inventory.groups.keys()]);
    throw inputError("pattern-matches-nothing", `the inventory has no group ${top}`, {
      ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
    });
  }
  return inventoryGraph(inventory, top, { keyring, withVariables: options.vars === true });
}
