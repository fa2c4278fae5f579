import { type DiagnosticsError, inputError, type SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { compileValue } from "../variables/compile-value.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Templated, TemplatedEntry } from "../variables/templated.ts";
import { type InputText, parseYaml } from "../variables/yaml-source.ts";
import type { InventoryBuilder } from "./inventory-builder.ts";
import { expandRanges } from "./ranges.ts";

const GROUP_KEYS = ["hosts", "children", "vars"];

/**
 * Reads an inventory in Ansible's YAML form: groups with `hosts`, `children` and `vars`.
 *
 * @throws DiagnosticsError yaml-syntax, inventory-syntax, unknown-key
 */
export function readYamlInventory(
  { text, ...origin }: InputText,
  file: string,
  builder: InventoryBuilder,
): void {
  const source = parseYaml(text, file, origin);
  for (const { key, value, keyAt } of entries(
    compileValue(source, source.document.contents),
    "an inventory",
  )) {
    readGroup(key, value, keyAt, builder);
  }
}

function readGroup(
  name: string,
  content: Templated,
  at: SourceRange | undefined,
  builder: InventoryBuilder,
): void {
  builder.group(name, at);
  for (const { key, value, keyAt } of entries(content, `the group \`${name}\``)) {
    if (key === "vars") {
      for (const variable of entries(value, "vars"))
        builder.groupVariable(name, variable.key, sourced(variable));
    } else if (key === "children") {
      for (const child of entries(value, "children")) {
        builder.addChild(name, child.key, child.keyAt);
        readGroup(child.key, child.value, child.keyAt, builder);
      }
    } else if (key === "hosts") readHosts(name, value, builder);
    else throw unknownKey(key, keyAt);
  }
}

function readHosts(group: string, content: Templated, builder: InventoryBuilder): void {
  for (const { key, value, keyAt } of entries(content, "hosts")) {
    let names: string[];
    try {
      names = expandRanges(key);
    } catch (error) {
      throw inputError(
        "inventory-syntax",
        error instanceof Error ? error.message : String(error),
        keyAt === undefined ? {} : { at: keyAt },
      );
    }
    for (const name of names) {
      builder.addHost(group, name, keyAt);
      for (const variable of entries(value, `the host \`${key}\``))
        builder.hostVariable(name, variable.key, sourced(variable));
    }
  }
}

function entries(value: Templated, what: string): readonly TemplatedEntry[] {
  if (value.kind === "map") return value.entries;
  if (value.kind === "literal" && value.value === null) return [];
  if (value.kind === "literal" && typeof value.value === "object" && !Array.isArray(value.value)) return [];
  throw inputError("inventory-syntax", `${what} must be a mapping`, {
    ...(value.at === undefined ? {} : { at: value.at }),
    hint: "each host is a key: write `web1:` and not `- web1`",
  });
}

function unknownKey(key: string, at: SourceRange | undefined): DiagnosticsError {
  const meant = didYouMean(key, GROUP_KEYS);
  return inputError("unknown-key", `a group has no \`${key}\``, {
    ...(at === undefined ? {} : { at }),
    expected: GROUP_KEYS.join(", "),
    ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }),
  });
}

function sourced({ value, keyAt }: TemplatedEntry): SourcedVariable {
  return { value, ...(keyAt === undefined ? {} : { at: keyAt }) };
}
