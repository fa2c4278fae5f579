import { inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import type { Module } from "../modules/module.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import { compileText } from "../variables/text-template.ts";

/**
 * The parameters of a task as they stand behind the module's name: a mapping, free form text (`command: systemctl status`), or Ansible's older
 * `key=value` text.
 *
 * @throws DiagnosticsError wrong-type
 */
export function parametersOf(module: Module, value: Templated, at: SourceRange): TemplatedEntry[] {
  if (value.kind === "map") return [...value.entries];
  if (value.kind === "literal" && value.value === null) return [];
  if (module.freeForm !== undefined) return freeForm(module.freeForm, value, at);
  if (value.kind === "literal" && typeof value.value === "string")
    return keyValues(value.value, module.name, value.at ?? at);
  if (value.kind === "text") return keyValues(value.template.source, module.name, value.at ?? at);
  throw inputError("wrong-type", `the parameters of \`${module.name}\` must be a mapping`, {
    at: value.at ?? at,
    hint: `plumb doc ${module.name} shows its parameters`,
  });
}

/** `creates=` and the like may stand in the text of a command, as in Ansible. */
function freeForm(name: string, value: Templated, at: SourceRange): TemplatedEntry[] {
  const text =
    value.kind === "literal" && typeof value.value === "string"
      ? value.value
      : value.kind === "text"
        ? value.template.source
        : undefined;
  if (text === undefined) return [{ key: name, value }];
  const extra: TemplatedEntry[] = [];
  const rest = text.replace(
    /(^|\s)(creates|removes|chdir|executable)=("[^"]*"|'[^']*'|\S+)/g,
    (_, blank: string, key: string, quoted: string) => {
      extra.push({ key, value: compiled(quoted.replace(/^(['"])(.*)\1$/, "$2"), value.at ?? at) });
      return blank;
    },
  );
  if (extra.length === 0) return [{ key: name, value }];
  return [{ key: name, value: compiled(rest.trim(), value.at ?? at) }, ...extra];
}

function keyValues(text: string, module: string, at: SourceRange): TemplatedEntry[] {
  const words = text.match(/[A-Za-z_]+=("(?:[^"\\]|\\.)*"|'[^']*'|\{\{.*?\}\}\S*|\S*)/g) ?? [];
  if (words.join(" ").length < text.trim().replace(/\s+/g, " ").length) {
    throw inputError("wrong-type", `the parameters of \`${module}\` must be a mapping, or key=value text`, {
      at,
      expected: `${module}:\n    name: value`,
    });
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    const value = word.slice(equals + 1).replace(/^(['"])(.*)\1$/s, "$2");
    return { key: word.slice(0, equals), keyAt: at, value: typed(value, at) };
  });
}

/** In `key=value` text everything is text; what the schema needs as a number or boolean is written so. */
function typed(text: string, at: SourceRange): Templated {
  if (/^(yes|true|no|false)$/i.test(text)) return { kind: "literal", value: /^(yes|true)$/i.test(text), at };
  if (/^[1-9]\d*$|^0$/.test(text)) return { kind: "literal", value: Number(text), at };
  return compiled(text, at);
}

function compiled(text: string, at: SourceRange): Templated {
  return text.includes("{{")
    ? { kind: "text", template: compileText(text, at), at }
    : { kind: "literal", value: text, at };
}
