import { createHash } from "node:crypto";
import type { Value } from "../value.ts";
import { given, type LibraryFunction, list, text, whole } from "./library-function.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Numbers that look random and are the same for the same seed: a chain of SHA-256. */
function* numbers(seed: string): Generator<number, never> {
  for (let block = 0; ; block++) {
    const bytes = createHash("sha256").update(`${block}\n${seed}`).digest();
    for (let index = 0; index < bytes.length; index += 4) yield bytes.readUInt32BE(index);
  }
}

/** A number below the limit, each as likely as the other. */
function below(limit: number, source: Generator<number, never>): number {
  const most = Math.floor(2 ** 32 / limit) * limit;
  for (;;) {
    const { value } = source.next();
    if (value < most) return value % limit;
  }
}

/** The seed is not left out: what is different at every run would be a change at every run. */
const sourceOf = (name: string, seed: Value | undefined): Generator<number, never> =>
  numbers(text(name, seed));

/** Functions that give something random, chosen by a seed: the same seed (such as the host's name) gives the same at every run. */
export const randomFunctions: readonly LibraryFunction[] = [
  {
    name: "random",
    parameters: ["of", "seed"],
    summary:
      "A whole number below another, or an item of a list, chosen by the seed: `random(60, inventory_hostname)`.",
    example: { expression: 'random(60, "web1") == random(60, "web1")', value: true },
    call: ([of, seed]) => {
      const source = sourceOf("random", seed);
      if (typeof of === "number") return below(whole("random", of, 1, 2 ** 32), source);
      const items = list("random", of);
      if (items.length === 0) throw new Error("random: the list is empty");
      return items[below(items.length, source)] ?? null;
    },
  },
  {
    name: "shuffle",
    parameters: ["list", "seed"],
    summary: "The items in an order chosen by the seed.",
    example: { expression: 'sort(shuffle([1, 2, 3], "web1"))', value: [1, 2, 3] },
    call: ([value, seed]) => {
      const source = sourceOf("shuffle", seed);
      const items = [...list("shuffle", value)];
      for (let index = items.length - 1; index > 0; index--) {
        const other = below(index + 1, source);
        [items[index], items[other]] = [items[other] ?? null, items[index] ?? null];
      }
      return items;
    },
  },
  {
    name: "random_text",
    parameters: ["length", "seed", "characters?"],
    summary:
      "So many letters and digits chosen by the seed: a salt, or a name. Not a password: whoever knows the seed knows it (see `password_file`).",
    example: { expression: 'length(random_text(16, "web1"))', value: 16 },
    call: ([length, seed, characters]) => {
      const letters = given(characters, (one) => [...text("random_text", one)], [...LETTERS]);
      if (letters.length === 0) throw new Error("random_text: there are no characters to choose from");
      const source = sourceOf("random_text", seed);
      return Array.from(
        { length: whole("random_text", length, 0, 10_000) },
        () => letters[below(letters.length, source)],
      ).join("");
    },
  },
  {
    name: "random_mac",
    parameters: ["prefix", "seed"],
    summary: "A MAC address that starts with the prefix, chosen by the seed.",
    example: { expression: 'slice(random_mac("52:54:00", "web1"), 0, 9)', value: "52:54:00:" },
    call: ([prefix, seed]) => {
      const parts = text("random_mac", prefix).toLowerCase().split(":").filter(Boolean);
      if (parts.length > 5 || parts.some((part) => !/^[0-9a-f]{2}$/.test(part)))
        throw new Error("random_mac: the prefix has one to five parts such as 52:54:00");
      const source = sourceOf("random_mac", seed);
      while (parts.length < 6) parts.push(below(256, source).toString(16).padStart(2, "0"));
      return parts.join(":");
    },
  },
];
