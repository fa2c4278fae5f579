import { inputError } from "../diagnostics/diagnostic.ts";
import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import { inventoryAsJson, inventoryGraph, variablesOfHost } from "../inventory/show.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type HostOptions, inventoryOf } from "./read-input.ts";
import { keyringOf, type VaultOptions } from "./vault-options.ts";

export interface InventoryCommandOptions extends Pick<HostOptions, "inventory">, VaultOptions {
  list?: boolean;
  graph?: boolean;
  host?: string;
}

/** `plumb inventory`. */
export async function inventoryCommand(options: InventoryCommandOptions): Promise<ExitCode> {
  const keyring = await keyringOf(options);
  return withoutSecrets(keyring.secrets, () => showInventory(options, keyring));
}

async function showInventory(options: InventoryCommandOptions, keyring: Keyring): Promise<ExitCode> {
  const inventory = await inventoryOf(options, keyring);
  if (options.host !== undefined) {
    if (!inventory.hosts.has(options.host))
      throw inputError("unknown-host", `the inventory has no host ${options.host}`);
    const variables = await variablesOfHost(inventory, options.host, keyring);
    process.stdout.write(`${JSON.stringify(variables, undefined, 4)}\n`);
  } else if (options.graph === true) process.stdout.write(inventoryGraph(inventory));
  else process.stdout.write(`${JSON.stringify(await inventoryAsJson(inventory, keyring), undefined, 4)}\n`);
  return EXIT.ok;
}
