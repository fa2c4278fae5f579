import { type Diagnostic, DiagnosticsError, type SourceRange } from "../diagnostics/diagnostic.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import { compileText } from "../variables/text-template.ts";
import type { Value } from "../variables/value.ts";
import { iniValue, splitWords } from "./ini-value.ts";
import type { InventoryBuilder } from "./inventory-builder.ts";
import { expandRanges } from "./ranges.ts";

type Section = { group: string; kind: "hosts" | "vars" | "children" };

/**
 * Reads an inventory in Ansible's INI form.
 *
 * @throws DiagnosticsError with every line that can't be read.
 */
export function readIni(text: string, file: string, builder: InventoryBuilder): void {
  const problems: Diagnostic[] = [];
  const varsSections: { group: string; at: SourceRange }[] = [];
  let section: Section = { group: "ungrouped", kind: "hosts" };
  text.split("\n").forEach((raw, index) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) return;
    const at: SourceRange = {
      file,
      line: index + 1,
      column: raw.indexOf(line) + 1,
      endLine: index + 1,
      endColumn: raw.trimEnd().length + 1,
    };
    try {
      if (line.startsWith("[") && /^\[[^\]]+\]\s*([#;].*)?$/.test(line) && !/^\[\d*:/.test(line)) {
        section = readSection(line);
        if (section.kind === "vars") varsSections.push({ group: section.group, at });
        else builder.group(section.group, at);
      } else readLine(line, section, at, builder);
    } catch (error) {
      if (error instanceof DiagnosticsError) problems.push(...error.diagnostics);
      else
        problems.push({
          severity: "error",
          code: "inventory-syntax",
          message: error instanceof Error ? error.message : String(error),
          at,
        });
    }
  });
  for (const { group, at } of varsSections) {
    if (builder.hasGroup(group)) builder.group(group);
    if (!builder.hasGroup(group)) {
      problems.push({
        severity: "error",
        code: "inventory-syntax",
        message: `[${group}:vars] sets variables of the group \`${group}\`, which nothing defines`,
        at,
        hint: `add a section [${group}] with its hosts`,
      });
    }
  }
  if (problems.length > 0) throw new DiagnosticsError(problems);
}

function readSection(line: string): Section {
  const inner = line.slice(1, line.indexOf("]"));
  const [group = "", kind = "hosts"] = inner.split(":");
  if (kind !== "hosts" && kind !== "vars" && kind !== "children") {
    throw new Error(`[${inner}]: a section is [group], [group:vars] or [group:children]`);
  }
  return { group: group.trim(), kind };
}

function readLine(line: string, section: Section, at: SourceRange, builder: InventoryBuilder): void {
  if (section.kind === "children") {
    builder.addChild(section.group, (splitWords(line)[0] ?? line).trim(), at);
  } else if (section.kind === "vars") {
    const equals = line.indexOf("=");
    if (equals === -1) throw new Error(`\`${line}\` is not a variable: write name=value`);
    const value = variable(iniValue(withoutComment(line.slice(equals + 1))), at);
    builder.groupVariable(section.group, line.slice(0, equals).trim(), value);
  } else readHostLine(line, section.group, at, builder);
}

function readHostLine(line: string, group: string, at: SourceRange, builder: InventoryBuilder): void {
  const [pattern = "", ...assignments] = splitWords(line);
  const { names, port } = hostNames(pattern);
  for (const name of names) {
    builder.addHost(group, name, at);
    if (port !== undefined) builder.hostVariable(name, "ansible_port", variable(port, at));
    for (const assignment of assignments) {
      const equals = assignment.indexOf("=");
      if (equals <= 0)
        throw new Error(
          `\`${assignment}\` behind the host \`${pattern}\` is not a variable: write name=value`,
        );
      builder.hostVariable(
        name,
        assignment.slice(0, equals),
        variable(iniValue(assignment.slice(equals + 1)), at),
      );
    }
  }
}

/** `name`, `name:port`, `[ipv6]:port`, with ranges. */
function hostNames(pattern: string): { names: string[]; port: number | undefined } {
  const withPort = /^(.+?):(\d+)$/.exec(pattern);
  const bare = withPort?.[1];
  const isPort = bare !== undefined && !/\[[^\]]*$/.test(bare) && (!bare.includes(":") || /\]$/.test(bare));
  const text = isPort ? bare : pattern;
  const port = isPort ? Number(withPort?.[2]) : undefined;
  const address = /^\[([0-9A-Fa-f:.]+)\]$/.exec(text);
  if (address?.[1] !== undefined && (address[1].match(/:/g) ?? []).length > 2)
    return { names: [address[1]], port };
  return { names: expandRanges(text), port };
}

/** In `:vars` sections ` #` begins a comment. */
function withoutComment(text: string): string {
  return text.replace(/\s+#.*$/, "");
}

function variable(value: Value, at: SourceRange): SourcedVariable {
  if (typeof value === "string" && value.includes("{{")) {
    return { value: { kind: "text", template: compileText(value, at), at }, at };
  }
  return { value: { kind: "literal", value, at }, at };
}
