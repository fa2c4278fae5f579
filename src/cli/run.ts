import { inputError } from "../diagnostics/diagnostic.ts";
import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import { type PlanOptions, planPlays } from "../fleet/plan-plays.ts";
import { run as runPlaybooks } from "../fleet/run.ts";
import type { RunOptions } from "../fleet/run-options.ts";
import { present } from "../playbook/present.ts";
import type { TagSelection } from "../playbook/tags.ts";
import type { DatabaseAddress } from "../postgresql/database-address.ts";
import { recordRun } from "../records/record-run.ts";
import { newRunId } from "../records/run-id.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { openView } from "../views/open-view.ts";
import { OUTPUT_FORMATS, type Output, type OutputFormat } from "../views/view.ts";
import type { WorkerPool } from "../workers/worker-pool.ts";
import { consoleOutput } from "./console-output.ts";
import { type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { interruption } from "./interruption.ts";
import {
  answersOf,
  type LoadedRun,
  loadPlaybookRun,
  type PlaybookRunOptions,
  runOptionsOf,
} from "./playbook-run.ts";
import { sharedRecordOf } from "./shared-database.ts";
import { keyringOf } from "./vault-options.ts";
import { VERSION } from "./version.ts";

export interface RunCommandOptions extends PlaybookRunOptions {
  check?: boolean;
  diff?: boolean;
  output?: string;
  verbose?: number;
  detailedExitcode?: boolean;
  syntaxCheck?: boolean;
  listHosts?: boolean;
  listTasks?: boolean;
  listTags?: boolean;
  step?: boolean;
  /** A database for the same record, or false for none at all. */
  record?: string | boolean;
  resume?: string | true;
  /** The database through which workers are given hosts. */
  workers?: string;
}

/** `plumb run`: brings hosts to the state that playbooks describe. */
export async function runCommand(
  playbookFiles: readonly string[],
  options: RunCommandOptions,
): Promise<ExitCode> {
  const keyring = await keyringOf(options);
  return withoutSecrets(keyring.secrets, async () => {
    const { shared } = await sharedRecordOf(options.record, keyring.secrets);
    return runWith(keyring, playbookFiles, { ...options, ...present("shared", shared) });
  });
}

interface CheckedOptions extends RunCommandOptions {
  shared?: DatabaseAddress;
}

async function runWith(
  keyring: Keyring,
  playbookFiles: readonly string[],
  options: CheckedOptions,
): Promise<ExitCode> {
  const isList = options.listHosts === true || options.listTasks === true || options.listTags === true;
  // Which hosts are left of an earlier run is known when its record has been read.
  const connectEarly =
    !isList && options.syntaxCheck !== true && options.resume === undefined && options.workers === undefined;
  if (options.workers !== undefined && (options.step === true || options.resume !== undefined))
    throw inputError("invalid-option", "--workers does not go with --step and --resume");
  const loaded = await loadPlaybookRun(keyring, playbookFiles, options, { connectEarly });
  try {
    return await runLoaded(loaded, isList, playbookFiles, options);
  } finally {
    await loaded.early?.closeRest();
  }
}

async function runLoaded(
  loaded: LoadedRun,
  isList: boolean,
  playbookFiles: readonly string[],
  options: CheckedOptions,
): Promise<ExitCode> {
  const {
    chosen,
    selection,
    keyring: { secrets },
  } = loaded;
  const output = consoleOutput();
  if (options.syntaxCheck === true) {
    output.write("The playbooks and the inventory are well formed.\n");
    return 0;
  }
  if (isList) {
    await writeList(playbookFiles, chosen, selection, options, output);
    return 0;
  }
  const resumed =
    options.resume === undefined ? undefined : await resumeOf(loaded, playbookFiles, options.resume);
  const answers = await answersOf(loaded);
  const format = formatOf(options.output, output.hasMovableRows && options.step !== true);
  const viewOptions = { output, diff: options.diff === true, verbosity: options.verbose ?? 0 };
  let view = await openView(format, viewOptions);
  const { stopping, aborting, release } = interruption();
  // Rows that move and a question do not go together on one screen.
  const questions = await questionsOf(options, stopping, secrets, async () => {
    if (format !== "tty") return;
    await view.close();
    view = await openView("plain", viewOptions);
  });
  const id = newRunId();
  const checkMode = options.check === true;
  const recorded = { runId: id, checkMode, version: VERSION, secrets, ...present("shared", options.shared) };
  const recorder = options.record === false ? undefined : recordRun(recorded, (event) => view.show(event));
  const emit = recorder?.emit ?? ((event) => view.show(event));
  let pool: WorkerPool | undefined;
  try {
    if (options.workers !== undefined) {
      const { workerPool } = await import("./worker-pool.ts");
      const how = { runId: id, playbooks: playbookFiles, checkMode, diffMode: options.diff === true };
      const verbosity = options.verbose ?? 0;
      pool = await workerPool(options.workers, loaded, { ...how, verbosity, emit, aborting });
    }
    const run = await runOptionsOf(resumed?.loaded ?? loaded, {
      runId: id,
      answers,
      checkMode,
      diffMode: options.diff === true,
      verbosity: options.verbose ?? 0,
      emit,
      stopping,
      aborting,
    });
    const finished = await runPlaybooks({
      ...run,
      ...present("wants", questions?.wants),
      ...present("ask", questions?.ask),
      ...present("isDone", resumed?.isDone),
      ...present("elsewhere", pool),
    });
    return exitCodeOf(finished, options.detailedExitcode === true);
  } finally {
    questions?.close();
    release();
    await pool?.close();
    await recorder?.close();
    await view.close();
  }
}

/** What a person can be asked while it runs; nobody without a terminal, except with `--step`. */
async function questionsOf(
  options: RunCommandOptions,
  stopping: AbortSignal,
  secrets: Secrets,
  beforeFirst: () => Promise<void>,
): Promise<(Pick<RunOptions, "wants" | "ask"> & { close(): void }) | undefined> {
  if (options.step !== true && process.stdin.isTTY !== true) return undefined;
  const { askAtTerminal } = await import("./ask-at-terminal.ts");
  return askAtTerminal({ step: options.step === true, stopping, secrets, beforeFirst });
}

/**
 * `--resume`: the run of what an earlier one has left to do.
 *
 * @throws DiagnosticsError when there is no such run, or when it has left nothing.
 */
async function resumeOf(
  loaded: LoadedRun,
  files: readonly string[],
  asked: string | true,
): Promise<{ loaded: LoadedRun; isDone: NonNullable<RunOptions["isDone"]> }> {
  const [{ resumptionOf }, { recordFolder }, { hostsMatching }] = await Promise.all([
    import("../records/resumption.ts"),
    import("../records/record-folder.ts"),
    import("../inventory/pattern.ts"),
  ]);
  const { hosts, isDone } = resumptionOf(recordFolder(), files, asked === true ? undefined : asked);
  const { inventory, limit } = loaded.chosen;
  const within = limit === undefined ? undefined : new Set(hostsMatching(limit, inventory));
  const left = hosts.filter((host) => within?.has(host) ?? true);
  if (left.length === 0)
    throw inputError("no-hosts", `--resume: no host that was not done is within --limit ${limit ?? ""}`);
  return { loaded: { ...loaded, chosen: { ...loaded.chosen, limit: left.join(",") } }, isDone };
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

export function formatOf(wanted: string | undefined, hasMovableRows: boolean): OutputFormat {
  if (wanted === undefined) return hasMovableRows ? "tty" : "plain";
  const format = OUTPUT_FORMATS.find((one) => one === wanted);
  if (format !== undefined) return format;
  throw inputError("invalid-option", `--output ${wanted}: there is no such output`, {
    expected: OUTPUT_FORMATS.join(", "),
  });
}
