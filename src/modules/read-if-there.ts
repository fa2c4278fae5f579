import { readFileSync } from "node:fs";

/** The text of a file on the controller; undefined when it can't be read. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
