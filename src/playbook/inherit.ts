import type { Templated } from "../variables/templated.ts";
import { conditionsOf } from "./condition.ts";
import type { Entries } from "./entries.ts";
import { badEnvironmentName, isEnvironmentName } from "./environment-name.ts";
import { flagsOf, nameOf, programOf } from "./literal-keywords.ts";
import { moduleDefaults } from "./module-defaults.ts";
import type { Condition, InheritedKeywords } from "./playbook.ts";
import { present } from "./present.ts";

/** The keywords of a node on top of what it inherits. `when` and `tags` add up, the others replace. */
export function inherit(above: InheritedKeywords, entries: Entries): InheritedKeywords {
  const own = entries.variables("vars");
  // Modules have one name each here: where Ansible looks for them says nothing, but a slip of the pen is told of.
  entries.names("collections");
  return {
    ...above,
    ...present("become", entries.flag("become")),
    ...present("becomeUser", nameOf(entries, "become_user")),
    ...present("becomeMethod", becomeMethod(entries)),
    ...present("becomeFlags", flagsOf(entries)),
    ...present("becomeExe", programOf(entries)),
    ...present("noLog", entries.flag("no_log")),
    ...present("ignoreErrors", entries.flag("ignore_errors")),
    ...present("ignoreUnreachable", entries.flag("ignore_unreachable")),
    ...present("checkMode", entries.flag("check_mode")),
    ...present("diff", entries.flag("diff")),
    ...present("delegateTo", nameOf(entries, "delegate_to")),
    ...present("runOnce", entries.flag("run_once")),
    ...present("anyErrorsFatal", entries.flag("any_errors_fatal")),
    ...present("delegateFacts", entries.flag("delegate_facts")),
    ...present("throttle", throttleOf(entries)),
    ...present("timeout", entries.amount("timeout")),
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

function throttleOf(entries: Entries): Templated | undefined {
  const most = entries.amount("throttle");
  if (most?.kind === "literal" && !Number.isInteger(most.value))
    return entries.wrong("throttle", "a number of hosts");
  return most;
}

/** A mapping, what gives one, or a list of them. */
function environmentOf(entries: Entries): readonly Templated[] {
  const isLayer = ({ kind }: Templated): boolean => kind !== "literal" && kind !== "list";
  const layers = entries.list("environment");
  if (!layers.every(isLayer)) entries.wrong("environment", "a mapping of names to values");
  for (const layer of layers) {
    if (layer.kind !== "map") continue;
    for (const { key, keyAt } of layer.entries.filter((entry) => !isEnvironmentName(entry.key)))
      entries.problems.push(badEnvironmentName(key, keyAt ?? entries.positionOf("environment")));
  }
  return layers.filter(isLayer);
}

function becomeMethod(entries: Entries): InheritedKeywords["becomeMethod"] {
  const method = entries.text("become_method");
  if (method === undefined || method === "sudo" || method === "su") return method;
  return entries.wrongChoice("become_method", ["sudo", "su"], "sudo or su");
}
