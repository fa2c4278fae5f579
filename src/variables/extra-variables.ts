import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { compileValue } from "./compile-value.ts";
import type { SourcedVariable, VariableLayer } from "./sourced.ts";
import { readVariablesFile } from "./variables-file.ts";
import { Keyring } from "./vault/keyring.ts";
import { parseYaml } from "./yaml-source.ts";

/**
 * The variables of `-e`: `key=value key2="a b"`, JSON or YAML text, or `@file`. Later ones win.
 *
 * @throws DiagnosticsError
 */
export async function extraVariables(
  texts: readonly string[],
  keyring = new Keyring(),
): Promise<VariableLayer> {
  const variables = new Map<string, SourcedVariable>();
  for (const text of texts) {
    const more = text.startsWith("@")
      ? await readVariablesFile(text.slice(1), keyring)
      : fromText(text, keyring);
    for (const [name, variable] of more) variables.set(name, variable);
  }
  return { level: "extra vars", variables };
}

const AT: SourceRange = { file: "-e", line: 1, column: 1 };

function fromText(text: string, keyring: Keyring): ReadonlyMap<string, SourcedVariable> {
  if (/^\s*[{[]/.test(text) || /^[A-Za-z_]\w*:\s/.test(text)) return fromYaml(text, keyring);
  const words = text.match(/[A-Za-z_]\w*=(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s]*)/g) ?? [];
  if (words.length === 0 || words.join("").length < text.replace(/\s+/g, "").length - 2) {
    const leftOver = words.reduce((rest, word) => rest.replace(word, ""), text).trim();
    if (words.length === 0 || leftOver !== "") {
      throw inputError("invalid-option", `-e ${text}: this is no variable`, {
        expected: "-e name=value, -e '{\"name\": [1, 2]}' or -e @file.yml",
      });
    }
  }
  return new Map(
    words.map((word) => {
      const equals = word.indexOf("=");
      const value = word.slice(equals + 1).replace(/^(["'])(.*)\1$/s, "$2");
      return [word.slice(0, equals), { value: { kind: "literal", value, at: AT }, at: AT }];
    }),
  );
}

function fromYaml(text: string, keyring: Keyring): ReadonlyMap<string, SourcedVariable> {
  const source = parseYaml(text, "-e", { keyring, isFromVault: false });
  const compiled = compileValue(source, source.document.contents);
  if (compiled.kind !== "map")
    throw inputError("invalid-option", `-e ${text}: this is no mapping of names to values`);
  return new Map(compiled.entries.map(({ key, value }) => [key, { value, at: AT }]));
}
