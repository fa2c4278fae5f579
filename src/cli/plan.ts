import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Event, RunFinished } from "../converge/event.ts";
import { inputError } from "../diagnostics/diagnostic.ts";
import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import { run } from "../fleet/run.ts";
import { inventoryAsJson } from "../inventory/show.ts";
import { digestOf } from "../plans/digest.ts";
import { digestInputs } from "../plans/input-digest.ts";
import { PLAN_SCHEMA_VERSION, type Plan, parsePlan } from "../plans/plan.ts";
import { planBuilder } from "../plans/plan-builder.ts";
import { recordHead } from "../records/record-head.ts";
import { recordRun } from "../records/record-run.ts";
import { newRunId } from "../records/run-id.ts";
import { paintFor } from "../views/colour.ts";
import { eventLines } from "../views/event-lines.ts";
import { planLines } from "../views/plan-lines.ts";
import { safeJson } from "../views/safe-text.ts";
import { consoleOutput } from "./console-output.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
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

export interface PlanCommandOptions extends PlaybookRunOptions {
  out?: string;
  record?: string | boolean;
  detailedExitcode?: boolean;
  orphans?: boolean;
  remove?: boolean;
}

/** `plumb plan`: check mode, written down. */
export async function planCommand(files: readonly string[], options: PlanCommandOptions): Promise<ExitCode> {
  const keyring = await keyringOf(options);
  if (options.out !== undefined && existsSync(options.out)) throw exists(options.out);
  return withoutSecrets(keyring.secrets, async () => {
    const loaded = await loadPlaybookRun(keyring, files, options);
    const { stopping, aborting, release } = interruption();
    try {
      const answers = await answersOf(loaded);
      const salt = randomBytes(16).toString("hex");
      const how = { answers, stopping, aborting, salt, record: options.record };
      const { plan, finished, close } = await makePlan(loaded, files, how);
      await close();
      const output = consoleOutput();
      output.write(`${planLines(plan, paintFor(output.isTerminal)).join("\n")}\n`);
      if (finished.outcome === "interrupted") return EXIT.interrupted;
      if (options.out !== undefined) {
        writePlan(options.out, plan);
        output.write(
          `\nwritten to ${options.out}: plumb show ${options.out} tells it again, plumb apply ${options.out} does it\n`,
        );
      }
      return exitCodeOf(finished, options.detailedExitcode === true);
    } finally {
      release();
    }
  });
}

/** `plumb show`: a plan, for review. */
export async function showCommand(file: string, options: { json?: boolean }): Promise<ExitCode> {
  const plan = readPlan(file);
  const output = consoleOutput();
  output.write(
    options.json === true
      ? `${safeJson(plan, 2)}\n`
      : `${planLines(plan, paintFor(output.isTerminal)).join("\n")}\n`,
  );
  return EXIT.ok;
}

/** @throws DiagnosticsError file-not-found, invalid-plan */
export function readPlan(file: string): Plan {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (!existsSync(file)) throw inputError("file-not-found", `there is no plan ${file}`);
    throw inputError(
      "file-not-found",
      `the plan ${file} can't be read: ${error instanceof Error ? error.message : ""}`,
    );
  }
  const found = parsePlan(text);
  if ("plan" in found) return found.plan;
  throw inputError("invalid-plan", `the plan ${file} can't be used: ${found.trouble}`, {
    hint: "plumb plan PLAYBOOK -o FILE writes one",
  });
}

const PLAIN = { paint: paintFor(false), diff: false, verbosity: 0 };

/** Asks the hosts what would change, in check mode. */
export async function makePlan(
  loaded: LoadedRun,
  files: readonly string[],
  how: Pick<Parameters<typeof runOptionsOf>[1], "answers" | "stopping" | "aborting"> & {
    salt: string;
    record: string | boolean | undefined;
  },
): Promise<{ plan: Plan; finished: RunFinished; close: () => Promise<void> }> {
  const { salt, record, ...rest } = how;
  const runId = newRunId();
  const { secrets } = loaded.keyring;
  const before = await inputsOf(loaded, salt);
  const builder = planBuilder(salt);
  const show = (event: Event): void => {
    builder.hear(event);
    if (event.type === "warning" || event.type === "host-unreachable")
      process.stderr.write(`${eventLines(event, PLAIN).join("\n")}\n`);
  };
  const recorded = {
    ...{ runId, checkMode: true, version: VERSION, secrets },
    ...(await sharedRecordOf(record, secrets)),
  };
  const recorder = record === false ? undefined : recordRun(recorded, show);
  const options = await runOptionsOf(loaded, {
    ...rest,
    runId,
    checkMode: true,
    diffMode: true,
    emit: recorder?.emit ?? show,
  });
  const finished = await run({ ...options, watcher: builder.watcher });
  // Passwords that were asked for the first time have been made on the way: the plan was computed from them.
  const inputs = { ...(await inputsOf(loaded, salt)), ...before };
  const { who, time, versions } = recordHead({ runId, checkMode: true, version: VERSION, secrets });
  const plan: Plan = {
    type: "plumb-plan",
    schema: PLAN_SCHEMA_VERSION,
    planId: runId,
    time,
    who,
    versions,
    salt,
    playbooks: [...files],
    options: keptOptions(loaded.options),
    inputs,
    hosts: builder.hosts(),
  };
  return { plan, finished, close: async () => recorder?.close() };
}

/** What a plan was made from, by name. */
export async function inputsOf(
  { chosen, options, keyring }: LoadedRun,
  salt: string,
): Promise<Plan["inputs"]> {
  const extra = options.extraVars ?? [];
  const files = digestInputs(salt, {
    playbooks: chosen.playbooks,
    inventory: chosen.inventory.sources,
    variableFiles: extra.filter((one) => one.startsWith("@")).map((one) => one.slice(1)),
  });
  return {
    ...files,
    "the inventory": digestOf(salt, await inventoryAsJson(chosen.inventory, { keyring })),
    "the variables given with -e": digestOf(salt, extra),
    "the options": digestOf(salt, keptOptions(options)),
  };
}

/** Options that decide what happens. Those of connections and of vaults are a matter of who applies. */
const KEPT = [
  "inventory",
  "limit",
  "tags",
  "skipTags",
  "rolesPath",
  "startAtTask",
  "become",
  "becomeUser",
  "becomeMethod",
] as const;

export function keptOptions(options: PlaybookRunOptions): Plan["options"] {
  const kept: Plan["options"] = {};
  for (const name of KEPT) {
    const value = options[name];
    if (value !== undefined) kept[name] = value;
  }
  const files = (options.extraVars ?? []).filter((one) => one.startsWith("@"));
  if (files.length > 0) kept["extraVars"] = files;
  return kept;
}

/** Private: a plan says much about hosts. */
function writePlan(file: string, plan: Plan): void {
  try {
    writeFileSync(file, `${JSON.stringify(plan, undefined, 1)}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (existsSync(file)) throw exists(file);
    throw inputError("invalid-option", `-o ${file}: ${error instanceof Error ? error.message : ""}`);
  }
}

function exists(file: string): Error {
  return inputError("invalid-option", `-o ${file}: there is such a file already`, {
    hint: "plans are not written over: take another name, or remove it",
  });
}
