import { randomBytes } from "node:crypto";
import { inputError } from "../diagnostics/diagnostic.ts";
import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import { type PlanOptions, planPlays } from "../fleet/plan-plays.ts";
import { run as runPlaybooks } from "../fleet/run.ts";
import type { RunOptions } from "../fleet/run-options.ts";
import { loadPlaybook } from "../playbook/load-playbook.ts";
import type { Playbook } from "../playbook/playbook.ts";
import { present } from "../playbook/present.ts";
import { requireKnownTags, type TagSelection } from "../playbook/tags.ts";
import { recordRun } from "../records/record-run.ts";
import type { VariableLayer } from "../variables/sourced.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { openView } from "../views/open-view.ts";
import type { Output, OutputFormat } from "../views/view.ts";
import { consoleOutput } from "./console-output.ts";
import { type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { interruption } from "./interruption.ts";
import {
  connectionOf,
  DEFAULT_FORKS,
  extraVariablesOf,
  factCacheOf,
  type HostOptions,
  inventoryOf,
  shippedRoles,
  wholeNumber,
} from "./read-input.ts";
import { keyringOf } from "./vault-options.ts";
import { VERSION } from "./version.ts";

export interface RunCommandOptions extends HostOptions {
  tags?: string[];
  skipTags?: string[];
  check?: boolean;
  diff?: boolean;
  output?: string;
  verbose?: number;
  detailedExitcode?: boolean;
  rolesPath?: string[];
  syntaxCheck?: boolean;
  listHosts?: boolean;
  listTasks?: boolean;
  listTags?: boolean;
  step?: boolean;
  startAtTask?: string;
  factCache?: string;
  record?: boolean;
}

/** `plumb run`: brings hosts to the state that playbooks describe. */
export async function runCommand(
  playbookFiles: readonly string[],
  options: RunCommandOptions,
): Promise<ExitCode> {
  const keyring = await keyringOf(options);
  return withoutSecrets(keyring.secrets, () => runWith(keyring, playbookFiles, options));
}

async function runWith(
  keyring: Keyring,
  playbookFiles: readonly string[],
  options: RunCommandOptions,
): Promise<ExitCode> {
  const { secrets } = keyring;
  const rolePaths = [...(options.rolesPath ?? []), shippedRoles()];
  const playbooks = [];
  for (const file of playbookFiles) playbooks.push(await loadPlaybook(file, { rolePaths, keyring }));
  const selection = { tags: words(options.tags), skipTags: words(options.skipTags) };
  requireKnownTags(playbooks, selection);
  const inventory = await inventoryOf(options, keyring);
  const extra = await extraVariablesOf(options, keyring);
  const output = consoleOutput();
  if (options.syntaxCheck === true) {
    output.write("The playbooks and the inventory are well formed.\n");
    return 0;
  }
  const chosen = { inventory, playbooks, extraVariables: extra, ...present("limit", options.limit) };
  if (options.listHosts === true || options.listTasks === true || options.listTags === true) {
    await writeList(playbookFiles, chosen, selection, options, output);
    return 0;
  }
  const answers = await answersOf(playbooks, extra, secrets);
  const format = formatOf(options.output, output.isTerminal && options.step !== true);
  const view = await openView(format, {
    output,
    diff: options.diff === true,
    verbosity: options.verbose ?? 0,
  });
  const { stopping, aborting, release } = interruption();
  const step = options.step === true ? (await import("./ask-step.ts")).askStep(stopping) : undefined;
  const id = runId();
  const recorder =
    options.record === false
      ? undefined
      : recordRun({ runId: id, checkMode: options.check === true, version: VERSION, secrets }, (event) =>
          view.show(event),
        );
  try {
    const finished = await runPlaybooks({
      runId: id,
      ...chosen,
      answers,
      ...factCacheOf(options.factCache),
      ...selection,
      readInventory: () => inventoryOf(options, keyring),
      ...present("startAtTask", options.startAtTask),
      ...present("wants", step?.wants),
      checkMode: options.check === true,
      diffMode: options.diff === true,
      forks: wholeNumber("--forks", options.forks ?? DEFAULT_FORKS),
      connection: await connectionOf(options, secrets),
      defaultUser: {
        become: options.become === true,
        becomeUser: options.becomeUser ?? "root",
        becomeMethod: options.becomeMethod === "su" ? "su" : "sudo",
      },
      secrets,
      keyring,
      emit: recorder?.emit ?? ((event) => view.show(event)),
      stopping,
      aborting,
    });
    return exitCodeOf(finished, options.detailedExitcode === true);
  } finally {
    step?.close();
    release();
    await recorder?.close();
    await view.close();
  }
}

/** `--list-hosts`, `--list-tasks`, `--list-tags`: no host is touched. */
async function writeList(
  files: readonly string[],
  chosen: PlanOptions,
  selection: TagSelection,
  options: RunCommandOptions,
  output: Output,
): Promise<void> {
  const { playbookList } = await import("../views/playbook-list.ts");
  const listed = {
    hosts: options.listHosts === true,
    tasks: options.listTasks === true,
    tags: options.listTags === true,
  };
  const plays = planPlays(chosen).map(({ run, plan }) => run ?? plan(chosen.inventory));
  for (const [index, file] of files.entries()) {
    const own = plays.filter(({ playbook }) => playbook === chosen.playbooks[index]);
    output.write(`${playbookList(file, own, listed, selection).join("\n")}\n`);
  }
}

/** Nothing is loaded for playbooks that ask nothing. */
async function answersOf(
  playbooks: readonly Playbook[],
  extra: VariableLayer,
  secrets: Secrets,
): Promise<NonNullable<RunOptions["answers"]>> {
  if (playbooks.every(({ plays }) => plays.every(({ prompts }) => prompts.length === 0))) return new Map();
  const { answerPrompts } = await import("./answer-prompts.ts");
  return answerPrompts(playbooks, extra, secrets);
}

const FORMATS: readonly OutputFormat[] = ["tty", "plain", "json", "junit"];

function formatOf(wanted: string | undefined, isTerminal: boolean): OutputFormat {
  if (wanted === undefined) return isTerminal ? "tty" : "plain";
  const format = FORMATS.find((one) => one === wanted);
  if (format !== undefined) return format;
  throw inputError("invalid-option", `--output ${wanted}: there is no such output`, {
    expected: FORMATS.join(", "),
  });
}

function words(options: readonly string[] | undefined): string[] {
  return (options ?? []).flatMap((option) => option.split(",")).filter(Boolean);
}

/** Sorts by time and is never the same twice. */
function runId(): string {
  return `${new Date().toISOString().replace(/[-:]|\.\d+Z$/g, "")}-${randomBytes(3).toString("hex")}`;
}
