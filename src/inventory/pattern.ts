import { readFileSync } from "node:fs";
import { inputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { Inventory } from "./inventory.ts";

/**
 * The hosts that a pattern names, in the inventory's order (Ansible, "Patterns: targeting hosts and groups"): names, groups, globs, `~regex`,
 * `group[0]`, `group[1:3]`, joined with `:` or `,`; `&` keeps what is in both, `!` takes away. `@file` reads names from a file.
 *
 * @throws DiagnosticsError pattern-syntax, pattern-matches-nothing
 */
export function hostsMatching(pattern: string, inventory: Inventory): string[] {
  const parts = splitPattern(pattern);
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
    for (const host of matchOne(part.slice(1), inventory, true)) selected.delete(host);
  }
  return [...selected];
}

/** `:` and `,` separate, but not inside brackets, in IPv6 addresses or in a regular expression. */
function splitPattern(pattern: string): string[] {
  return pattern
    .split(",")
    .flatMap((part) => {
      const trimmed = part.trim();
      if (trimmed.startsWith("~") || trimmed.startsWith("@") || /^[0-9A-Fa-f]*:[0-9A-Fa-f:]*:/.test(trimmed))
        return [trimmed];
      return trimmed.split(/:(?![^[]*\])/).map((one) => one.trim());
    })
    .filter(Boolean);
}

function matchOne(part: string, inventory: Inventory, mayBeEmpty = false): string[] {
  if (part.startsWith("@"))
    return fileHosts(part.slice(1)).flatMap((name) => matchOne(name, inventory, mayBeEmpty));
  const subscript = /^(.+)\[(-?\d+)?(?:(:)(-?\d+)?)?\]$/.exec(part);
  if (subscript !== null && !part.startsWith("~")) return sliced(part, subscript, inventory);
  const found = part.startsWith("~") ? byTest(regexOf(part), inventory) : byName(part, inventory);
  if (found.length === 0 && !mayBeEmpty && !isEmptyGroup(part, inventory)) throw nothing(part, inventory);
  return found;
}

function isEmptyGroup(part: string, inventory: Inventory): boolean {
  return inventory.groups.has(part);
}

function sliced(
  part: string,
  [, base = "", first, colon, last]: RegExpExecArray,
  inventory: Inventory,
): string[] {
  const hosts = matchOne(base, inventory);
  if (colon === undefined) {
    const host = hosts.at(Number(first));
    if (host === undefined) {
      throw inputError("pattern-matches-nothing", `\`${part}\`: \`${base}\` has only ${hosts.length} hosts`);
    }
    return [host];
  }
  const [start, end] = [Number(first ?? 0), last === undefined ? hosts.length - 1 : Number(last)];
  if (start >= 0 && end >= 0 && start > end) {
    throw inputError("pattern-syntax", `\`${part}\` ends before it begins`, {
      hint: `write ${base}[${end}:${start}]`,
    });
  }
  return hosts.slice(start, end === -1 ? undefined : end + 1);
}

function byName(name: string, inventory: Inventory): string[] {
  if (name === "all" || name === "*") return [...inventory.hosts.keys()];
  if (inventory.groups.has(name)) return membersOf(name, inventory);
  if (inventory.hosts.has(name)) return [name];
  if (!/[*?[]/.test(name)) return [];
  const expression = name
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".")
    .replaceAll("[!", "[^");
  return byTest(new RegExp(`^${expression}$`), inventory);
}

function byTest(test: RegExp, inventory: Inventory): string[] {
  const found = new Set<string>();
  for (const group of inventory.groups.keys()) {
    if (test.test(group)) for (const host of membersOf(group, inventory)) found.add(host);
  }
  for (const host of inventory.hosts.keys()) if (test.test(host)) found.add(host);
  return [...found];
}

/** Hosts of a group and of its children, in the inventory's order. */
export function membersOf(group: string, inventory: Inventory): string[] {
  if (group === "all") return [...inventory.hosts.keys()];
  const members = new Set<string>();
  const collect = (name: string): void => {
    const one = inventory.groups.get(name);
    for (const host of one?.hosts ?? []) members.add(host);
    for (const child of one?.children ?? []) collect(child);
  };
  collect(group);
  return [...inventory.hosts.keys()].filter((host) => members.has(host));
}

function regexOf(part: string): RegExp {
  try {
    return new RegExp(`^(?:${part.slice(1)})`);
  } catch (error) {
    throw inputError(
      "pattern-syntax",
      `\`${part}\` is no regular expression: ${error instanceof Error ? error.message : ""}`,
    );
  }
}

function fileHosts(file: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"));
  } catch (error) {
    throw inputError(
      "file-unreadable",
      `the list of hosts ${file} can't be read: ${error instanceof Error ? error.message : ""}`,
    );
  }
}

function nothing(part: string, inventory: Inventory): Error {
  const meant = didYouMean(part, [...inventory.groups.keys(), ...inventory.hosts.keys()]);
  return inputError("pattern-matches-nothing", `no host or group matches \`${part}\``, {
    hint: meant === undefined ? "plumb inventory --graph shows what there is" : `did you mean \`${meant}\`?`,
  });
}
