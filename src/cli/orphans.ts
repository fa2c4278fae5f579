import type { Event } from "../converge/event.ts";
import { inputError } from "../diagnostics/diagnostic.ts";
import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import { run } from "../fleet/run.ts";
import { registerModule } from "../modules/catalogue.ts";
import type { Module } from "../modules/module.ts";
import { askedThings } from "../plans/asked-things.ts";
import { singleTask } from "../playbook/single-task.ts";
import { recordRun } from "../records/record-run.ts";
import { newRunId } from "../records/run-id.ts";
import { paintFor } from "../views/colour.ts";
import { eventLines } from "../views/event-lines.ts";
import { openView } from "../views/open-view.ts";
import { consoleOutput } from "./console-output.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { interruption } from "./interruption.ts";
import type { PlanCommandOptions } from "./plan.ts";
import { answersOf, loadPlaybookRun, runOptionsOf } from "./playbook-run.ts";
import { formatOf } from "./run.ts";
import { sharedRecordOf } from "./shared-database.ts";
import { keyringOf } from "./vault-options.ts";
import { VERSION } from "./version.ts";

const PLAIN = { paint: paintFor(false), diff: false, verbosity: 0 };

/** `plumb plan --orphans`: what runs have made on hosts and no playbook asks for any more; with `--remove`, away with it. */
export async function orphansCommand(
  files: readonly string[],
  options: PlanCommandOptions,
): Promise<ExitCode> {
  refuseSelection(options);
  const keyring = await keyringOf(options);
  return withoutSecrets(keyring.secrets, async () => {
    const loaded = await loadPlaybookRun(keyring, files, options);
    const { stopping, aborting, release } = interruption();
    const things = askedThings(loaded.chosen.playbooks);
    const hear = (event: Event): void => {
      things.hear(event);
      if (event.type === "warning" || event.type === "host-unreachable")
        process.stderr.write(`${eventLines(event, PLAIN).join("\n")}\n`);
    };
    try {
      const how = { stopping, aborting, diffMode: false };
      const looking = await runOptionsOf(loaded, {
        ...how,
        runId: newRunId(),
        checkMode: true,
        answers: await answersOf(loaded),
        emit: hear,
      });
      const looked = await run({ ...looking, watcher: things.watcher });
      if (looked.outcome === "interrupted") return EXIT.interrupted;
      const hosts = Object.keys(things.asked());
      if (hosts.length === 0) return exitCodeOf(looked, false);
      registerModule(
        "plumb_orphans",
        import.meta.url,
        async () => (await import("../modules/orphans.ts")).orphans as unknown as Module,
      );
      const removal = await singleTask("plumb plan --orphans", {
        hosts: hosts.join(":"),
        name: "what nobody asks for",
        module: "plumb_orphans",
        parameters: { asked: things.asked(), unsure: things.unsure() },
      });
      const checkMode = options.remove !== true;
      const view = await openView(formatOf(undefined, false), {
        output: consoleOutput(),
        diff: true,
        verbosity: 1,
      });
      const runId = newRunId();
      const { secrets } = keyring;
      const recorded = {
        runId,
        checkMode,
        version: VERSION,
        secrets,
        ...(await sharedRecordOf(options.record, secrets)),
      };
      const recorder =
        options.record === false ? undefined : recordRun(recorded, (event) => view.show(event));
      try {
        const { chosen, ...rest } = loaded;
        const alone = {
          ...rest,
          chosen: { ...chosen, playbooks: [removal] },
          // Most of what runs make is root's.
          options: { ...options, become: true },
        };
        const emit = recorder?.emit ?? ((event: Event) => view.show(event));
        const finished = await run(
          await runOptionsOf(alone, { ...how, diffMode: true, runId, checkMode, answers: new Map(), emit }),
        );
        const code = exitCodeOf(finished, options.detailedExitcode === true);
        return code === EXIT.ok ? exitCodeOf(looked, false) : code;
      } finally {
        await recorder?.close();
        await view.close();
      }
    } finally {
      release();
    }
  });
}

/** What only some of the tasks ask for says nothing of what nobody asks for. */
function refuseSelection(options: PlanCommandOptions): void {
  const given = [
    ...(options.tags === undefined ? [] : ["--tags"]),
    ...(options.skipTags === undefined ? [] : ["--skip-tags"]),
    ...(options.startAtTask === undefined ? [] : ["--start-at-task"]),
    ...(options.out === undefined ? [] : ["--out"]),
  ];
  if (given.length === 0) return;
  throw inputError("invalid-option", `${given.join(", ")} can't be with --orphans`, {
    hint: "give every playbook of the hosts, whole; --limit says which hosts, and --remove removes what is found",
  });
}
