import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { canonicalModuleName, moduleNames, moduleNamesAndAliases } from "../modules/catalogue.ts";
import type { TemplatedEntry } from "../variables/templated.ts";
import { describeTemplated, type Entries } from "./entries.ts";
import type { InheritedKeywords } from "./playbook.ts";
import { present } from "./present.ts";

/** `group/NAME`: modules that share the parameters of a login. */
const GROUPS: readonly string[] = ["postgresql", "pgbouncer"];

/**
 * `module_defaults` on top of what is inherited: a mapping of modules (or `group/postgresql`, for all modules of that name) to parameters, or a list of
 * such mappings. What is nearer replaces what is further away, module by module, as in Ansible.
 */
export function moduleDefaults(
  above: InheritedKeywords,
  entries: Entries,
): InheritedKeywords["moduleDefaults"] {
  const written = entries.list("module_defaults");
  if (written.length === 0) return above.moduleDefaults;
  const merged = new Map(above.moduleDefaults);
  for (const value of written) {
    if (value.kind !== "map") {
      entries.wrong("module_defaults", "a mapping of modules to parameters");
      continue;
    }
    for (const entry of value.entries) {
      for (const name of modulesOf(entry, entries)) {
        if (entry.value.kind === "map") merged.set(name, entry.value.entries);
        else {
          entries.note({
            code: "wrong-type",
            message: `the defaults of \`${entry.key}\` must be a mapping of parameters, not ${describeTemplated(entry.value)}`,
            at: entry.value.at ?? entry.keyAt ?? entries.positionOf("module_defaults"),
          });
        }
      }
    }
  }
  return merged;
}

function modulesOf({ key, keyAt }: TemplatedEntry, entries: Entries): string[] {
  const at = keyAt ?? entries.positionOf("module_defaults");
  if (key.startsWith("group/")) {
    const group = key.replace(/^group\/(.*\.)?/, "");
    if (GROUPS.includes(group)) return moduleNames().filter((name) => name.startsWith(`${group}_`));
    entries.note({
      code: "unknown-module",
      message: `there is no group of modules \`${key}\``,
      at,
      expected: GROUPS.map((one) => `group/${one}`).join(", "),
      hint: "name each module",
    });
    return [];
  }
  const name = canonicalModuleName(key);
  if (name !== undefined) return [name];
  const meant = didYouMean(key, moduleNamesAndAliases());
  entries.note({
    code: "unknown-module",
    message: `there is no module \`${key}\``,
    at,
    ...present("hint", meant === undefined ? undefined : `did you mean \`${meant}\`?`),
  });
  return [];
}
