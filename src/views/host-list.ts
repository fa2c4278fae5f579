import { safeText } from "./safe-text.ts";

interface Run {
  before: string;
  first: string;
  last: string;
  after: string;
  count: number;
}

/**
 * Names of hosts, those that count up as a range in the way of inventories: `web1, db[01:12]`.
 *
 * @param most about so many characters; how many hosts there are besides is said.
 */
export function hostList(hosts: readonly string[], most: number): string {
  const runs = runsOf(hosts);
  let text = "";
  let told = 0;
  for (const run of runs) {
    const next = `${text === "" ? "" : ", "}${textOf(run)}`;
    if (text !== "" && text.length + next.length > most) return `${text} and ${hosts.length - told} more`;
    text += next;
    told += run.count;
  }
  return text;
}

function runsOf(hosts: readonly string[]): Run[] {
  const runs: Run[] = [];
  for (const host of hosts
    .map((one) => safeText(one))
    .sort((one, other) => one.localeCompare(other, "en", { numeric: true }))) {
    const [, before = host, number = "", after = ""] = /^(.*?)(\d+)(\D*)$/.exec(host) ?? [];
    const last = runs.at(-1);
    if (
      last !== undefined &&
      number !== "" &&
      last.before === before &&
      last.after === after &&
      follows(last.last, number)
    ) {
      last.last = number;
      last.count += 1;
    } else runs.push({ before, first: number, last: number, after, count: 1 });
  }
  return runs;
}

/** `007` follows `006`, and `10` follows `9`; `010` does not. */
function follows(one: string, other: string): boolean {
  if (one === "" || Number(other) !== Number(one) + 1) return false;
  return one.length === other.length || (!one.startsWith("0") && !other.startsWith("0"));
}

function textOf({ before, first, last, after, count }: Run): string {
  if (count === 1) return `${before}${first}${after}`;
  return count === 2
    ? `${before}${first}${after}, ${before}${last}${after}`
    : `${before}[${first}:${last}]${after}`;
}
