import { inputError } from "../diagnostics/diagnostic.ts";
import type { TemplatedEntry } from "../variables/templated.ts";
import { conditionsOf } from "./condition.ts";
import type { Entries } from "./entries.ts";
import type { InheritedKeywords } from "./playbook.ts";

/** The keywords of a node on top of what it inherits. `when` and `tags` add up, the others replace. */
export function inherit(above: InheritedKeywords, entries: Entries): InheritedKeywords {
  const when = entries.value("when");
  const own = entries.variables("vars");
  const environment = entries.value("environment");
  return {
    ...above,
    ...present("become", entries.value("become")),
    ...present("becomeUser", entries.value("become_user")),
    ...present("becomeMethod", becomeMethod(entries)),
    ...present("noLog", entries.value("no_log")),
    ...present("ignoreErrors", entries.value("ignore_errors")),
    ...present("ignoreUnreachable", entries.boolean("ignore_unreachable")),
    ...present("checkMode", entries.boolean("check_mode")),
    ...present("diff", entries.boolean("diff")),
    ...present("delegateTo", entries.value("delegate_to")),
    ...present("runOnce", entries.boolean("run_once")),
    ...present("timeoutMs", seconds(entries.number("timeout"))),
    environment: environment === undefined ? above.environment : [...above.environment, environment],
    tags: [...new Set([...above.tags, ...entries.words("tags")])],
    when:
      when === undefined
        ? above.when
        : [...above.when, ...conditionsOf("when", when, entries.positionOf("when"))],
    variables: own.size === 0 ? above.variables : [...above.variables, own],
    moduleDefaults: moduleDefaults(above, entries),
  };
}

/** Ansible gives times in seconds. */
export function seconds(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value * 1000;
}

export function present<Key extends string, Type>(key: Key, value: Type | undefined): { [K in Key]?: Type } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Type };
}

function becomeMethod(entries: Entries): InheritedKeywords["becomeMethod"] {
  const method = entries.text("become_method");
  if (method === undefined || method === "sudo" || method === "su") return method;
  throw inputError("wrong-type", `\`become_method: ${method}\` is not supported`, {
    at: entries.positionOf("become_method"),
    expected: "sudo or su",
  });
}

function moduleDefaults(above: InheritedKeywords, entries: Entries): InheritedKeywords["moduleDefaults"] {
  const value = entries.value("module_defaults");
  if (value?.kind !== "map") return above.moduleDefaults;
  const merged = new Map(above.moduleDefaults);
  for (const { key, value: parameters } of value.entries) {
    const list: readonly TemplatedEntry[] = parameters.kind === "map" ? parameters.entries : [];
    merged.set(key, list);
  }
  return merged;
}
