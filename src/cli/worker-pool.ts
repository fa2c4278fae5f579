import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Event } from "../converge/event.ts";
import { inputError } from "../diagnostics/diagnostic.ts";
import { databaseAddress } from "../postgresql/database-address.ts";
import { formatDuration } from "../views/duration.ts";
import { WorkerQueue } from "../workers/queue.ts";
import type { ReadLater } from "../workers/stays-here.ts";
import { WorkerPool } from "../workers/worker-pool.ts";
import { inputsOf, keptOptions } from "./plan.ts";
import type { LoadedRun } from "./playbook-run.ts";
import { withDatabase } from "./shared-database.ts";
import { VERSION } from "./version.ts";

/**
 * Opens the queue of `--workers` for a run.
 *
 * @throws DiagnosticsError for what workers can't know, and when the database can't be had
 */
export async function workerPool(
  database: string,
  loaded: LoadedRun,
  how: {
    runId: string;
    playbooks: readonly string[];
    checkMode: boolean;
    diffMode: boolean;
    verbosity: number;
    emit: (event: Event) => void;
    aborting: AbortSignal;
  },
): Promise<WorkerPool> {
  const { options, keyring } = loaded;
  const typed = (options.extraVars ?? []).filter((one) => !one.startsWith("@"));
  if (typed.length > 0)
    throw inputError(
      "invalid-option",
      "--workers: values typed behind -e would stand in the database, and may be secret",
      {
        hint: "put them into a file that workers have too, and give it with -e @file",
      },
    );
  if (options.factCache !== undefined)
    throw inputError("invalid-option", "--workers: workers can't share the folder of --fact-cache");
  const address = databaseAddress(database, {
    option: "--workers",
    isPublic: true,
    secrets: keyring.secrets,
  });
  const salt = randomBytes(16).toString("hex");
  const { runId, playbooks, checkMode, diffMode, verbosity, emit, aborting } = how;
  const specification = {
    version: VERSION,
    playbooks,
    options: keptOptions(options),
    checkMode,
    diffMode,
    verbosity,
    salt,
    inputs: await inputsOf(loaded, salt),
  };
  return withDatabase(address, async () => {
    const warn = (message: string): void =>
      emit({ type: "warning", time: new Date().toISOString(), message: keyring.secrets.redact(message) });
    const queue = await WorkerQueue.open(address, "plumb run", {
      away: (trouble, waitsMs) =>
        warn(
          `the database of the queue is away: ${trouble}; workers go on with what they have, and it is waited for ${formatDuration(waitsMs)}`,
        ),
      back: () => warn("the database of the queue is back"),
    });
    const files = readLater(Object.keys(specification.inputs), loaded.chosen.inventory.sources);
    return WorkerPool.open({ queue, runId, specification, files, emit, aborting });
  });
}

/** Of the files that a run is made of, those of variables and the templates. Of what is vaulted nothing can be seen. */
function readLater(inputs: readonly string[], inventory: readonly string[]): ReadLater[] {
  const sources = new Set(inventory.map((source) => path.resolve(source)));
  return inputs
    .filter(
      (file) =>
        /(^|\/)(group_vars|host_vars|vars|defaults|templates)\//.test(file) ||
        sources.has(path.resolve(file)),
    )
    .filter((file) => existsSync(file))
    .map((file) => ({ file, text: readFileSync(file, "utf8") }));
}
