import { text as textOf } from "node:stream/consumers";
import { inputError } from "../diagnostics/diagnostic.ts";
import { stageFile } from "../variables/vault/replace-file.ts";
import { askPassword } from "./ask-password.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type SealOptions, sealOf } from "./vault.ts";

export interface EncryptStringOptions extends SealOptions {
  name?: string[];
  stdinName?: string;
  prompt?: boolean;
  output?: string;
}

interface NamedText {
  name: string | undefined;
  text: string;
}

/** As deep as Ansible indents it. */
const INDENT = " ".repeat(10);

/** `plumb vault encrypt-string`. */
export async function encryptStringCommand(
  texts: readonly string[],
  options: EncryptStringOptions,
): Promise<ExitCode> {
  const named = await namedTexts(texts, options);
  const empty = named.find(({ text }) => text === "");
  if (empty !== undefined)
    throw inputError(
      "invalid-option",
      `there is nothing to vault${empty.name === undefined ? "" : ` for ${empty.name}`}`,
    );
  const seal = await sealOf(options);
  const blocks: string[] = [];
  for (const { name, text } of named) {
    const vaulted = (await seal(Buffer.from(text))).toString().trimEnd();
    const lines = vaulted.split("\n").map((line) => INDENT + line);
    blocks.push([`${name === undefined ? "" : `${name}: `}!vault |`, ...lines, ""].join("\n"));
  }
  const result = blocks.join("\n");
  if (options.output === undefined || options.output === "-") process.stdout.write(result);
  else await (await stageFile(options.output, Buffer.from(result))).commit();
  return EXIT.ok;
}

async function namedTexts(
  texts: readonly string[],
  { name: names = [], stdinName, prompt }: EncryptStringOptions,
): Promise<NamedText[]> {
  const fromStdin = stdinName !== undefined || texts.includes("-");
  const given = texts.filter((text) => text !== "-");
  if (names.length > Math.max(given.length, 1))
    throw inputError("invalid-option", "there are more names (-n) than texts");
  if (given.length > 0)
    process.stderr.write(
      "what was given as an argument stands in the shell's history: --prompt asks for it\n",
    );
  const named = given.map((text, index): NamedText => ({ name: names[index], text }));
  const isPiped = given.length === 0 && !process.stdin.isTTY && prompt !== true;
  if (fromStdin || isPiped) {
    if (process.stdin.isTTY)
      process.stderr.write("Type the text; Ctrl-D ends it (twice, if not on a new line).\n");
    const name = stdinName ?? (given.length === 0 ? names[0] : undefined);
    named.unshift({ name, text: await textOf(process.stdin) });
  } else if (prompt === true || given.length === 0) {
    const name = given.length === 0 ? names[0] : undefined;
    const text = await askPassword(`Value${name === undefined ? "" : ` of ${name}`}: `, "pipe it instead");
    named.push({ name, text });
  }
  return named;
}
