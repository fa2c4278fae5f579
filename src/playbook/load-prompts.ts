import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { literalOf } from "../variables/evaluate.ts";
import { Entries } from "./entries.ts";
import type { VariablePrompt } from "./playbook.ts";
import { isReserved, reservedName } from "./reserved-name.ts";
import { badVariableName, isVariableName } from "./variable-name.ts";

const KEYS = ["name", "prompt", "default", "private", "confirm", "encrypt", "salt", "salt_size", "unsafe"];

/** Hashes by the names that Ansible has for them. */
const ENCRYPTIONS: Readonly<Record<string, "sha512" | "sha256">> = {
  sha512_crypt: "sha512",
  sha256_crypt: "sha256",
  sha512: "sha512",
  sha256: "sha256",
};

/** `vars_prompt` of a play; what is wrong is noted. */
export function loadPrompts(play: Entries): VariablePrompt[] {
  return play.list("vars_prompt").flatMap((item) => {
    const entries = new Entries(item, "an entry of vars_prompt", item.at ?? play.at, play.problems);
    for (const key of entries.keys.filter((one) => !KEYS.includes(one))) {
      const meant = didYouMean(key, KEYS);
      const hint = meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` };
      entries.note({
        code: "unknown-key",
        message: `a prompt has no \`${key}\``,
        at: entries.keyPosition(key),
        ...hint,
      });
    }
    const name = entries.text("name");
    if (name === undefined) {
      entries.note({
        code: "missing-key",
        message: "this prompt names no variable",
        at: entries.at,
        expected: "name: NAME",
      });
      return [];
    }
    if (!isVariableName(name)) entries.note(badVariableName(name, entries.positionOf("name")));
    else if (isReserved(name)) entries.problems.push(reservedName(name, entries.positionOf("name")));
    const fallback = entries.value("default");
    const literal = fallback === undefined ? undefined : literalOf(fallback);
    if (
      fallback !== undefined &&
      (literal === undefined || (typeof literal === "object" && literal !== null))
    ) {
      entries.wrong("default", "text, without templates: nothing is known yet when it is asked");
    }
    const written = entries.text("encrypt");
    const encrypt = written === undefined ? undefined : ENCRYPTIONS[written];
    if (written !== undefined && encrypt === undefined)
      entries.wrongChoice("encrypt", Object.keys(ENCRYPTIONS), "sha512_crypt or sha256_crypt");
    const salt = entries.text("salt");
    if (salt !== undefined && !/^[./0-9A-Za-z]{1,16}$/.test(salt)) {
      entries.wrong("salt", "1 to 16 characters of ./0-9A-Za-z");
    }
    entries.boolean("unsafe");
    const saltSize = entries.number("salt_size") ?? 16;
    if (!Number.isInteger(saltSize) || saltSize < 1 || saltSize > 16)
      entries.wrong("salt_size", "a number from 1 to 16");
    return [
      {
        name,
        prompt: entries.label("prompt") ?? name,
        isPrivate: entries.boolean("private") ?? true,
        confirm: entries.boolean("confirm") ?? false,
        ...(literal === undefined || literal === null ? {} : { default: String(literal) }),
        ...(encrypt === undefined ? {} : { encrypt }),
        ...(salt === undefined ? {} : { salt }),
        saltSize,
        at: entries.at,
      },
    ];
  });
}
