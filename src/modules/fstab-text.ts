import { unescaped } from "../queries/mount-state.ts";
import { joinLines, linesOf } from "./edited-file.ts";

/** A line of fstab(5). */
export interface FstabEntry {
  src: string;
  path: string;
  fstype: string;
  opts: string;
  dump: string;
  passno: string;
}

/** The table with this entry: it takes the place of the last one that is about the same thing; others of it go. A line that says the same stays as it is written. */
export function withEntry(text: string, entry: FstabEntry): string {
  const lines = linesOf(text);
  const places = placesOf(lines, entry);
  const last = places.at(-1);
  if (last === undefined) return joinLines([...lines, lineOf(entry)]);
  return joinLines(
    lines.flatMap((line, index) => {
      if (index === last) return [isSame(parsed(line), entry) ? line : lineOf(entry)];
      return places.includes(index) ? [] : [line];
    }),
  );
}

export function withoutEntry(text: string, entry: Pick<FstabEntry, "src" | "path">): string {
  const lines = linesOf(text);
  const places = placesOf(lines, entry);
  return places.length === 0 ? text : joinLines(lines.filter((_, index) => !places.includes(index)));
}

/** Swap areas have no place: they are told apart by what they are on. */
function placesOf(lines: readonly string[], { src, path }: Pick<FstabEntry, "src" | "path">): number[] {
  return lines.flatMap((line, index) => {
    const other = parsed(line);
    if (other === undefined) return [];
    const same = path === "none" ? other.path === "none" && other.src === src : other.path === path;
    return same ? [index] : [];
  });
}

function parsed(line: string): FstabEntry | undefined {
  const words = line.trim().split(/\s+/);
  const [src = "", path, fstype = "", opts = "defaults", dump = "0", passno = "0"] = words.map(unescaped);
  return path === undefined || words[0]?.startsWith("#") === true
    ? undefined
    : { src, path, fstype, opts, dump, passno };
}

function isSame(one: FstabEntry | undefined, other: FstabEntry): boolean {
  return one !== undefined && lineOf(one) === lineOf(other);
}

function lineOf({ src, path, fstype, opts, dump, passno }: FstabEntry): string {
  return [src, path, fstype, opts, dump, passno].map(escaped).join(" ");
}

function escaped(text: string): string {
  return text.replace(/[\s\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
