/** One PostgreSQL server, and what the pools ask of it. */
export interface SizeLine {
  server: string;
  maxConnections: number;
  /** For superusers, and for who connects without the pooler. */
  reserved: number;
  left: number;
  /** The most that the pools can open. */
  ceiling: number;
  arithmetic: string;
  /** The default_pool_size that `ceiling` is for, where it was chosen here. */
  poolSize: number | undefined;
  /** undefined: not even 1 fits. */
  largestPoolSize: number | undefined;
  fits: boolean;
}

/** The arithmetic of pools for people. */
export function sizeLines(lines: readonly SizeLine[]): string {
  return lines.map(sizeText).join("\n");
}

function sizeText(line: SizeLine): string {
  const rows: [string, string][] = [
    ["max_connections", String(line.maxConnections)],
    ["kept back", `− ${line.reserved}`],
    ["left for the pools", `= ${line.left}`],
    ["the pools can open", `${line.ceiling}   ${line.arithmetic}`],
    ["verdict", line.fits ? "fits" : "does NOT fit"],
    [
      "largest default_pool_size",
      line.largestPoolSize === undefined
        ? "none fits: fewer users, databases or processes"
        : String(line.largestPoolSize),
    ],
  ];
  const size = line.poolSize === undefined ? "" : `, default_pool_size ${line.poolSize}`;
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${line.server}${size}\n${rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`).join("")}`;
}
