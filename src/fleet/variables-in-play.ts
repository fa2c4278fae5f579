import path from "node:path";
import { HostVariables } from "../converge/host-variables.ts";
import { withAllProblems } from "../diagnostics/all-problems.ts";
import { shownPath } from "../playbook/load-context.ts";
import type { Play, Playbook } from "../playbook/playbook.ts";
import type { VariableLayer } from "../variables/sourced.ts";
import type { ValueMap } from "../variables/value.ts";
import { readVariablesFile } from "../variables/variables-file.ts";
import { magicVariables } from "./magic-variables.ts";
import { firstFound, namesOf } from "./play-variable-files.ts";
import type { RunState } from "./run-state.ts";

/** A play and the hosts that it is about. */
export interface PlayHosts {
  playbook: Playbook;
  play: Play;
  /** The hosts of its pattern, within the limit. */
  hosts: readonly string[];
  /** Of these, the ones that run it together. */
  batchHosts: readonly string[];
}

/**
 * The variables of a host in a play, with what earlier plays have found out and set.
 *
 * @param isBehind whether another host has yet to come to where this one is.
 * @throws DiagnosticsError
 */
export async function variablesInPlay(
  state: RunState,
  playHosts: PlayHosts,
  host: string,
  isBehind: (other: string) => boolean,
): Promise<HostVariables> {
  const { play, playbook, hosts, batchHosts } = playHosts;
  const { options } = state;
  const common = {
    inventory: await state.inventoryLayers(host, playbook),
    connection: play.connection,
    roles: play.roles,
    keyring: state.keyring,
    extra: options.extraVariables,
    magic: magicVariables(host, state.inventory, {
      playbook,
      play,
      playHosts: hosts,
      batchHosts,
      checkMode: options.checkMode,
      diffMode: options.diffMode,
      run: options,
      leftOf: (some) => state.leftOf(some),
      hostvars: state.hostvars(playbook, isBehind),
    }),
  };
  const cached = await factsOfEarlierRuns(options.factCache, host);
  const own: VariableLayer = { level: "play vars", variables: play.variables };
  const make = (layers: readonly VariableLayer[]): HostVariables => {
    const variables = new HostVariables({ ...common, play: layers });
    const known = state.variablesOf(host);
    if (known !== undefined) variables.takeOver(known);
    else if (cached !== undefined) variables.joinCachedFacts(cached);
    return variables;
  };
  const answers = play.prompts.flatMap((prompt) => {
    const answer = options.answers?.get(prompt);
    return answer === undefined ? [] : [[prompt.name, answer] as const];
  });
  const layers =
    answers.length === 0 ? [own] : [own, { level: "play vars_prompt", variables: new Map(answers) }];
  let isAnyBad = false;
  await withAllProblems(play.variableFiles, async (entry) => {
    // The name of a file may be made of what a file before it says: behind one that can't be read it is not looked for.
    if (isAnyBad && namesOf(entry) === undefined) return;
    const scope = make(layers).scopeOf({ keywords: play.keywords });
    const wasBad = isAnyBad;
    isAnyBad = true;
    const file = firstFound(entry, path.dirname(playbook.file), scope);
    layers.push({
      level: "play vars_files",
      variables: await readVariablesFile(shownPath(file), state.keyring),
    });
    isAnyBad = wasBad;
  });
  state.reservedNames.lookAt(layers.filter(({ level }) => level === "play vars_files"));
  return make(layers);
}

async function factsOfEarlierRuns(folder: string | undefined, host: string): Promise<ValueMap | undefined> {
  if (folder === undefined) return undefined;
  const { cachedFacts } = await import("./fact-cache.ts");
  return cachedFacts(folder, host);
}
