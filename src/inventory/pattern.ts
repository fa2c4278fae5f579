import { inputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { globExpression, regularExpression } from "./glob.ts";
import { type Inventory, membersOf } from "./inventory.ts";
import { readHostsFile, splitPattern } from "./split-pattern.ts";

/**
 * The hosts that a pattern names, in Ansible's order (Ansible, "Patterns: targeting hosts and groups"): names, groups, globs, `~regex`,
 * `group[0]`, `group[1:3]`, joined with `:` or `,`; `&` keeps what is in both, `!` takes away. `@file` reads patterns from a file.
 *
 * @throws DiagnosticsError pattern-syntax, pattern-matches-nothing
 */
export function hostsMatching(pattern: string, inventory: Inventory): string[] {
  const written = splitPattern(pattern);
  if (written.length === 0) {
    throw inputError("pattern-syntax", "the pattern is empty: it names no host", {
      hint: "for every host write `all`",
    });
  }
  const parts = written.flatMap((part) => (part.startsWith("@") ? readHostsFile(part.slice(1)) : [part]));
  // Only a file can come to nothing here, and a list of no hosts means no host.
  if (parts.length === 0) return [];
  const plain = parts.filter((part) => !/^[&!]/.test(part));
  const selected = new Set<string>();
  for (const part of plain.length === 0 ? ["all"] : plain) {
    for (const host of matchOne(part, inventory)) selected.add(host);
  }
  for (const part of parts.filter((one) => one.startsWith("&"))) {
    const kept = new Set(matchOne(part.slice(1), inventory));
    for (const host of selected) if (!kept.has(host)) selected.delete(host);
  }
  for (const part of parts.filter((one) => one.startsWith("!"))) {
    for (const host of matchOne(part.slice(1), inventory)) selected.delete(host);
  }
  return [...selected];
}

/** `NAME[2]`, `NAME[-1]`, `NAME[1:3]`, `NAME[1:]`; the end is included. */
const SUBSCRIPT = /^(.+)\[(?:(-?[0-9]+)|([0-9]+)[:-]([0-9]*))\]$/;

function matchOne(part: string, inventory: Inventory): readonly string[] {
  if (part === "") throw inputError("pattern-syntax", "there is no pattern behind `!` or `&`");
  if (inventory.hosts.has(part)) return [part];
  const subscript = part.startsWith("~") ? null : SUBSCRIPT.exec(part);
  if (subscript !== null) return sliced(part, subscript, inventory);
  const found = enumerate(part, inventory);
  if (found === undefined) throw nothing(part, inventory);
  return found;
}

function sliced(
  part: string,
  [, base = "", index, first, last]: RegExpExecArray,
  inventory: Inventory,
): readonly string[] {
  const hosts = enumerate(base, inventory);
  if (hosts === undefined) throw nothing(base, inventory);
  if (hosts.length === 0) return hosts;
  const end = last === undefined || last === "" ? hosts.length - 1 : Number(last);
  if (index === undefined && Number(first) > end && last !== "") {
    throw inputError("pattern-syntax", `\`${part}\` ends before it begins`, {
      hint: `write ${base}[${last}:${first}]`,
    });
  }
  const found =
    index === undefined ? hosts.slice(Number(first), end + 1) : hosts.slice(Number(index)).slice(0, 1);
  if (found.length === 0 || Number(index) < -hosts.length) {
    const many = hosts.length === 1 ? "1 host" : `${hosts.length} hosts`;
    throw inputError("pattern-matches-nothing", `\`${part}\`: \`${base}\` has only ${many}`, {
      hint: "the first one is [0]",
    });
  }
  return found;
}

/** @returns undefined when no group and no host has such a name; an empty group is something. */
function enumerate(part: string, inventory: Inventory): readonly string[] | undefined {
  const isRegex = part.startsWith("~");
  if (!isRegex && !/[?*[]/.test(part)) {
    if (inventory.groups.has(part)) return membersOf(part, inventory);
    return inventory.hosts.has(part) ? [part] : undefined;
  }
  const test = isRegex ? regularExpression(part) : globExpression(part);
  const groups = [...inventory.groups.keys()].filter((group) => test.test(group));
  const hosts = new Set(groups.flatMap((group) => membersOf(group, inventory)));
  for (const host of inventory.hosts.keys()) if (test.test(host)) hosts.add(host);
  return groups.length === 0 && hosts.size === 0 ? undefined : [...hosts];
}

function nothing(part: string, inventory: Inventory): Error {
  const meant = didYouMean(part, [...inventory.groups.keys(), ...inventory.hosts.keys()]);
  return inputError("pattern-matches-nothing", `no host or group matches \`${part}\``, {
    hint: meant === undefined ? whatThereIs(inventory) : `did you mean \`${meant}\`?`,
  });
}

/** The groups by their names, where they are few. */
function whatThereIs({ groups }: Inventory): string {
  const names = [...groups.keys()].filter((name) => name !== "all" && name !== "ungrouped");
  if (names.length === 0 || names.length > 12) return "plumb inventory --graph shows what there is";
  return `the inventory has the groups ${names.join(", ")}`;
}
