import type { SourceRange } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { Templated } from "../variables/templated.ts";
import type { Inventory } from "./inventory.ts";

/** A play asks for a group that the inventory lacks, and that has one of nearly the same name. */
export interface MisspeltGroup {
  message: string;
  hint: string;
  at: SourceRange | undefined;
}

/**
 * `!expr default(groups.clients, [])` is for a part that not everybody has: without the group the play has no host, and that is no mistake. A group of nearly that name, of which no
 * play of the run speaks, is one.
 *
 * @param plays in the order of the run; each missing group is told of once, at the first that asks for it.
 */
export function misspeltGroups(
  plays: readonly { hosts: Templated; at: SourceRange }[],
  { groups }: Inventory,
): MisspeltGroup[] {
  const texts = plays.map(({ hosts }) => textOf(hosts));
  const spokenOf = new Set(texts.flatMap((text) => text.match(/\w+/g) ?? []));
  const others = [...groups.keys()].filter(
    (name) => name !== "all" && name !== "ungrouped" && !spokenOf.has(name),
  );
  const told = new Set<string>();
  const found: MisspeltGroup[] = [];
  for (const [index, { hosts, at }] of plays.entries()) {
    for (const [, name = ""] of texts[index]?.matchAll(/\bgroups\.(\w+)/g) ?? []) {
      if (groups.has(name) || told.has(name)) continue;
      told.add(name);
      const near = didYouMean(name, others);
      if (near === undefined) continue;
      found.push({
        message: `the play is for the group \`${name}\`, which the inventory does not have; it has \`${near}\``,
        hint: `did you mean \`${name}\`? Then rename \`${near}\` in the inventory`,
        at: hosts.at ?? at,
      });
    }
  }
  return found;
}

/** What is computed, as it is written. What is written out has to be there anyway. */
function textOf(value: Templated): string {
  switch (value.kind) {
    case "expression":
      return value.expression.source;
    case "text":
      return value.template.source;
    case "list":
      return value.items.map(textOf).join(" ");
    default:
      return value.kind === "literal" ? String(value.value) : "";
  }
}
