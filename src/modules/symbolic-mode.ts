import { z } from "zod";
import type { PathState } from "../queries/path-state.ts";
import { fileMode } from "./parameter-types.ts";

const CLAUSE = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/;

/** Octal as `fileMode` takes it, or words as chmod(1) and Ansible take them: `u=rw,g=r,o=`. */
export const anyFileMode = z.union([
  z
    .string()
    .refine((text) => !/^[0-9]/.test(text) && text.split(",").every((clause) => CLAUSE.test(clause)), {
      error: 'must be octal digits in quotes, such as "0644", or as chmod writes it, such as u=rw,g=r,o=',
    }),
  fileMode,
]);

/** What a clause without u, g, o or a leaves alone: Debian's umask of root. */
const UMASK = 0o022;

/** Bits that a letter stands for, at all three places. */
const BITS: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111, s: 0o6000, t: 0o1000 };
/** Bits that belong to user, group and others: the sticky bit is the others'. */
const PLACES: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007 };
const ALL = 0o7777;
const SET_ID = 0o6000;

/**
 * A mode in octal digits. Words are about the mode that is there, so that they are settled only when that is known.
 *
 * @param whenNew octal digits that something new starts with.
 */
export function octalMode(mode: string | undefined, state: PathState, whenNew: string): string | undefined {
  if (mode === undefined || /^[0-7]{4}$/.test(mode)) return mode;
  const isDirectory = state.type === "directory" || (state.type === "absent" && whenNew === NEW_DIRECTORY);
  const start = Number.parseInt(state.type === "absent" ? whenNew : state.mode, 8);
  const bits = mode.split(",").reduce((now, clause) => applyClause(now, clause, isDirectory), start);
  return bits.toString(8).padStart(4, "0");
}

/** What mkdir(1) makes under Debian's umask of root. */
export const NEW_DIRECTORY = "0755";
/** The same of a file. */
export const NEW_FILE = "0644";

/** As GNU chmod does it: one action after another, each on what the one before left. */
function applyClause(start: number, clause: string, isDirectory: boolean): number {
  const [, who = "", actions = ""] = CLAUSE.exec(clause) ?? [];
  const affected = who.includes("a") ? ALL : [...who].reduce((bits, one) => bits | (PLACES[one] ?? 0), 0);
  let mode = start;
  for (const [, sign, letters = ""] of actions.matchAll(/([-+=])([a-zA-Z]*)/g)) {
    const bits = bitsOf(letters, mode, isDirectory);
    // A directory keeps its set-id bits unless they are named.
    const untouched = isDirectory
      ? SET_ID & ~(affected === 0 ? named(letters) : affected & named(letters))
      : 0;
    const wanted = bits & (affected === 0 ? ~UMASK : affected) & ~untouched;
    if (sign === "+") mode |= wanted;
    else if (sign === "-") mode &= ~wanted;
    else mode = (mode & ((affected === 0 ? 0 : ALL & ~affected) | untouched)) | wanted;
  }
  return mode;
}

const named = (letters: string): number => (letters.includes("s") ? SET_ID : 0);

function bitsOf(letters: string, mode: number, isDirectory: boolean): number {
  const copied = { u: mode >> 6, g: mode >> 3, o: mode }[letters];
  if (copied !== undefined) return (copied & 7) * 0o111;
  return [...letters].reduce((bits, letter) => {
    if (letter === "X") return isDirectory || (mode & 0o111) !== 0 ? bits | 0o111 : bits;
    return bits | (BITS[letter] ?? 0);
  }, 0);
}
