import { inputError } from "../diagnostics/diagnostic.ts";
import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import { run } from "../fleet/run.ts";
import { type Moved, movedHosts, movedInputs } from "../plans/compare-plans.ts";
import type { Plan } from "../plans/plan.ts";
import { referee } from "../plans/score.ts";
import { recordRun } from "../records/record-run.ts";
import { newRunId } from "../records/run-id.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { paintFor } from "../views/colour.ts";
import { openView } from "../views/open-view.ts";
import { movedLines, scoreLines } from "../views/plan-lines.ts";
import { consoleOutput } from "./console-output.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { interruption } from "./interruption.ts";
import { inputsOf, makePlan, readPlan } from "./plan.ts";
import { answersOf, loadPlaybookRun, type PlaybookRunOptions, runOptionsOf } from "./playbook-run.ts";
import { sharedRecordOf } from "./shared-database.ts";
import { keyringOf } from "./vault-options.ts";
import { VERSION } from "./version.ts";

export interface ApplyCommandOptions extends PlaybookRunOptions {
  record?: string;
  diff?: boolean;
  verbose?: number;
}

/** `plumb apply`: does what a plan says, or nothing. */
export async function applyCommand(file: string, options: ApplyCommandOptions): Promise<ExitCode> {
  const plan = readPlan(file);
  for (const option of ["inventory", "limit", "become"] as const) {
    if (options[option] !== undefined)
      throw inputError("invalid-option", `--${option} is the plan's: another one needs another plan`);
  }
  const keyring = await keyringOf(options);
  return withoutSecrets(keyring.secrets, () => apply(plan, keyring, options));
}

async function apply(plan: Plan, keyring: Keyring, given: ApplyCommandOptions): Promise<ExitCode> {
  const output = consoleOutput();
  const shared = await sharedRecordOf(given.record, keyring.secrets);
  const paint = paintFor(output.isTerminal);
  const refuse = (moved: readonly Moved[]): ExitCode => {
    output.write(`${movedLines(moved, paint).join("\n")}\n`);
    return EXIT.refused;
  };
  const incomplete = Object.entries(plan.hosts).filter(([, { outcome }]) => outcome !== "ok");
  if (incomplete.length > 0)
    return refuse(
      incomplete.map(([host, { outcome }]) => ({
        host,
        what: `was ${outcome} when the plan was made: there is no plan for it`,
      })),
    );
  const loaded = await loadPlaybookRun(keyring, plan.playbooks, { ...given, ...optionsOf(plan, given) });
  const changed = movedInputs(plan.inputs, await inputsOf(loaded, plan.salt));
  if (changed.length > 0) return refuse(changed);
  const { stopping, aborting, release } = interruption();
  try {
    const answers = await answersOf(loaded);
    const { plan: now, finished: checked } = await makePlan(loaded, plan.playbooks, {
      answers,
      stopping,
      aborting,
      salt: plan.salt,
      record: false,
    });
    if (checked.outcome === "interrupted") return EXIT.interrupted;
    const moved = movedHosts(plan.hosts, now.hosts);
    if (moved.length > 0) return refuse(moved);
    const view = await openView("plain", {
      output,
      diff: given.diff === true,
      verbosity: given.verbose ?? 0,
    });
    const runId = newRunId();
    const judge = referee(plan);
    const recorder = recordRun(
      { runId, checkMode: false, version: VERSION, secrets: keyring.secrets, ...shared },
      (event) => view.show(event),
    );
    try {
      const how = { answers, stopping, aborting, runId, checkMode: false, diffMode: true };
      const run_ = await runOptionsOf(loaded, {
        ...how,
        emit: (event) => {
          judge.hear(event);
          recorder.emit(event);
        },
      });
      const finished = await run({ ...run_, watcher: judge.watcher });
      const score = judge.score();
      recorder.add(score);
      await view.close();
      output.write(`${scoreLines(score, paint).join("\n")}\n`);
      const code = exitCodeOf(finished, false);
      return code === EXIT.ok && score.wrong.length > 0 ? EXIT.failed : code;
    } finally {
      await recorder.close();
    }
  } finally {
    release();
  }
}

/** The options of the plan. What was typed with `-e` is not in it, and has to be given again. */
function optionsOf({ options }: Plan, given: ApplyCommandOptions): PlaybookRunOptions {
  const { extraVars, ...kept } = options;
  const files = Array.isArray(extraVars) ? extraVars : [];
  const typed = given.extraVars ?? [];
  // Their order decides which of them wins, so that whoever types some gives all of them.
  return { ...kept, ...(typed.length === 0 ? { extraVars: files } : { extraVars: typed }) };
}
