import path from "node:path";
import { type ConnectionOverrides, connectionSettings } from "../inventory/connection-variables.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { hostsMatching } from "../inventory/pattern.ts";
import { groupAndHostVariables } from "../inventory/variable-layers.ts";
import { createScope } from "../variables/host-scope.ts";
import type { VariableLayer } from "../variables/sourced.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import type { Written } from "../variables/written.ts";
import { readYaml } from "../variables/yaml-source.ts";
import { EarlyConnections } from "./early-connections.ts";
import { shownFolder } from "./shown-folder.ts";

export interface EarlyOptions {
  playbookFile: string;
  inventory: Inventory;
  extraVariables: VariableLayer;
  limit: string | undefined;
  forks: number;
  keyring: Keyring;
  connection: ConnectionOverrides;
}

/**
 * Begins to connect the hosts of a playbook's first play, before the rest of it is read. It takes only what is certain: hosts that start together, in a play that
 * asks nobody anything. What is wrong is not told here: the run comes to it again.
 */
export async function connectEarly(options: EarlyOptions): Promise<EarlyConnections> {
  const early = new EarlyConnections();
  try {
    const { contents } = await readYaml(options.playbookFile, options.keyring);
    const pattern = firstPattern(contents);
    if (pattern === undefined) return early;
    const { inventory, limit, forks } = options;
    const within = limit === undefined ? undefined : new Set(hostsMatching(limit, inventory));
    const hosts = hostsMatching(pattern, inventory).filter((host) => within?.has(host) !== false);
    const begun = hosts.slice(0, forks);
    for (const host of begun) {
      const settings = await settingsOf(host, options);
      // There is nothing to wait for, and it may be shared.
      if (settings.connection !== "local") early.open(settings, begun.length);
    }
  } catch {
    // An inventory or a playbook with something wrong in it: loading them says what.
  }
  return early;
}

async function settingsOf(
  host: string,
  { playbookFile, inventory, extraVariables, keyring, connection }: EarlyOptions,
): Promise<ReturnType<typeof connectionSettings>> {
  const playbookFolder = shownFolder(path.dirname(path.resolve(playbookFile)));
  const layers = await groupAndHostVariables(inventory, host, { playbookFolder, keyring });
  const name = { value: { kind: "literal", value: host } } as const;
  const magic = { level: "magic variables", variables: new Map([["inventory_hostname", name]]) };
  const scope = createScope({ layers: [...layers, extraVariables, magic], keyring });
  return connectionSettings(host, scope, connection);
}

/** The hosts of the first play, where they are written out and begin together. */
function firstPattern(playbook: Written | null): string | undefined {
  const play = playbook?.kind === "list" ? playbook.items[0] : undefined;
  if (play?.kind !== "map") return undefined;
  const keys = new Map(
    play.pairs.map(({ key, value }) => [
      key !== null && typeof key === "object" && key.kind === "scalar" ? key.value : key,
      value,
    ]),
  );
  if (keys.has("serial") || keys.has("vars_prompt")) return undefined;
  const hosts = keys.get("hosts");
  const names = hosts?.kind === "list" ? hosts.items : [hosts];
  const words = names.map((name) => (name?.kind === "scalar" ? name.value : undefined));
  const isWritten = words.every(
    (word) => typeof word === "string" && word !== "localhost" && !word.includes("{{"),
  );
  return isWritten ? words.join(",") : undefined;
}
