import { type Diagnostic, DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import { compileValue } from "./compile-value.ts";
import type { SourcedVariable } from "./sourced.ts";
import type { Keyring } from "./vault/keyring.ts";
import { type Origin, parseYaml, readInput } from "./yaml-source.ts";

/** A variable's name: what templates and expressions can say. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Reads a file of variables (YAML or JSON): group_vars, host_vars, defaults, vars, vars_files.
 *
 * @throws DiagnosticsError
 */
export async function readVariablesFile(
  file: string,
  keyring: Keyring,
  options: VariablesFileOptions = {},
): Promise<ReadonlyMap<string, SourcedVariable>> {
  const { text, ...origin } = await readInput(file, keyring);
  return parseVariables(text, file, { origin, ...options });
}

export interface VariablesFileOptions {
  /** Keep templates that do not compile, to show them as they are written: nothing is going to render them. */
  onlyToShow?: boolean;
}

/** @throws DiagnosticsError yaml-syntax, wrong-type, template-syntax: all that is wrong in the file */
export function parseVariables(
  text: string,
  file: string,
  { origin, onlyToShow = false }: VariablesFileOptions & { origin?: Origin } = {},
): ReadonlyMap<string, SourcedVariable> {
  const source = parseYaml(text, file, origin);
  if (source.contents === null) return new Map();
  const problems: Diagnostic[] = [];
  const compiled = compileValue(source, source.contents, problems);
  if (problems.length > 0 && !onlyToShow) throw new DiagnosticsError(problems);
  if (compiled.kind === "literal" && compiled.value === null) return new Map();
  if (compiled.kind !== "map") {
    throw inputError("wrong-type", "a file of variables is a mapping of names to values", {
      at: compiled.at ?? { file, line: 1, column: 1 },
      expected: "lines such as `name: value`",
    });
  }
  const bad = compiled.entries.filter(({ key }) => !NAME.test(key));
  if (bad.length > 0) {
    throw new DiagnosticsError(
      bad.map(({ key, keyAt }) => ({
        severity: "error",
        code: "wrong-type",
        message: `\`${key}\` can't be the name of a variable`,
        expected: "letters, digits and underscores, not starting with a digit",
        ...(keyAt === undefined ? {} : { at: keyAt }),
      })),
    );
  }
  return new Map(
    compiled.entries.map(({ key, keyAt, value }) => [
      key,
      { value, ...(keyAt === undefined ? {} : { at: keyAt }) },
    ]),
  );
}
