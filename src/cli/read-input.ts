import { existsSync } from "node:fs";
import path from "node:path";
import { inputError } from "../diagnostics/diagnostic.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import type { ConnectionOverrides } from "../inventory/connection-variables.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { type InventoryOptions, loadInventory } from "../inventory/load-inventory.ts";
import { extraVariables } from "../variables/extra-variables.ts";
import type { VariableLayer } from "../variables/sourced.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import type { VaultOptions } from "./vault-options.ts";

/** Options that every command which connects to hosts has. */
export interface HostOptions extends VaultOptions {
  inventory?: string[];
  limit?: string;
  extraVars?: string[];
  forks?: string;
  become?: boolean;
  becomeUser?: string;
  becomeMethod?: string;
  askBecomePass?: boolean;
  user?: string;
  privateKey?: string;
  timeout?: string;
  acceptNewHostKeys?: boolean;
}

/** @throws DiagnosticsError */
export async function inventoryOf(
  options: Pick<HostOptions, "inventory">,
  keyring: Keyring,
  how: Omit<InventoryOptions, "keyring"> = {},
): Promise<Inventory> {
  const sources = options.inventory ?? defaultInventory();
  if (sources.length === 0) {
    throw inputError("invalid-option", "which hosts? There is no inventory", {
      expected: "-i inventory/production, -i hosts.yml or -i 'host1,host2,'",
      hint: "PLUMB_INVENTORY sets it for good; for plays on this machine, -i localhost, will do",
    });
  }
  return loadInventory(sources, { keyring, ...how });
}

function defaultInventory(): string[] {
  const set = process.env["PLUMB_INVENTORY"];
  return set === undefined || set === "" ? [] : [set];
}

export async function extraVariablesOf(options: HostOptions, keyring: Keyring): Promise<VariableLayer> {
  return extraVariables(options.extraVars ?? [], keyring);
}

/** Where cacheable facts are kept: nowhere, unless somebody says so. */
export function factCacheOf(option: string | undefined): { factCache?: string } {
  const folder = option ?? process.env["PLUMB_FACT_CACHE"];
  return folder === undefined || folder === "" ? {} : { factCache: folder };
}

/** @throws DiagnosticsError when --ask-become-pass has no terminal to ask on. */
export async function connectionOf(options: HostOptions, secrets: Secrets): Promise<ConnectionOverrides> {
  const overrides: ConnectionOverrides = {
    becomeMethod: options.becomeMethod === "su" ? "su" : "sudo",
    hostKeyPolicy: options.acceptNewHostKeys === true ? "accept-new" : "strict",
  };
  if (options.timeout !== undefined)
    overrides.connectTimeoutMs = wholeNumber("--timeout", options.timeout) * 1000;
  if (options.user !== undefined) overrides.user = options.user;
  if (options.privateKey !== undefined) overrides.privateKeyFile = options.privateKey;
  if (options.askBecomePass === true) {
    const { askPassword } = await import("./ask-password.ts");
    overrides.becomePassword = await askPassword(
      "Become password: ",
      "set ansible_become_password for the hosts instead",
    );
    secrets.add(overrides.becomePassword);
  }
  return overrides;
}

/** Many of them are seconds, and no timer of Node.js runs for longer than 24 days: it would be over at once. */
const LARGEST_NUMBER = 2_000_000;

/** @throws DiagnosticsError invalid-option */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= LARGEST_NUMBER) return value;
  throw inputError(
    "invalid-option",
    `${option} ${text}: this is no whole number ${value > LARGEST_NUMBER ? `up to ${LARGEST_NUMBER}` : "above 0"}`,
  );
}

/** The roles that ship with Plumb: beside its package.json, wherever the code that runs was built to. */
export function shippedRoles(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, "package.json")) && folder !== path.dirname(folder))
    folder = path.dirname(folder);
  return path.join(folder, "roles");
}
