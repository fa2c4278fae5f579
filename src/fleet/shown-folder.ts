import path from "node:path";

/** A folder as people want to read it: from where they are, unless that would climb. */
export function shownFolder(folder: string): string {
  const relative = path.relative(process.cwd(), folder);
  return relative.startsWith("..") ? folder : relative || ".";
}
