import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { canonicalModuleName, moduleNamesAndAliases } from "../modules/catalogue.ts";
import type { Templated } from "../variables/templated.ts";
import { conditionsOf } from "./condition.ts";
import type { Entries } from "./entries.ts";
import type { Condition, InheritedKeywords } from "./playbook.ts";
import { present } from "./present.ts";

/** The keywords of a node on top of what it inherits. `when` and `tags` add up, the others replace. */
export function inherit(above: InheritedKeywords, entries: Entries): InheritedKeywords {
  const own = entries.variables("vars");
  return {
    ...above,
    ...present("become", entries.flag("become")),
    ...present("becomeUser", entries.value("become_user")),
    ...present("becomeMethod", becomeMethod(entries)),
    ...present("noLog", entries.flag("no_log")),
    ...present("ignoreErrors", entries.flag("ignore_errors")),
    ...present("ignoreUnreachable", entries.boolean("ignore_unreachable")),
    ...present("checkMode", entries.boolean("check_mode")),
    ...present("diff", entries.boolean("diff")),
    ...present("delegateTo", entries.value("delegate_to")),
    ...present("runOnce", entries.boolean("run_once")),
    ...present("throttle", throttleOf(entries)),
    ...present("timeoutMs", seconds(entries.number("timeout"))),
    environment: [...above.environment, ...environmentOf(entries)],
    tags: [...new Set([...above.tags, ...entries.words("tags")])],
    when: [...above.when, ...(conditions(entries, "when") ?? [])],
    variables: own.size === 0 ? above.variables : [...above.variables, own],
    moduleDefaults: moduleDefaults(above, entries),
  };
}

/** Conditions behind a keyword; what is wrong with them is noted. */
export function conditions(entries: Entries, keyword: string): Condition[] | undefined {
  const value = entries.filled(keyword);
  if (value === undefined) return undefined;
  return entries.collect(() => conditionsOf(keyword, value, entries.positionOf(keyword)));
}

/** 0 stands for no limit, as in Ansible. */
function throttleOf(entries: Entries): number | undefined {
  const most = entries.number("throttle");
  if (most === undefined || most === 0) return undefined;
  if (Number.isInteger(most) && most > 0) return most;
  return entries.wrong("throttle", "a number of hosts");
}

/** Ansible gives times in seconds; 0 stands for no limit of one's own. */
function seconds(value: number | undefined): number | undefined {
  return value === undefined || value === 0 ? undefined : value * 1000;
}

/** A mapping, what gives one, or a list of them. */
function environmentOf(entries: Entries): readonly Templated[] {
  const layers = entries.list("environment");
  if (layers.some(({ kind }) => kind === "literal"))
    entries.wrong("environment", "a mapping of names to values");
  return layers.filter(({ kind }) => kind !== "literal");
}

function becomeMethod(entries: Entries): InheritedKeywords["becomeMethod"] {
  const method = entries.text("become_method");
  if (method === undefined || method === "sudo" || method === "su") return method;
  return entries.wrong("become_method", "sudo or su");
}

function moduleDefaults(above: InheritedKeywords, entries: Entries): InheritedKeywords["moduleDefaults"] {
  const value = entries.value("module_defaults");
  if (value === undefined) return above.moduleDefaults;
  if (value.kind !== "map") {
    entries.wrong("module_defaults", "a mapping of modules to parameters");
    return above.moduleDefaults;
  }
  const merged = new Map(above.moduleDefaults);
  for (const { key, keyAt, value: parameters } of value.entries) {
    const name = canonicalModuleName(key);
    if (name === undefined) {
      const meant = didYouMean(key, moduleNamesAndAliases());
      entries.note({
        code: "unknown-module",
        message: `there is no module \`${key}\``,
        at: keyAt ?? entries.positionOf("module_defaults"),
        ...present("hint", meant === undefined ? undefined : `did you mean \`${meant}\`?`),
      });
    } else if (parameters.kind === "map") merged.set(name, parameters.entries);
  }
  return merged;
}
