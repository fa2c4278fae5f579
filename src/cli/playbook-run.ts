import type { Event } from "../converge/event.ts";
import { withAllProblems } from "../diagnostics/all-problems.ts";
import { connectEarly } from "../fleet/connect-early.ts";
import type { EarlyConnections } from "../fleet/early-connections.ts";
import { ExpectedFacts } from "../fleet/expected-facts.ts";
import type { PlanOptions } from "../fleet/plan-plays.ts";
import type { RunOptions } from "../fleet/run-options.ts";
import { loadPlaybook } from "../playbook/load-playbook.ts";
import { present } from "../playbook/present.ts";
import { requireKnownTags, type TagSelection } from "../playbook/tags.ts";
import { ParsedFiles } from "../variables/parsed-files.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { rememberParsed } from "../variables/yaml-source.ts";
import { cacheFolder } from "./cache-folder.ts";
import { forksOf } from "./forks.ts";
import {
  connectionOf,
  extraVariablesOf,
  factCacheOf,
  type HostOptions,
  inventoryOf,
  shippedRoles,
  wholeNumber,
} from "./read-input.ts";

/** Options of the commands that run playbooks, to change hosts or only to look. */
export interface PlaybookRunOptions extends HostOptions {
  tags?: string[];
  skipTags?: string[];
  rolesPath?: string[];
  startAtTask?: string;
  factCache?: string;
  takeOver?: boolean;
}

/** Everything that is read before hosts are connected to. */
export interface LoadedRun {
  chosen: PlanOptions;
  selection: TagSelection;
  keyring: Keyring;
  options: PlaybookRunOptions;
  early?: EarlyConnections;
}

/**
 * @param how `connectEarly`: hosts are going to be connected, so that it can begin while the playbooks are read. The caller closes what is left of it.
 * @throws DiagnosticsError
 */
export async function loadPlaybookRun(
  keyring: Keyring,
  files: readonly string[],
  options: PlaybookRunOptions,
  how: { connectEarly?: boolean } = {},
): Promise<LoadedRun> {
  const name = JSON.stringify([process.cwd(), files, options.inventory ?? []]);
  const parsed = ParsedFiles.open(cacheFolder("yaml"), name);
  rememberParsed(parsed);
  let early: EarlyConnections | undefined;
  try {
    const inventory = await inventoryOf(options, keyring);
    const extraVariables = await extraVariablesOf(options, keyring);
    if (how.connectEarly === true && options.askBecomePass !== true) {
      early = await connectEarly({
        playbookFile: files[0] ?? "",
        inventory,
        extraVariables,
        limit: options.limit,
        forks: forksOf(options.forks),
        keyring,
        connection: await connectionOf(options, keyring.secrets),
      });
    }
    const rolePaths = [...(options.rolesPath ?? []), shippedRoles()];
    const playbooks = await withAllProblems(files, (file) => loadPlaybook(file, { rolePaths, keyring }));
    const selection = { tags: words(options.tags), skipTags: words(options.skipTags) };
    requireKnownTags(playbooks, selection);
    await parsed.keep();
    const chosen = { inventory, playbooks, extraVariables, ...present("limit", options.limit) };
    return { chosen, selection, keyring, options, ...present("early", early) };
  } catch (error) {
    await early?.closeRest();
    throw error;
  } finally {
    rememberParsed(undefined);
  }
}

/**
 * The run of what was loaded.
 *
 * @throws DiagnosticsError for options that are wrong, and when a prompt has nobody to answer it.
 */
export async function runOptionsOf(
  { chosen, selection, keyring, options, early }: LoadedRun,
  how: {
    runId: string;
    checkMode: boolean;
    diffMode: boolean;
    verbosity?: number;
    answers: NonNullable<RunOptions["answers"]>;
    emit: (event: Event) => void;
    stopping: AbortSignal;
    aborting: AbortSignal;
  },
): Promise<RunOptions> {
  return {
    ...chosen,
    ...selection,
    ...present("early", early),
    ...factCacheOf(options.factCache),
    expectedFacts: new ExpectedFacts(cacheFolder("facts")),
    readInventory: () => inventoryOf(options, keyring),
    ...present("startAtTask", options.startAtTask),
    forks: forksOf(options.forks),
    ...present("takeOver", options.takeOver),
    undoRuns: undoRuns(process.env["PLUMB_UNDO_RUNS"]),
    connection: await connectionOf(options, keyring.secrets),
    defaultUser: {
      become: options.become === true,
      becomeUser: options.becomeUser ?? "root",
      becomeMethod: options.becomeMethod === "su" ? "su" : "sudo",
    },
    secrets: keyring.secrets,
    keyring,
    ...how,
  };
}

/** How many runs keep on a host what they replaced. @throws DiagnosticsError invalid-option */
function undoRuns(set: string | undefined): number {
  if (set === undefined || set === "") return DEFAULT_UNDO_RUNS;
  return set === "0" ? 0 : wholeNumber("PLUMB_UNDO_RUNS", set);
}

const DEFAULT_UNDO_RUNS = 10;

/** Answers to the questions of `vars_prompt`. Nothing is loaded for playbooks that ask nothing. */
export async function answersOf({
  chosen: { playbooks, extraVariables },
  keyring,
}: LoadedRun): Promise<NonNullable<RunOptions["answers"]>> {
  if (playbooks.every(({ plays }) => plays.every(({ prompts }) => prompts.length === 0))) return new Map();
  const { answerPrompts } = await import("./answer-prompts.ts");
  return answerPrompts(playbooks, extraVariables, keyring.secrets);
}

function words(options: readonly string[] | undefined): string[] {
  return (options ?? []).flatMap((option) => option.split(",")).filter(Boolean);
}
