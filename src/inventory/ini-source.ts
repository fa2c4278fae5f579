import { type Diagnostic, DiagnosticsError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { Value } from "../variables/value.ts";
import type { InventoryBuilder } from "./inventory-builder.ts";
import { pythonLiteral } from "./python-literal.ts";
import { hostNames } from "./ranges.ts";
import { shellWords } from "./shell-words.ts";
import { sourcedValue } from "./source-value.ts";

type Section = { group: string; kind: "hosts" | "vars" | "children" };

/** Where a line ends: all that Python's str.splitlines takes for it. */
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/;
const SECTION = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$/;
const GROUP_NAME = /^([^:\]\s]+)\s*(?:#.*)?$/;

/** A group that was mentioned before it was declared. */
type Mention = { at: SourceRange } & ({ kind: "vars" } | { kind: "children"; parents: string[] });

/**
 * Reads an inventory in Ansible's INI form.
 *
 * @throws DiagnosticsError with every line that can't be read.
 */
export function readIni(text: string, file: string, builder: InventoryBuilder): void {
  const reader = new IniReader(builder);
  text.split(LINE_END).forEach((raw, index) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) return;
    reader.read(line, {
      file,
      line: index + 1,
      column: raw.indexOf(line) + 1,
      endLine: index + 1,
      endColumn: raw.trimEnd().length + 1,
    });
  });
  reader.finish();
}

class IniReader {
  readonly #builder: InventoryBuilder;
  readonly #problems: Diagnostic[] = [];
  readonly #mentioned = new Map<string, Mention>();
  #section: Section = { group: "ungrouped", kind: "hosts" };

  constructor(builder: InventoryBuilder) {
    this.#builder = builder;
  }

  read(line: string, at: SourceRange): void {
    try {
      const section = SECTION.exec(line);
      if (section !== null) this.#startSection(section[1] ?? "", section[2] ?? "hosts", at);
      else if (line.startsWith("[") && /\](\s|$)/.test(line)) {
        throw new Error(
          `${line} is no section: write [group], [group:vars] or [group:children], alone in its line and without blanks`,
        );
      } else if (this.#section.kind === "hosts") this.#readHosts(line, at);
      else if (this.#section.kind === "vars") this.#readVariable(line, at);
      else this.#readChild(line, at);
    } catch (error) {
      if (error instanceof DiagnosticsError) this.#problems.push(...error.diagnostics);
      else this.#wrong(error instanceof Error ? error.message : String(error), at);
    }
  }

  /** @throws DiagnosticsError with all that was wrong. */
  finish(): void {
    for (const [name, mention] of this.#mentioned) {
      const what =
        mention.kind === "vars"
          ? `[${name}:vars] sets variables of the group \`${name}\`, which nothing defines`
          : `[${mention.parents[0] ?? ""}:children] names the group \`${name}\`, which nothing defines`;
      this.#wrong(what, mention.at, `add a section [${name}] with its hosts`);
    }
    if (this.#problems.length > 0) throw new DiagnosticsError(this.#problems);
  }

  #wrong(message: string, at: SourceRange, hint?: string): void {
    this.#problems.push({
      severity: "error",
      code: "inventory-syntax",
      message,
      at,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #startSection(group: string, kind: string, at: SourceRange): void {
    if (kind !== "hosts" && kind !== "vars" && kind !== "children") {
      const meant = didYouMean(kind, ["vars", "children"]);
      throw new Error(
        meant === undefined
          ? `[${group}:${kind}]: a section is [group], [group:vars] or [group:children]`
          : `[${group}:${kind}] is no section: did you mean [${group}:${meant}]?`,
      );
    }
    this.#section = { group, kind };
    if (!this.#builder.hasGroup(group)) {
      // Variables alone make no group: it must be declared elsewhere, before or behind.
      if (kind === "vars" && !this.#mentioned.has(group)) this.#mentioned.set(group, { kind: "vars", at });
      this.#builder.group(group, at);
    }
    if (kind !== "vars") this.#declared(group);
  }

  #declared(group: string): void {
    const mention = this.#mentioned.get(group);
    if (mention === undefined) return;
    this.#mentioned.delete(group);
    if (mention.kind === "vars") return;
    for (const parent of mention.parents) {
      this.#builder.addChild(parent, group, mention.at);
      if (this.#mentioned.get(parent)?.kind === "children") this.#declared(parent);
    }
  }

  #readChild(line: string, at: SourceRange): void {
    const child = GROUP_NAME.exec(line)?.[1];
    if (child === undefined) throw new Error(`\`${line}\` is no name of a group`);
    const { group } = this.#section;
    if (this.#builder.hasGroup(child)) {
      this.#builder.addChild(group, child, at);
      return;
    }
    const mention = this.#mentioned.get(child);
    if (mention?.kind === "children") mention.parents.push(group);
    else this.#mentioned.set(child, { kind: "children", parents: [group], at });
  }

  #readVariable(line: string, at: SourceRange): void {
    const equals = line.indexOf("=");
    if (equals === -1) throw new Error(`\`${line}\` is not a variable: write name=value`);
    const name = line.slice(0, equals).trim();
    if (name === "") throw new Error(`there is no name in front of \`${line}\`: write name=value`);
    const value = iniValue(line.slice(equals + 1).trim());
    const variable = sourcedValue(value, at, this.#builder);
    this.#builder.groupVariable(this.#section.group, name, variable);
  }

  #readHosts(line: string, at: SourceRange): void {
    const [pattern = "", ...assignments] = shellWords(line, { comments: true });
    const { names, port } = hostNames(pattern);
    if (pattern === "---") throw new Error("`---` begins YAML, and this is read as INI");
    const variables = assignments.map((assignment) => {
      const equals = assignment.indexOf("=");
      if (equals === -1) {
        throw new Error(
          `\`${assignment}\` behind the host \`${pattern}\` is not a variable: write name=value`,
        );
      }
      if (equals === 0)
        throw new Error(`there is no name in front of \`${assignment}\`: write name=value, without blanks`);
      const value = iniValue(assignment.slice(equals + 1));
      return [assignment.slice(0, equals), sourcedValue(value, at, this.#builder)] as const;
    });
    for (const name of names) {
      this.#builder.addHost(this.#section.group, name, { at, ...(port === undefined ? {} : { port }) });
      for (const [variable, value] of variables) this.#builder.hostVariable(name, variable, value);
    }
  }
}

/** A value of an INI inventory, typed as Ansible types it: as a Python literal where it is one, otherwise text. */
function iniValue(text: string): Value {
  const literal = pythonLiteral(text);
  return literal === undefined ? text : literal.value;
}
