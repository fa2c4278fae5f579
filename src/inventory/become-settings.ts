import { type DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import type { ConnectionSettings } from "../transport/connection-settings.ts";
import { present } from "../transport/present.ts";
import type { BecomeMethod } from "../transport/transport.ts";
import type { Scope } from "../variables/scope.ts";
import type { Value } from "../variables/value.ts";
import { shellWords } from "./shell-words.ts";

type BecomeSettings = Pick<
  ConnectionSettings,
  "becomeMethod" | "becomeFlags" | "becomeProgram" | "becomePassword"
>;

/** What Plumb does anyway, or what its shell needs no word for. */
const DONE_ANYWAY: Readonly<Record<BecomeMethod, readonly string[]>> = {
  sudo: ["-H", "-S", "-n", "--set-home", "--stdin", "--non-interactive"],
  su: ["-s", "--shell"],
};

/** Options that change who is become, and how. */
const PASSED_ON: Readonly<Record<BecomeMethod, readonly string[]>> = {
  sudo: [
    "-E",
    "-P",
    "-g",
    "-r",
    "-t",
    "-C",
    "--preserve-env",
    "--preserve-groups",
    "--group",
    "--role",
    "--type",
    "--close-from",
  ],
  su: [
    "-",
    "-l",
    "-m",
    "-p",
    "-P",
    "-g",
    "-G",
    "--login",
    "--preserve-environment",
    "--pty",
    "--group",
    "--supp-group",
  ],
};

/** Of them, those that take the next word. */
const WITH_VALUE = new Set([
  "-g",
  "-r",
  "-t",
  "-C",
  "-G",
  "-s",
  "--group",
  "--role",
  "--type",
  "--close-from",
  "--supp-group",
  "--shell",
]);

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
  throw refused(scope, method.name, {
    what: `${host}: ansible_become_method \`${method.text}\` is not supported`,
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
  if (!text.includes("\0") && /^(\/[^\s~]+|[^\s/~-][^\s/~]*)$/.test(text)) return text;
  throw refused(scope, name, {
    what: `${host}: ${name} \`${text}\` is no program`,
    expected: "a name, such as sudo, or an absolute path, such as /usr/local/bin/sudo",
    hint: "options go into `become_flags`",
  });
}

/** @throws DiagnosticsError invalid-option */
function passedOn(host: string, scope: Scope, method: BecomeMethod, { name, text }: Found): string[] {
  const words: string[] = [];
  if (text.includes("\0"))
    throw refused(scope, name, { what: `${host}: ${name} can't hold a NUL character` });
  const written = shellWords(text, { comments: false });
  for (let index = 0; index < written.length; index++) {
    const word = written[index] ?? "";
    for (const option of single(word)) {
      const key = option.startsWith("--") ? option.replace(/=.*$/, "") : option.slice(0, 2);
      const isKnown = (options: readonly string[]): boolean => options.includes(key);
      if (!isKnown(DONE_ANYWAY[method]) && !isKnown(PASSED_ON[method]))
        throw refused(scope, name, {
          what: `${host}: the option \`${option}\` of ${method} in ${name} is not known to Plumb`,
          expected: [...DONE_ANYWAY[method], ...PASSED_ON[method]].join(", "),
          hint: "what a login shell sets, `environment` of a play or task can set; the rest belongs into sudoers",
        });
      const isAlone = WITH_VALUE.has(key) && option === key;
      const value = isAlone ? written[++index] : undefined;
      if (isAlone && value === undefined)
        throw refused(scope, name, { what: `${host}: \`${option}\` in ${name} needs a value` });
      if (isKnown(PASSED_ON[method])) words.push(option, ...(value === undefined ? [] : [value]));
    }
  }
  return words;
}

/** `-HSn` is three options, of which the last may have its value behind it: `-Hgstaff`. */
function single(word: string): string[] {
  if (!/^-[A-Za-z]{2,}/.test(word)) return [word];
  const options: string[] = [];
  for (let at = 1; at < word.length; at++) {
    const option = `-${word[at]}`;
    if (WITH_VALUE.has(option)) return [...options, option + word.slice(at + 1)];
    options.push(option);
  }
  return options;
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

function refused(
  scope: Scope,
  name: string,
  { what, ...rest }: { what: string; expected?: string; hint?: string },
): DiagnosticsError {
  const at = scope.sourceOf(name);
  return inputError("invalid-option", what, { ...rest, ...(at === undefined ? {} : { at }) });
}
