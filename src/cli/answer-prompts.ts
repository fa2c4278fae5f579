import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { withAllProblems } from "../diagnostics/all-problems.ts";
import { inputError } from "../diagnostics/diagnostic.ts";
import type { Secrets } from "../diagnostics/secrets.ts";
import type { Playbook, VariablePrompt } from "../playbook/playbook.ts";
import type { SourcedVariable, VariableLayer } from "../variables/sourced.ts";
import { askPassword } from "./ask-password.ts";

const SALT_CHARACTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const MOST_TRIES = 3;

/** Where prompts are asked: a terminal, in a run. */
export interface Terminal {
  isThere: boolean;
  ask(prompt: string, how: { isPrivate: boolean }): Promise<string>;
}

/**
 * Asks for the variables of every `vars_prompt`, before any host is touched. What `-e` sets is not asked for. Answers to private prompts are secrets.
 *
 * @throws DiagnosticsError when there is no terminal and no default.
 */
export async function answerPrompts(
  playbooks: readonly Playbook[],
  extra: VariableLayer,
  secrets: Secrets,
  terminal: Terminal = realTerminal,
): Promise<ReadonlyMap<VariablePrompt, SourcedVariable>> {
  const answers = new Map<VariablePrompt, SourcedVariable>();
  const prompts = playbooks
    .flatMap(({ plays }) => plays.flatMap((play) => play.prompts))
    .filter(({ name }) => !extra.variables.has(name));
  if (!terminal.isThere) await withAllProblems(prompts, requireDefault);
  for (const prompt of prompts) {
    const typed = await answerOf(prompt, terminal);
    if (prompt.isPrivate) secrets.add(typed);
    const value = prompt.encrypt === undefined ? typed : await hashed(typed, prompt, prompt.encrypt);
    if (prompt.isPrivate) secrets.add(value);
    answers.set(prompt, { value: { kind: "literal", value, at: prompt.at }, at: prompt.at });
  }
  return answers;
}

/** @throws DiagnosticsError for what nobody can be asked and no default answers */
function requireDefault(prompt: VariablePrompt): void {
  if (prompt.default !== undefined) return;
  throw inputError("invalid-option", `vars_prompt: there is no terminal to ask for \`${prompt.name}\` on`, {
    at: prompt.at,
    hint: `give it with -e ${prompt.name}=VALUE, or a default`,
  });
}

async function answerOf(prompt: VariablePrompt, terminal: Terminal): Promise<string> {
  const fallback = prompt.default;
  if (!terminal.isThere) return fallback ?? "";
  const shown = fallback === undefined || prompt.isPrivate ? prompt.prompt : `${prompt.prompt} [${fallback}]`;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const answer = (await terminal.ask(`${shown}: `, prompt)) || (fallback ?? "");
    if (!prompt.confirm) return answer;
    const again = (await terminal.ask(`${shown}, once more: `, prompt)) || (fallback ?? "");
    if (again === answer) return answer;
  }
  throw inputError("invalid-option", `vars_prompt: the answers for \`${prompt.name}\` were not the same`, {
    at: prompt.at,
  });
}

async function hashed(
  password: string,
  { salt, saltSize }: VariablePrompt,
  kind: "sha512" | "sha256",
): Promise<string> {
  const { shaCrypt } = await import("../variables/functions/sha-crypt.ts");
  const random = [...randomBytes(saltSize)]
    .map((byte) => SALT_CHARACTERS[byte % SALT_CHARACTERS.length])
    .join("");
  return shaCrypt(password, { kind, salt: salt ?? random });
}

const realTerminal: Terminal = {
  get isThere() {
    return process.stdin.isTTY === true;
  },
  ask: (prompt, { isPrivate }) =>
    isPrivate ? askPassword(prompt, "give it with -e instead") : askLine(prompt),
};

function askLine(prompt: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve, reject) => {
    lines.on("close", () => reject(inputError("invalid-option", "no answer was given")));
    lines.question(prompt, (answer) => {
      resolve(answer);
      lines.close();
    });
  });
}
