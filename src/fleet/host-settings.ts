import { HostVariables } from "../converge/host-variables.ts";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import { connectionSettings } from "../inventory/connection-variables.ts";
import { hostsMatching } from "../inventory/pattern.ts";
import { groupAndHostVariables } from "../inventory/variable-layers.ts";
import { NOTHING_INHERITED } from "../playbook/load-context.ts";
import type { ConnectionSettings } from "../transport/connection-settings.ts";
import type { Scope } from "../variables/scope.ts";
import { Keyring } from "../variables/vault/keyring.ts";
import { openAll } from "../variables/vault/vaulted-value.ts";
import { eachFaultOnce, type HostFault } from "./host-faults.ts";
import type { RunOptions } from "./run-options.ts";

/** A host, its variables without a playbook, and how they say it is connected. */
export interface HostSettings {
  host: string;
  scope: Scope;
  settings: ConnectionSettings;
}

/**
 * The hosts that a pattern names within the limit, and how to connect to each. Nothing is connected here: one host that is written wrongly would end the command
 * while others are at work, and what they answered would be lost.
 *
 * @throws DiagnosticsError for a pattern that matches nothing, and with what is wrong with any of the hosts, each fault once.
 */
export async function settingsOfHosts(pattern: string, options: RunOptions): Promise<HostSettings[]> {
  const { inventory, limit } = options;
  const keyring = options.keyring ?? new Keyring(options.secrets);
  const within = limit === undefined ? undefined : new Set(hostsMatching(limit, inventory));
  const hosts = hostsMatching(pattern, inventory).filter((host) => within?.has(host) ?? true);
  const faults: HostFault[] = [];
  const found: HostSettings[] = [];
  for (const host of hosts) {
    try {
      const scope = await scopeOf(host, options, keyring);
      found.push({ host, scope, settings: connectionSettings(host, scope, options.connection) });
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      faults.push(...error.diagnostics.map((diagnostic) => ({ host, diagnostic })));
    }
  }
  if (faults.length > 0) throw new DiagnosticsError(eachFaultOnce(faults));
  return found;
}

async function scopeOf(host: string, options: RunOptions, keyring: Keyring): Promise<Scope> {
  const inventory = await groupAndHostVariables(options.inventory, host, {
    playbookFolder: undefined,
    keyring,
  });
  const variables = new HostVariables({
    inventory,
    play: [],
    keyring,
    extra: options.extraVariables,
    magic: { level: "magic variables", variables: new Map() },
  });
  const scope = variables.scopeOf({ keywords: NOTHING_INHERITED });
  // What the host says may have any of them in it.
  if (keyring.passwords.length > 0) {
    for (const layer of inventory) for (const { value } of layer.variables.values()) openAll(value, scope);
  }
  return scope;
}
