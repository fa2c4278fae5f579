import { existsSync, realpathSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import type { RunOptions } from "../fleet/run-options.ts";
import { movedInputs } from "../plans/compare-plans.ts";
import { databaseTrouble } from "../postgresql/connect-database.ts";
import { databaseAddress } from "../postgresql/database-address.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { formatDuration } from "../views/duration.ts";
import { safeText } from "../views/safe-text.ts";
import { type RunSpecification, WorkerQueue } from "../workers/queue.ts";
import { work } from "../workers/work.ts";
import { consoleOutput } from "./console-output.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { forksOf } from "./forks.ts";
import { interruption } from "./interruption.ts";
import { inputsOf, keptOptions } from "./plan.ts";
import { loadPlaybookRun, type PlaybookRunOptions, runOptionsOf } from "./playbook-run.ts";
import type { HostOptions } from "./read-input.ts";
import { withDatabase } from "./shared-database.ts";
import { keyringOf } from "./vault-options.ts";
import { VERSION } from "./version.ts";

/** A database that was lost is tried again after so long. */
const AGAIN_MS = 5_000;

/** `plumb worker`: works on hosts for runs with `--workers`. */
export async function workerCommand(database: string, options: HostOptions): Promise<ExitCode> {
  const keyring = await keyringOf(options);
  const { secrets } = keyring;
  return withoutSecrets(secrets, async () => {
    const address = databaseAddress(database, { option: "the database", isPublic: true, secrets });
    const forks = forksOf(options.forks);
    const output = consoleOutput();
    const tell = (line: string): void => output.write(`${safeText(secrets.redact(line))}\n`);
    const { stopping, aborting, release } = interruption();
    const open = (): Promise<WorkerQueue> =>
      WorkerQueue.open(address, `plumb worker on ${hostname()}`, {
        away: (trouble, waitsMs) =>
          tell(
            `the database is away: ${trouble}; hosts under way go on, and it is waited for ${formatDuration(waitsMs)}`,
          ),
        back: () => tell("the database is back"),
      });
    // The first time, an address that is wrong is input that is wrong; later the database is only away.
    let queue: WorkerQueue | undefined = await withDatabase(address, open);
    while (!stopping.aborted) {
      try {
        queue ??= await open();
        tell(
          `worker ${queue.number}, process ${process.pid} on ${hostname()}: ready for up to ${forks} hosts at once`,
        );
        await work({ queue, forks, load: loaderOf(keyring, options), tell, stopping, aborting });
      } catch (error) {
        if (stopping.aborted) break;
        tell(`the database is away: ${databaseTrouble(error)}; trying again`);
        await wait(AGAIN_MS, undefined, { signal: stopping }).catch(() => undefined);
      }
      queue?.end();
      queue = undefined;
    }
    release();
    return EXIT.ok;
  });
}

/** @throws Error for a path that leads out of the folder that the worker was started in */
function requireInside(paths: readonly string[]): void {
  for (const one of paths) {
    const way = path.relative(realpathSync("."), existsSync(one) ? realpathSync(one) : path.resolve(one));
    if (way.startsWith("..") || path.isAbsolute(way))
      throw new Error(`${one} is not inside of the folder that this worker was started in`);
  }
}

/** How this worker loads a run: from the files here, which must be the run's. */
function loaderOf(keyring: Keyring, own: HostOptions) {
  return async (
    runId: string,
    specification: RunSpecification,
    how: Pick<RunOptions, "emit" | "stopping" | "aborting">,
  ): Promise<RunOptions> => {
    if (specification.version !== VERSION)
      throw new Error(`the run is of Plumb ${specification.version}, and this is ${VERSION}`);
    // What stands in the database may choose among what is here, and nothing else.
    const options: PlaybookRunOptions = { ...own, ...keptOptions(specification.options) };
    requireInside([
      ...specification.playbooks,
      ...(options.inventory ?? []).filter((source) => !source.includes(",")),
      ...(options.rolesPath ?? []),
      ...(options.extraVars ?? []).map((file) => file.slice(1)),
    ]);
    const loaded = await loadPlaybookRun(keyring, specification.playbooks, options);
    const moved = movedInputs(specification.inputs, await inputsOf(loaded, specification.salt));
    if (moved.length > 0) {
      const names = moved.slice(0, 5).map(({ what }) => what);
      throw new Error(
        `the files here are not the run's: ${names.join(", ")}${moved.length > 5 ? ", …" : ""}`,
      );
    }
    const { checkMode, diffMode, verbosity } = specification;
    return runOptionsOf(loaded, { runId, checkMode, diffMode, verbosity, answers: new Map(), ...how });
  };
}
