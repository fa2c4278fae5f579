import { becomeFlags, programProblem, type Refusal } from "../inventory/become-words.ts";
import { CONNECTIONS } from "../inventory/connection-variables.ts";
import { isPort } from "../inventory/ssh-options.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated } from "../variables/templated.ts";
import type { Entries } from "./entries.ts";

/**
 * Keywords that say who acts where, and through what. What is written there without a template is looked at when the playbook is loaded; what a template comes to,
 * when a host is known.
 */

/** `become_user`, `delegate_to`, `remote_user`: the name of somebody or something. */
export function nameOf(entries: Entries, key: string): Templated | undefined {
  const value = entries.wording(key);
  const literal = value === undefined ? undefined : literalOf(value);
  if (literal === "") return entries.wrong(key, "a name");
  if (typeof literal === "string" && literal.includes("\0"))
    return refused(entries, key, { message: `\`${key}\` can't hold a NUL character` });
  return value;
}

/** `become_exe`. */
export function programOf(entries: Entries): Templated | undefined {
  const value = entries.wording("become_exe");
  const literal = value === undefined ? undefined : literalOf(value);
  if (typeof literal === "number") return entries.wrong("become_exe", "text");
  const problem = literal === undefined ? undefined : programProblem("become_exe", String(literal));
  return problem === undefined ? value : refused(entries, "become_exe", problem);
}

/** `become_flags`: sudo's or su's, for what a host becomes by may stand in its variables. */
export function flagsOf(entries: Entries): Templated | undefined {
  const value = entries.wording("become_flags");
  const literal = value === undefined ? undefined : literalOf(value);
  if (literal === undefined) return value;
  const method = entries.value("become_method");
  const isOfSu = method !== undefined && literalOf(method) === "su";
  const methods = isOfSu ? (["su", "sudo"] as const) : (["sudo", "su"] as const);
  const [problem, ...others] = methods.flatMap((one) => {
    const read = becomeFlags("become_flags", String(literal), one);
    return Array.isArray(read) ? [] : [read];
  });
  return problem === undefined || others.length === 0 ? value : refused(entries, "become_flags", problem);
}

/** `port` of a play. */
export function portOf(entries: Entries): Templated | undefined {
  const value = entries.value("port");
  if (value === undefined || value.kind === "text" || value.kind === "expression") return value;
  const literal = literalOf(value);
  const isNumber = typeof literal === "number" || (typeof literal === "string" && literal !== "");
  return isNumber && isPort(Number(literal)) ? value : entries.wrong("port", "a port: 1 to 65535");
}

/** `connection` of a play. */
export function connectionOf(entries: Entries): Templated | undefined {
  const value = entries.wording("connection");
  const literal = value === undefined ? undefined : literalOf(value);
  if (literal === undefined || CONNECTIONS.includes(String(literal))) return value;
  return entries.wrongChoice("connection", CONNECTIONS, "ssh or local");
}

function refused(entries: Entries, key: string, problem: Refusal): undefined {
  entries.note({ code: "wrong-type", at: entries.positionOf(key), ...problem });
  return undefined;
}
