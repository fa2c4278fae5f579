import { inputError } from "../diagnostics/diagnostic.ts";
import { lint } from "../lint/lint.ts";
import { rules } from "../lint/rules/catalogue.ts";
import { FINDING_FORMATS, findingsText } from "../views/findings.ts";
import { tableLines } from "../views/table.ts";
import { consoleOutput } from "./console-output.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { extraVariablesOf, shippedRoles } from "./read-input.ts";
import { keyringOf, type VaultOptions } from "./vault-options.ts";
import { VERSION } from "./version.ts";

export interface LintCommandOptions extends VaultOptions {
  inventory?: string[];
  extraVars?: string[];
  rolesPath?: string[];
  format?: string;
  strict?: boolean;
  listRules?: boolean;
}

/** `plumb lint`: everything that can be said without a host. */
export async function lintCommand(paths: readonly string[], options: LintCommandOptions): Promise<ExitCode> {
  const output = consoleOutput();
  if (options.listRules === true) {
    const rows = rules.map(({ name, severity, summary }) => [name, severity, summary]);
    output.write(`${tableLines(rows).join("\n")}\n`);
    return EXIT.ok;
  }
  const format = FINDING_FORMATS.find((one) => one === (options.format ?? "pretty"));
  if (format === undefined) {
    throw inputError("invalid-option", `--format ${options.format}: there is no such format`, {
      expected: FINDING_FORMATS.join(", "),
    });
  }
  const keyring = await keyringOf(options);
  const extra = await extraVariablesOf(options, keyring);
  const findings = await lint(paths.length === 0 ? ["."] : paths, {
    inventory: options.inventory ?? [],
    rolePaths: [...(options.rolesPath ?? []), shippedRoles()],
    extraNames: new Set(extra.variables.keys()),
    keyring,
  });
  const colour = output.isTerminal && process.env["NO_COLOR"] === undefined;
  output.write(findingsText(findings, { format, colour, rules, version: VERSION }));
  const isBad = findings.some(
    ({ severity }) => severity === "error" || (severity === "warning" && options.strict === true),
  );
  return isBad ? EXIT.badInput : EXIT.ok;
}
