import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import { run } from "../fleet/run.ts";
import { singleTask } from "../playbook/single-task.ts";
import { recordRun } from "../records/record-run.ts";
import { newRunId } from "../records/run-id.ts";
import { openView } from "../views/open-view.ts";
import { consoleOutput } from "./console-output.ts";
import { type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { interruption } from "./interruption.ts";
import { type PlaybookRunOptions, runOptionsOf } from "./playbook-run.ts";
import { extraVariablesOf, inventoryOf } from "./read-input.ts";
import { formatOf } from "./run.ts";
import { sharedRecordOf } from "./shared-database.ts";
import { keyringOf } from "./vault-options.ts";
import { VERSION } from "./version.ts";

export interface RollbackCommandOptions extends PlaybookRunOptions {
  run?: string;
  check?: boolean;
  diff?: boolean;
  output?: string;
  verbose?: number;
  record?: string | boolean;
}

/** `plumb rollback`: puts back on hosts what a run has replaced there. */
export async function rollbackCommand(pattern: string, options: RollbackCommandOptions): Promise<ExitCode> {
  const keyring = await keyringOf(options);
  const { secrets } = keyring;
  return withoutSecrets(secrets, async () => {
    const shared = await sharedRecordOf(options.record, secrets);
    const playbook = await singleTask("plumb rollback", {
      hosts: pattern,
      name: `undo ${options.run === undefined ? "the last run" : `the run ${options.run}`}`,
      module: "rollback",
      parameters: options.run === undefined ? {} : { run: options.run },
    });
    const inventory = await inventoryOf(options, keyring);
    const extraVariables = await extraVariablesOf(options, keyring);
    const limit = options.limit === undefined ? {} : { limit: options.limit };
    const loaded = {
      chosen: { inventory, playbooks: [playbook], extraVariables, ...limit },
      selection: { tags: [], skipTags: [] },
      keyring,
      // Most of what runs replace is root's.
      options: { ...options, become: true },
    };
    const output = consoleOutput();
    const view = await openView(formatOf(options.output, false), {
      output,
      diff: options.diff === true,
      verbosity: options.verbose ?? 0,
    });
    const { stopping, aborting, release } = interruption();
    const runId = newRunId();
    const checkMode = options.check === true;
    const recorded = { runId, checkMode, version: VERSION, secrets, ...shared };
    const recorder = options.record === false ? undefined : recordRun(recorded, (event) => view.show(event));
    try {
      const emit = recorder?.emit ?? ((event) => view.show(event));
      const how = {
        runId,
        answers: new Map(),
        checkMode,
        diffMode: options.diff === true,
        stopping,
        aborting,
        emit,
      };
      return exitCodeOf(await run(await runOptionsOf(loaded, how)), false);
    } finally {
      release();
      await recorder?.close();
      await view.close();
    }
  });
}
