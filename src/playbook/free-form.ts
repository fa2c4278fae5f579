import { DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import type { Module } from "../modules/module.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import { compileText } from "../variables/text-template.ts";
import { booleanOf } from "./flag.ts";
import { parameterSchemas } from "./parameter-schema.ts";
import { splitWords, unquoted } from "./split-words.ts";

/** `name=value` at the start of a word. */
const KEY_VALUE = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;

/**
 * The parameters of a task as they stand behind the module's name: a mapping, free form text (`command: systemctl status`), or Ansible's older
 * `key=value` text.
 *
 * @throws DiagnosticsError wrong-type
 */
export function parametersOf(module: Module, value: Templated, at: SourceRange): TemplatedEntry[] {
  if (value.kind === "map") return [...value.entries];
  if (value.kind === "literal" && value.value === null) return [];
  if (module.freeForm !== undefined) return freeForm(module, module.freeForm, value);
  const text = textOf(value);
  if (text !== undefined) return keyValues(module, text, value.at ?? at);
  throw inputError("wrong-type", `the parameters of \`${module.name}\` must be a mapping`, {
    at: value.at ?? at,
    hint: `plumb doc ${module.name} shows its parameters`,
  });
}

/** `creates=` and the like may stand in the text of a command, as in Ansible: any parameter of the module's but its free form. */
function freeForm(module: Module, name: string, value: Templated): TemplatedEntry[] {
  const text = textOf(value);
  const others = [...(parameterSchemas(module)?.keys() ?? [])].filter(
    (key) => key !== name && key !== "argv",
  );
  const extra = (text === undefined ? [] : splitWords(text)).flatMap((word) => {
    const [, key = "", given = ""] = KEY_VALUE.exec(word.text) ?? [];
    return others.includes(key) ? [{ word, key, given }] : [];
  });
  if (text === undefined || extra.length === 0) return [{ key: name, value }];
  const rest = extra.reduceRight((left, { word }) => left.slice(0, word.start) + left.slice(word.end), text);
  return [
    { key: name, value: textAt(rest.trim(), value.at) },
    ...extra.map(({ key, given }) => ({ key, value: textAt(unquoted(given), value.at) })),
  ];
}

/**
 * `name=value name="another value"`, the older way.
 *
 * @throws DiagnosticsError wrong-type for text that is none
 */
export function keyValues(module: Module, text: string, at: SourceRange): TemplatedEntry[] {
  return splitWords(text).map((word) => {
    const [, key, given] = KEY_VALUE.exec(word.text) ?? [];
    if (key === undefined || given === undefined) {
      throw inputError("wrong-type", `\`${module.name}\` can't be given \`${word.text}\``, {
        at,
        expected: "a mapping of parameters, a line each, or key=value text",
        hint: `plumb doc ${module.name} shows its parameters`,
      });
    }
    return { key, keyAt: at, value: typed(module, key, unquoted(given), at) };
  });
}

/** In `key=value` text everything is text; what the module wants as a number or as true or false becomes that. */
function typed(module: Module, key: string, text: string, at: SourceRange): Templated {
  const schema = parameterSchemas(module)?.get(key);
  const candidates = [booleanOf(text), /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined];
  const isWanted = (value: unknown): boolean => schema?.safeParse(value).success ?? false;
  const value = isWanted(text) ? undefined : candidates.find((one) => one !== undefined && isWanted(one));
  return value === undefined ? textAt(text, at) : { kind: "literal", value, at };
}

/** Text at the place of the value that it was part of; a template if there is one in it. */
export function textAt(text: string, at: SourceRange | undefined): Templated {
  if (at === undefined || !text.includes("{{")) {
    return { kind: "literal", value: text, ...(at === undefined ? {} : { at }) };
  }
  return { kind: "text", template: compileText(text, at), at };
}

function textOf(value: Templated): string | undefined {
  if (value.kind === "text") return value.template.source;
  return value.kind === "literal" && typeof value.value === "string" ? value.value : undefined;
}

/** Parameters given twice, in the text and in `args:`, or in two ways. @throws DiagnosticsError */
export function refuseTwice(parameters: readonly TemplatedEntry[], at: SourceRange): void {
  const twice = parameters.filter(
    (entry, index) => parameters.findIndex(({ key }) => key === entry.key) < index,
  );
  if (twice.length === 0) return;
  throw new DiagnosticsError(
    twice.map(({ key, keyAt }) => ({
      severity: "error",
      code: "invalid-parameter",
      message: `\`${key}\` is given twice`,
      at: keyAt ?? at,
    })),
  );
}
