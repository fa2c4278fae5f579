import { inputError } from "../diagnostics/diagnostic.ts";
import { inventoryAsJson, inventoryGraph, variablesOfHost } from "../inventory/show.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type HostOptions, inventoryOf } from "./read-input.ts";

export interface InventoryCommandOptions extends Pick<HostOptions, "inventory"> {
  list?: boolean;
  graph?: boolean;
  host?: string;
}

/** `plumb inventory`. */
export async function inventoryCommand(options: InventoryCommandOptions): Promise<ExitCode> {
  const inventory = await inventoryOf(options);
  if (options.host !== undefined) {
    if (!inventory.hosts.has(options.host))
      throw inputError("unknown-host", `the inventory has no host ${options.host}`);
    process.stdout.write(`${JSON.stringify(await variablesOfHost(inventory, options.host), undefined, 4)}\n`);
  } else if (options.graph === true) process.stdout.write(inventoryGraph(inventory));
  else process.stdout.write(`${JSON.stringify(await inventoryAsJson(inventory), undefined, 4)}\n`);
  return EXIT.ok;
}
