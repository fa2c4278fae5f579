import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import type { Entries } from "./entries.ts";
import { INSTEAD, KEYWORDS, PLACE_NAMES, type Place } from "./keywords.ts";

/**
 * Complains of keywords that are misspelt, belong elsewhere, or that Plumb says differently: none is silently left out.
 *
 * @param besides keys that are no keywords but right here, such as the module's name.
 */
export function checkKeywords(entries: Entries, place: Place, besides: readonly string[] = []): void {
  const known = KEYWORDS[place];
  for (const key of entries.keys.filter((one) => !known.includes(one) && !besides.includes(one)))
    entries.note(unknownKeyword(key, entries, place));
}

/** The finding for one key that is no keyword of this place. */
export function unknownKeyword(key: string, entries: Entries, place: Place): Omit<Diagnostic, "severity"> {
  const found = { code: "unknown-key", at: entries.keyPosition(key) } as const;
  const instead = insteadOf(key);
  if (instead !== undefined) {
    return { ...found, message: `\`${key}\` is said differently here`, hint: instead };
  }
  const meant = didYouMean(key, KEYWORDS[place]);
  const homes = (Object.keys(KEYWORDS) as Place[]).filter((other) => KEYWORDS[other].includes(key));
  const [home] = homes;
  const hint =
    home !== undefined
      ? `it belongs to ${PLACE_NAMES[home]}`
      : meant === undefined
        ? undefined
        : `did you mean \`${meant}\`?`;
  return {
    ...found,
    message: `${PLACE_NAMES[place]} has no keyword \`${key}\``,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** What to write instead of a keyword of Ansible's that Plumb does not have. */
export function insteadOf(key: string): string | undefined {
  if (Object.hasOwn(INSTEAD, key)) return INSTEAD[key];
  return key.startsWith("with_")
    ? "write `loop:` with a list, or with an expression that gives one"
    : undefined;
}
