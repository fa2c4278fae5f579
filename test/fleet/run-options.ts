import type { RunOptions } from "../../src/fleet/run-options.ts";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import { loadPlaybook } from "../../src/playbook/load-playbook.ts";
import { extraVariables } from "../../src/variables/extra-variables.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";

/** A check of playbooks that connects to this machine at most. */
export async function checkOptions(
  sources: readonly string[],
  playbooks: readonly string[] = [],
  extra: readonly string[] = [],
): Promise<RunOptions> {
  const keyring = new Keyring();
  return {
    runId: "test",
    inventory: await loadInventory(sources, { keyring }),
    playbooks: await Promise.all(playbooks.map((file) => loadPlaybook(file, { rolePaths: [], keyring }))),
    tags: [],
    skipTags: [],
    extraVariables: await extraVariables(extra, keyring),
    checkMode: true,
    diffMode: true,
    forks: 1,
    connection: { becomeMethod: "sudo", hostKeyPolicy: "strict", connectTimeoutMs: 1000 },
    defaultUser: { become: false, becomeUser: "root", becomeMethod: "sudo" },
    secrets: keyring.secrets,
    keyring,
    emit: () => undefined,
    stopping: new AbortController().signal,
    aborting: new AbortController().signal,
  };
}
