import { existsSync, readFileSync, writeFileSync } from "node:fs";

const FILE = "bench/RESULTS.md";

/** A heading of RESULTS.md with what stands below it; each benchmark has its own, and leaves the others as they are. */
export function writeSection(heading: string, lines: readonly string[]): void {
  const before = existsSync(FILE) ? readFileSync(FILE, "utf8") : "";
  const section = `${[heading, "", ...lines].join("\n").trimEnd()}\n`;
  const start = before.split("\n").indexOf(heading);
  if (start === -1) {
    writeFileSync(FILE, before === "" ? section : `${before.trimEnd()}\n\n${section}`);
    return;
  }
  const rows = before.split("\n");
  const level = /^#+/.exec(heading)?.[0] ?? "#";
  const next = rows.findIndex(
    (row, index) => index > start && /^#+ /.test(row) && (level === "#" || row.startsWith(`${level} `)),
  );
  const rest = next === -1 ? [] : ["", ...rows.slice(next)];
  writeFileSync(
    FILE,
    `${[...rows.slice(0, start), ...section.trimEnd().split("\n"), ...rest].join("\n").trimEnd()}\n`,
  );
}
