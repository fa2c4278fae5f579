import { readFileSync } from "node:fs";
import { inputError } from "../diagnostics/diagnostic.ts";
import { hostAddress } from "./host-address.ts";

/** Everything but a separator; brackets hold together, and `(?:` is no separator but a regular expression's. */
const PART = /(?:\(\?:|[^\s:[\]]|\[[^\]]*\])+/g;

/**
 * The patterns that are joined with `,` or `:`; a colon separates neither the parts of an IPv6 address nor the ends of a range.
 *
 * @throws DiagnosticsError pattern-syntax for a bracket without its other half: taken for a separator, it would leave a pattern of more hosts than were meant.
 */
export function splitPattern(pattern: string): string[] {
  return pattern
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .flatMap((part) => {
      if (part.startsWith("@") || hostAddress(part.replace(/^[&!]/, "")) !== undefined) return [part];
      if (/[[\]]/.test(part.replace(PART, ""))) {
        throw inputError("pattern-syntax", `\`${part}\` has a bracket without its other half`, {
          expected: "such as web[0], web[1:3], web[ab]* or ~web[0-9]",
        });
      }
      return part.match(PART) ?? [];
    });
}

/**
 * The patterns in a file, one a line; empty lines and those that begin with `#` are none.
 *
 * @throws DiagnosticsError file-not-found, file-unreadable
 */
export function readHostsFile(file: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"));
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw inputError(
      isMissing ? "file-not-found" : "file-unreadable",
      isMissing
        ? `there is no list of hosts ${file}`
        : `the list of hosts ${file} can't be read: ${error instanceof Error ? error.message : ""}`,
    );
  }
}
