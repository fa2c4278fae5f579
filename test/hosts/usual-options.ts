import path from "node:path";
import { Secrets } from "../../src/diagnostics/secrets.ts";
import type { RunOptions } from "../../src/fleet/run-options.ts";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import { loadPlaybook } from "../../src/playbook/load-playbook.ts";

/** A run of a playbook in this process, by an inventory, with the project's roles: as it is where nothing else is said. */
export async function usualOptions(
  inventory: string,
  playbook: string,
): Promise<Omit<RunOptions, "emit" | "runId">> {
  return {
    inventory: await loadInventory([inventory]),
    playbooks: [await loadPlaybook(playbook, { rolePaths: [path.resolve("roles")] })],
    tags: [],
    skipTags: [],
    extraVariables: { level: "extra vars", variables: new Map() },
    checkMode: false,
    diffMode: true,
    forks: 8,
    connection: { becomeMethod: "sudo", hostKeyPolicy: "strict", connectTimeoutMs: 10_000 },
    defaultUser: { become: false, becomeUser: "root", becomeMethod: "sudo" },
    secrets: new Secrets(),
    stopping: new AbortController().signal,
    aborting: new AbortController().signal,
  };
}
