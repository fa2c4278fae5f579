import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import type { RunOptions } from "../fleet/run-options.ts";
import { forksOf } from "./forks.ts";
import { interruption } from "./interruption.ts";
import { connectionOf, extraVariablesOf, factCacheOf, type HostOptions, inventoryOf } from "./read-input.ts";
import { keyringOf } from "./vault-options.ts";

/**
 * What ping, facts and exec need to connect to hosts: a run without a playbook.
 *
 * @param how `onlyAsks`: nothing on a host has to come to its end, so who stops it waits for nothing.
 */
export async function hostRunOptions(
  options: HostOptions,
  { onlyAsks = false }: { onlyAsks?: boolean } = {},
): Promise<RunOptions> {
  const keyring = await keyringOf(options);
  const { secrets } = keyring;
  const { stopping, aborting } = interruption();
  return withoutSecrets(secrets, async () => ({
    runId: "ad-hoc",
    inventory: await inventoryOf(options, keyring),
    playbooks: [],
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    tags: [],
    skipTags: [],
    extraVariables: await extraVariablesOf(options, keyring),
    ...factCacheOf(undefined),
    checkMode: true,
    diffMode: false,
    forks: forksOf(options.forks),
    connection: await connectionOf(options, secrets),
    defaultUser: {
      become: options.become === true,
      becomeUser: options.becomeUser ?? "root",
      becomeMethod: options.becomeMethod === "su" ? "su" : "sudo",
    },
    secrets,
    keyring,
    emit: () => undefined,
    stopping,
    aborting: onlyAsks ? stopping : aborting,
  }));
}
