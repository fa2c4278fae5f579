import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { BecomeMethod } from "../transport/transport.ts";
import { shellWords } from "./shell-words.ts";

/** Why a word can't be taken. */
export type Refusal = Pick<Diagnostic, "message" | "expected" | "hint">;

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

/** Why this is no program that could stand in place of sudo or su; undefined for one. */
export function programProblem(name: string, text: string): Refusal | undefined {
  if (!text.includes("\0") && /^(\/[^\s~]+|[^\s/~-][^\s/~]*)$/.test(text)) return undefined;
  return {
    message: `${name} \`${text}\` is no program`,
    expected: "a name, such as sudo, or an absolute path, such as /usr/local/bin/sudo",
    hint: "options go into `become_flags`",
  };
}

/** The words that are passed on to sudo or su; without those that say what Plumb does anyway. */
export function becomeFlags(name: string, text: string, method: BecomeMethod): string[] | Refusal {
  if (text.includes("\0")) return { message: `${name} can't hold a NUL character` };
  const words: string[] = [];
  const written = shellWords(text, { comments: false });
  for (let index = 0; index < written.length; index++) {
    for (const option of single(written[index] ?? "")) {
      const key = option.startsWith("--") ? option.replace(/=.*$/, "") : option.slice(0, 2);
      const isKnown = (options: readonly string[]): boolean => options.includes(key);
      if (!isKnown(DONE_ANYWAY[method]) && !isKnown(PASSED_ON[method]))
        return {
          message: `the option \`${option}\` of ${method} in ${name} is not known to Plumb`,
          expected: [...DONE_ANYWAY[method], ...PASSED_ON[method]].join(", "),
          hint: "what a login shell sets, `environment` of a play or task can set; the rest belongs into sudoers",
        };
      const isAlone = WITH_VALUE.has(key) && option === key;
      const value = isAlone ? written[++index] : undefined;
      if (isAlone && value === undefined) return { message: `\`${option}\` in ${name} needs a value` };
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
