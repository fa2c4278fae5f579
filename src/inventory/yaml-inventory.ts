import {
  type Diagnostic,
  DiagnosticsError,
  inputError,
  type SourceRange,
} from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { compileValue } from "../variables/compile-value.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import type { YamlSource } from "../variables/yaml-source.ts";
import type { InventoryBuilder } from "./inventory-builder.ts";
import { type HostNames, hostNames } from "./ranges.ts";

const GROUP_KEYS = ["hosts", "children", "vars"];

/**
 * Reads an inventory in Ansible's YAML form: groups with `hosts`, `children` and `vars`.
 *
 * @throws DiagnosticsError inventory-syntax, unknown-key
 */
export function readYamlInventory(source: YamlSource, builder: InventoryBuilder): void {
  const content = compileValue(source, source.contents, builder.problems);
  const groups = entries(
    content,
    "an inventory",
    "each group is a key, with `hosts:`, `children:` and `vars:` below it",
  );
  const plugin = groups.find(({ key }) => key === "plugin");
  if (plugin !== undefined) {
    throw inputError(
      "inventory-syntax",
      "this is the configuration of an Ansible inventory plugin, which is Python",
      {
        ...where(plugin.keyAt),
        hint: `write what it finds into a file: ansible-inventory -i ${source.file} --list --export, or print it from a program`,
      },
    );
  }
  const reading: Reading = { builder, problems: [] };
  for (const { key, value, keyAt } of groups) collect(reading, () => readGroup(key, value, keyAt, reading));
  if (reading.problems.length > 0) throw new DiagnosticsError(reading.problems);
}

interface Reading {
  builder: InventoryBuilder;
  problems: Diagnostic[];
}

/** What is wrong is noted, and the rest is read on: all of it is told at once. */
function collect({ problems }: Reading, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    problems.push(...error.diagnostics);
  }
}

function readGroup(name: string, content: Templated, at: SourceRange | undefined, reading: Reading): void {
  reading.builder.group(name, at);
  for (const entry of entries(content, `the group \`${name}\``, OF_GROUPS))
    collect(reading, () => readPart(name, entry, reading));
}

function readPart(name: string, { key, value, keyAt }: TemplatedEntry, reading: Reading): void {
  const { builder } = reading;
  if (key === "vars") {
    for (const variable of entries(value, "vars", OF_VARIABLES))
      collect(reading, () => builder.groupVariable(name, variable.key, sourced(variable)));
  } else if (key === "children") {
    for (const child of entries(value, "children", "each group is a key: write `web:` and not `- web`"))
      collect(reading, () => {
        readGroup(child.key, child.value, child.keyAt, reading);
        builder.addChild(name, child.key, child.keyAt);
      });
  } else if (key === "hosts") readHosts(name, value, reading);
  else throw unknownKey(key, keyAt);
}

const OF_HOSTS = "each host is a key: write `web1:` and not `- web1`";
const OF_GROUPS = "its keys are `hosts:`, `children:` and `vars:`";
const OF_VARIABLES = "each variable is a key: write `name: value`";

function readHosts(group: string, content: Templated, reading: Reading): void {
  for (const entry of entries(content, "hosts", OF_HOSTS))
    collect(reading, () => readHost(group, entry, reading));
}

function readHost(group: string, { key, value, keyAt }: TemplatedEntry, { builder }: Reading): void {
  let hosts: HostNames;
  try {
    hosts = hostNames(key);
  } catch (error) {
    throw inputError(
      "inventory-syntax",
      error instanceof Error ? error.message : String(error),
      where(keyAt),
    );
  }
  const variables = entries(value, `the host \`${key}\``, OF_VARIABLES).map(
    (entry) => [entry.key, sourced(entry)] as const,
  );
  for (const name of hosts.names) {
    builder.addHost(group, name, {
      ...where(keyAt),
      ...(hosts.port === undefined ? {} : { port: hosts.port }),
    });
    for (const [variable, sourcedVariable] of variables)
      builder.hostVariable(name, variable, sourcedVariable);
  }
}

/** The entries of a mapping. Nothing is an empty one, and a single name is one key, as in `hosts: web1`. */
function entries(value: Templated, what: string, hint: string): readonly TemplatedEntry[] {
  if (value.kind === "map") return value.entries;
  if (value.kind === "literal") {
    if (value.value === null) return [];
    if (typeof value.value === "string" && (what === "hosts" || what === "children")) {
      const nothing: Templated = { kind: "literal", value: null };
      return [{ key: value.value, value: nothing, ...(value.at === undefined ? {} : { keyAt: value.at }) }];
    }
  }
  throw inputError("inventory-syntax", `${what} must be a mapping`, { ...where(value.at), hint });
}

function unknownKey(key: string, at: SourceRange | undefined): DiagnosticsError {
  const meant = didYouMean(key, GROUP_KEYS);
  return inputError("unknown-key", `a group has no \`${key}\``, {
    ...where(at),
    expected: GROUP_KEYS.join(", "),
    ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
  });
}

function sourced({ value, keyAt }: TemplatedEntry): SourcedVariable {
  return { value, ...where(keyAt) };
}

function where(at: SourceRange | undefined): { at?: SourceRange } {
  return at === undefined ? {} : { at };
}
