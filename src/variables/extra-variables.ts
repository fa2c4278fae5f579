import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { compileValue } from "./compile-value.ts";
import { keyAndValue, keyValueWords } from "./key-value-words.ts";
import type { SourcedVariable, VariableLayer } from "./sourced.ts";
import { compileText } from "./text-template.ts";
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
  let words: string[];
  try {
    words = keyValueWords(text);
  } catch (error) {
    throw notAVariable(text, error instanceof Error ? error.message : String(error));
  }
  if (words.length === 0) throw notAVariable(text, "it is empty");
  return new Map(
    words.map((word): [string, SourcedVariable] => {
      const pair = keyAndValue(word);
      if (pair === undefined) throw notAVariable(text, `\`${word}\` has no value`);
      const { key: name, value } = pair;
      if (!/^[A-Za-z_]\w*$/.test(name))
        throw notAVariable(text, `\`${name}\` can't be the name of a variable`);
      // As in a file, text with braces is a template.
      if (value.includes("{{"))
        return [name, { value: { kind: "text", template: compileText(value, AT), at: AT }, at: AT }];
      return [name, { value: { kind: "literal", value, at: AT }, at: AT }];
    }),
  );
}

function notAVariable(text: string, why: string): Error {
  const looksLikeFile = /^[./]/.test(text);
  return inputError("invalid-option", `-e ${text}: this is no variable: ${why}`, {
    expected: "-e name=value, -e '{\"name\": [1, 2]}' or -e @file.yml",
    ...(looksLikeFile ? { hint: `for a file put an @ before it: -e @${text}` } : {}),
  });
}

function fromYaml(text: string, keyring: Keyring): ReadonlyMap<string, SourcedVariable> {
  const source = parseYaml(text, "-e", { keyring, isFromVault: false });
  const compiled = compileValue(source, source.contents);
  if (compiled.kind !== "map")
    throw inputError("invalid-option", `-e ${text}: this is no mapping of names to values`);
  return new Map(compiled.entries.map(({ key, value }) => [key, { value, at: AT }]));
}
