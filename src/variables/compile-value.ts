import {
  type Diagnostic,
  DiagnosticsError,
  inputError,
  type SourceRange,
} from "../diagnostics/diagnostic.ts";
import { compileExpression } from "./expression.ts";
import { jinjaIn } from "./jinja-habits.ts";
import type { Templated, TemplatedEntry } from "./templated.ts";
import { compileText } from "./text-template.ts";
import type { Value } from "./value.ts";
import { VAULT_KEY, vaultedValue } from "./vault/vaulted-value.ts";
import type { Written, WrittenMap } from "./written.ts";
import type { YamlSource } from "./yaml-source.ts";

/** How the `yaml` package gives the key `<<` where merging is on: as a symbol. */
const MERGE_KEY = String(Symbol("<<"));

/**
 * Compiles a YAML value: text with `{{` in it becomes a template, `!expr` an expression, everything else stays what it is.
 *
 * @param problems with it, what is wrong in one scalar is noted there and the rest compiled on, so that a file's errors are told together.
 * @throws DiagnosticsError template-syntax, expression-syntax, expression-type
 */
export function compileValue(source: YamlSource, node: Written | null, problems?: Diagnostic[]): Templated {
  const whole: Source = { ...source, copies: { left: MOST_COPIES }, isCopy: false, isUnsafe: false };
  return compile(problems === undefined ? whole : { ...whole, problems }, node);
}

/** Aliases of aliases of aliases make a huge value of a small file; no playbook needs as many copies as this. */
const MOST_COPIES = 100_000;

interface Source extends YamlSource {
  problems?: Diagnostic[];
  /** How many more values aliases may stand for. */
  copies: { left: number };
  isCopy: boolean;
  isUnsafe: boolean;
}

function compile(source: Source, node: Written | null): Templated {
  if (node === null) return { kind: "literal", value: null };
  const at = source.at(node);
  if (source.isCopy && --source.copies.left < 0) {
    throw inputError("yaml-syntax", `aliases make more than ${MOST_COPIES} values of this file`, {
      at,
      hint: "write a template instead of aliases inside of aliases",
    });
  }
  switch (node.kind) {
    case "alias":
      if (node.target === undefined) {
        throw inputError("yaml-syntax", `the alias *${node.name} leads nowhere, or to itself`, { at });
      }
      return compile({ ...source, isCopy: true }, node.target);
    case "scalar":
      return collected(source, at, node.value, () => compileScalar(source, node.value, node.tag, at));
    case "list":
      return { kind: "list", items: node.items.map((item) => compile(inside(source, node), item)), at };
    case "map": {
      const entries = mapEntries(inside(source, node), node);
      return jsonVault(source, entries, at) ?? { kind: "map", entries, at };
    }
    case "other":
      throw inputError("wrong-type", "this YAML can't be used as a value", { at });
  }
}

/** All texts in what stands behind `!unsafe` are what they are. */
const inside = (source: Source, { tag }: { tag?: string }): Source =>
  tag === "!unsafe" ? { ...source, isUnsafe: true } : source;

function mapEntries(source: Source, { pairs }: WrittenMap): TemplatedEntry[] {
  const entries = new Map<string, TemplatedEntry>();
  for (const { key: written, value } of pairs) {
    const node = typeof written === "string" ? null : written;
    if (node !== null && node.kind !== "scalar") {
      throw inputError("yaml-syntax", "a key must be text", {
        at: source.at(node),
        hint: 'a value that starts with `{{` must be in quotes: "{{ name }}"',
      });
    }
    const key = node === null ? String(written) : String(node.value);
    // `<<: *defaults` (YAML 1.1, merge keys): what the map itself says wins.
    if (key === "<<" || key === MERGE_KEY) {
      const below = compile(source, value);
      for (const map of below.kind === "list" ? below.items : [below]) {
        if (!isMerged(map))
          throw inputError("yaml-syntax", "`<<` takes a mapping, or a list of mappings", {
            at: map.at ?? source.at(value),
            expected: "`<<: *name` of a mapping that has `&name`",
          });
        for (const entry of entriesOf(map)) {
          if (!entries.has(entry.key)) entries.set(entry.key, entry);
        }
      }
      continue;
    }
    entries.set(key, { key, keyAt: source.at(node), value: compile(source, value) });
  }
  return [...entries.values()];
}

/** A scalar that does not compile is a template that can't be evaluated: what uses it need not complain once more. */
function collected(
  { problems, origin }: Source,
  at: NonNullable<Templated["at"]>,
  written: unknown,
  compileIt: () => Templated,
): Templated {
  if (problems === undefined) return compileIt();
  try {
    return compileIt();
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    problems.push(...error.diagnostics);
    if (origin.isFromVault) origin.keyring.hide(String(written));
    const evaluate = (): never => {
      throw error;
    };
    return { kind: "text", template: { source: String(written), names: [], evaluate }, at };
  }
}

const isMerged = (map: Templated): boolean =>
  map.kind === "map" ||
  (map.kind === "literal" &&
    (map.value === null || (typeof map.value === "object" && !Array.isArray(map.value))));

function entriesOf(map: Templated): readonly TemplatedEntry[] {
  if (map.kind === "map") return map.entries;
  if (
    map.kind === "literal" &&
    typeof map.value === "object" &&
    map.value !== null &&
    !Array.isArray(map.value)
  ) {
    return Object.entries(map.value).map(([key, value]) => ({
      key,
      value: { kind: "literal", value } as Templated,
    }));
  }
  return [];
}

/** `{"__ansible_vault": "…"}`, as JSON has it instead of a tag. */
function jsonVault(
  { origin }: Source,
  entries: readonly TemplatedEntry[],
  at: SourceRange,
): Templated | undefined {
  const [only] = entries;
  if (entries.length !== 1 || only?.key !== VAULT_KEY || only.value.kind !== "literal") return undefined;
  return vaultedValue(String(only.value.value), at, origin.keyring);
}

function compileScalar(
  { origin, isUnsafe }: Source,
  value: unknown,
  tag: string | undefined,
  at: SourceRange,
): Templated {
  if (tag === "!vault" || tag === "!vault-encrypted") return vaultedValue(String(value), at, origin.keyring);
  const compiled = isUnsafe
    ? ({ kind: "literal", value: plain(value), at } as const)
    : compiledScalar(value, tag, at);
  return origin.isFromVault ? hidden(compiled, origin) : compiled;
}

/** From a file that is vaulted as a whole: the value is secret, and so is what a template or an expression in it gives. */
function hidden(compiled: Templated, { keyring }: Source["origin"]): Templated {
  const secret = (value: Value): Value => {
    keyring.hideValue(value);
    return value;
  };
  switch (compiled.kind) {
    case "text": {
      const { template } = compiled;
      secret(template.source);
      return {
        ...compiled,
        template: { ...template, evaluate: (scope) => secret(template.evaluate(scope)) },
      };
    }
    case "expression": {
      const { expression } = compiled;
      return {
        ...compiled,
        expression: { ...expression, evaluate: (scope) => secret(expression.evaluate(scope)) },
      };
    }
    case "literal":
      secret(compiled.value);
      return compiled;
    default:
      return compiled;
  }
}

function compiledScalar(value: unknown, tag: string | undefined, at: SourceRange): Templated {
  if (tag === "!expr") return { kind: "expression", expression: compileExpression(String(value), at), at };
  if (tag === "!unsafe") return { kind: "literal", value: String(value), at };
  if (typeof value === "string" && (value.includes("{{") || jinjaIn(value) !== undefined)) {
    return { kind: "text", template: compileText(value, at), at };
  }
  return { kind: "literal", value: plain(value), at };
}

/** What the types of YAML that nobody uses come to: JSON has text for them. */
function plain(value: unknown): Value {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  // `!!binary`
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
}
