import { type Diagnostic, DiagnosticsError, type SourceRange } from "../diagnostics/diagnostic.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Templated } from "../variables/templated.ts";
import { compileOthersText, compileText } from "../variables/text-template.ts";
import { isValueMap, type Value } from "../variables/value.ts";
import type { Keyring } from "../variables/vault/keyring.ts";
import { VAULT_KEY, vaultedValue } from "../variables/vault/vaulted-value.ts";

/** What reading a value needs and what it leaves behind. */
interface Reading {
  /** Where a template that does not compile is noted. */
  problems: Diagnostic[];
  keyring: Keyring;
}

type Compile = typeof compileText;

/**
 * A variable from an inventory that is not YAML. Text with `{{` in it is a template, wherever in the value it stands; what is vaulted in it
 * (`{"__ansible_vault": "…"}`) is opened when somebody asks for it.
 */
export function sourcedValue(value: Value, at: SourceRange, reading: Reading): SourcedVariable {
  return { value: templated(value, at, { ...noted(reading), compile: compileText }), at };
}

/** The same for what a program prints: it may pass on what strangers have written, and so runs nothing here and reads no file. */
export function printedValue(value: Value, at: SourceRange, reading: Reading): SourcedVariable {
  return { value: templated(value, at, { ...noted(reading), compile: compileOthersText }), at };
}

/** Of what else reads, no more than this. */
const noted = ({ problems, keyring }: Reading): Reading => ({ problems, keyring });

function templated(value: Value, at: SourceRange, reading: Reading & { compile: Compile }): Templated {
  const written = JSON.stringify(value);
  if (!written.includes("{{") && !written.includes(VAULT_KEY)) return { kind: "literal", value, at };
  if (Array.isArray(value)) {
    return { kind: "list", items: value.map((item) => templated(item, at, reading)), at };
  }
  if (isValueMap(value)) {
    const { [VAULT_KEY]: vaulted } = value;
    if (typeof vaulted === "string") return vaultedValue(vaulted, at, reading.keyring);
    const entries = Object.entries(value).map(([key, item]) => ({
      key,
      keyAt: at,
      value: templated(item, at, reading),
    }));
    return { kind: "map", entries, at };
  }
  return typeof value === "string" && value.includes("{{")
    ? text(value, at, reading)
    : { kind: "literal", value, at };
}

function text(
  written: string,
  at: SourceRange,
  { problems, compile }: Reading & { compile: Compile },
): Templated {
  try {
    return { kind: "text", template: compile(written, at), at };
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    problems.push(...error.diagnostics);
    const evaluate = (): never => {
      throw error;
    };
    return { kind: "text", template: { source: written, names: [], evaluate }, at };
  }
}
