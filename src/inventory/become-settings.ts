import { type DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import type { ConnectionSettings } from "../transport/connection-settings.ts";
import { present } from "../transport/present.ts";
import type { BecomeMethod } from "../transport/transport.ts";
import type { Scope } from "../variables/scope.ts";
import type { Value } from "../variables/value.ts";
import { becomeFlags, programProblem, type Refusal } from "./become-words.ts";

type BecomeSettings = Pick<
  ConnectionSettings,
  "becomeMethod" | "becomeFlags" | "becomeProgram" | "becomePassword"
>;

/**
 * How to become another user on a host: `ansible_become_method`, `ansible_become_flags`, `ansible_become_exe`, `ansible_become_password`, and Ansible's names for one method alone.
 *
 * @throws DiagnosticsError for a method, program or option that Plumb does not know
 */
export function becomeSettings(
  host: string,
  scope: Scope,
  given: { becomeMethod: BecomeMethod; becomePassword?: string },
): BecomeSettings {
  const becomeMethod = becomeMethodOf(scope, host) ?? given.becomeMethod;
  const program = found(scope, programNames(becomeMethod));
  const flags = found(scope, flagNames(becomeMethod));
  const words = flags === undefined ? [] : passedOn(host, scope, becomeMethod, flags);
  const password = found(scope, [
    "ansible_become_password",
    "ansible_become_pass",
    `ansible_${becomeMethod}_pass`,
  ]);
  return {
    becomeMethod,
    ...(words.length === 0 ? {} : { becomeFlags: { method: becomeMethod, words } }),
    ...(program === undefined
      ? {}
      : { becomeProgram: { method: becomeMethod, path: programOf(host, scope, program) } }),
    ...present("becomePassword", password?.text ?? given.becomePassword),
  };
}

/**
 * What `ansible_become_method` says; undefined where nothing does.
 *
 * @throws DiagnosticsError for a method that Plumb does not know
 */
export function becomeMethodOf(scope: Scope, host: string): BecomeMethod | undefined {
  const method = found(scope, ["ansible_become_method"]);
  if (method === undefined) return undefined;
  const text = method.text.replace(/^ansible\.builtin\./, "");
  if (text === "sudo" || text === "su") return text;
  throw refused(scope, method.name, host, {
    message: `ansible_become_method \`${method.text}\` is not supported`,
    expected: "sudo or su",
  });
}

/**
 * What the keyword `become_flags` asks for; undefined where variables say it, which win as in Ansible, and hold for the whole connection.
 *
 * @throws DiagnosticsError for an option that Plumb does not know
 */
export function becomeFlagsOf(
  scope: Scope,
  host: string,
  method: BecomeMethod,
  keyword: Value | undefined,
): readonly string[] | undefined {
  if (keyword === undefined || keyword === null || found(scope, flagNames(method)) !== undefined)
    return undefined;
  return passedOn(host, scope, method, { name: "become_flags", text: String(keyword) });
}

const flagNames = (method: BecomeMethod): string[] => ["ansible_become_flags", `ansible_${method}_flags`];

/**
 * What the keyword `become_exe` asks for; undefined where variables say it, as with `become_flags`.
 *
 * @throws DiagnosticsError for what is no program
 */
export function becomeProgramOf(
  scope: Scope,
  host: string,
  method: BecomeMethod,
  keyword: Value | undefined,
): string | undefined {
  if (keyword === undefined || keyword === null || found(scope, programNames(method)) !== undefined)
    return undefined;
  return programOf(host, scope, { name: "become_exe", text: String(keyword) });
}

const programNames = (method: BecomeMethod): string[] => ["ansible_become_exe", `ansible_${method}_exe`];

/** @throws DiagnosticsError invalid-option */
function programOf(host: string, scope: Scope, { name, text }: Found): string {
  const problem = programProblem(name, text);
  if (problem === undefined) return text;
  throw refused(scope, name, host, problem);
}

/** @throws DiagnosticsError invalid-option */
function passedOn(host: string, scope: Scope, method: BecomeMethod, { name, text }: Found): string[] {
  const read = becomeFlags(name, text, method);
  if (Array.isArray(read)) return read;
  throw refused(scope, name, host, read);
}

interface Found {
  name: string;
  text: string;
}

/** The last of these variables that is set: so Ansible takes them. */
function found(scope: Scope, names: readonly string[]): Found | undefined {
  for (const name of names.toReversed()) {
    const value = scope.lookup(name);
    if (value !== undefined && value !== null) return { name, text: String(value) };
  }
  return undefined;
}

function refused(scope: Scope, name: string, host: string, { message, ...rest }: Refusal): DiagnosticsError {
  const at = scope.sourceOf(name);
  return inputError("invalid-option", `${host}: ${message}`, {
    ...rest,
    ...(at === undefined ? {} : { at }),
  });
}
