import { randomBytes } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { inputError } from "../diagnostics/diagnostic.ts";
import { withoutSecrets } from "../diagnostics/redact-diagnostic.ts";
import { type DriftReport, driftOf } from "../drift/drift.ts";
import { taskHistory } from "../drift/task-history.ts";
import { recordFolder } from "../records/record-folder.ts";
import { paintFor } from "../views/colour.ts";
import { DRIFT_FORMATS, driftText } from "../views/drift.ts";
import { consoleOutput } from "./console-output.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { interruption } from "./interruption.ts";
import { makePlan } from "./plan.ts";
import { answersOf, loadPlaybookRun, type PlaybookRunOptions } from "./playbook-run.ts";
import { severityRules } from "./severity-rules.ts";
import { keyringOf } from "./vault-options.ts";

export interface DriftCommandOptions extends PlaybookRunOptions {
  output?: string;
  out?: string;
  allowUnknown?: boolean;
  severity?: string[];
  record?: string | boolean;
}

/** `plumb drift`: what is out of true, since when, and how bad that is. Nothing is changed. */
export async function driftCommand(
  files: readonly string[],
  options: DriftCommandOptions,
): Promise<ExitCode> {
  const wanted = options.output ?? "pretty";
  const format = DRIFT_FORMATS.find((one) => one === wanted);
  if (format === undefined) {
    throw inputError("invalid-option", `--output ${wanted}: there is no such format`, {
      expected: DRIFT_FORMATS.join(", "),
    });
  }
  const rules = severityRules(options.severity ?? []);
  const keyring = await keyringOf(options);
  return withoutSecrets(keyring.secrets, async () => {
    const loaded = await loadPlaybookRun(keyring, files, options);
    const { stopping, aborting, release } = interruption();
    try {
      const answers = await answersOf(loaded);
      const history = taskHistory(recordFolder());
      const { plan, finished, close } = await makePlan(loaded, files, {
        answers,
        stopping,
        aborting,
        salt: randomBytes(16).toString("hex"),
        record: options.record,
      });
      const report = driftOf(plan, history, rules);
      await close();
      const output = consoleOutput();
      const text = driftText(report, format, paintFor(output.isTerminal && options.out === undefined));
      if (options.out === undefined) output.write(text);
      else replaceFile(options.out, text);
      if (finished.outcome === "interrupted") return EXIT.interrupted;
      return driftExitCode(report, options.allowUnknown === true);
    } finally {
      release();
    }
  });
}

/** Drift that is certain comes first, then what could not be looked at. */
function driftExitCode({ hosts, items }: DriftReport, allowUnknown: boolean): ExitCode {
  if (items.some(({ status }) => status === "drift")) return EXIT.wouldChange;
  if (hosts.some(({ outcome }) => outcome === "failed")) return EXIT.failed;
  if (hosts.some(({ outcome }) => outcome !== "ok")) return EXIT.unreachable;
  const isUnknown = items.some(({ status }) => status === "unknown");
  return isUnknown && !allowUnknown ? EXIT.unknown : EXIT.ok;
}

/** Whole or not at all: a collector may read it at any time, as another user. */
function replaceFile(file: string, text: string): void {
  const fresh = `${file}.${process.pid}.new`;
  try {
    writeFileSync(fresh, text, { mode: 0o644, flag: "wx" });
    renameSync(fresh, file);
  } catch (error) {
    throw inputError(
      "invalid-option",
      `--out ${file}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
