import { type HostAddress, hostAddress } from "./host-address.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/** More hosts than this in one line are a slip of the hand, not a fleet. */
const MOST_HOSTS = 1_000_000;

/** A host line's first word, taken apart: the hosts it stands for, and their port. */
export interface HostNames {
  names: readonly string[];
  port?: number;
}

/**
 * The hosts that `web1`, `web[01:20:2].example.com:2222`, `db[a:c]` or `[2001:db8::1]:22` stand for.
 *
 * @throws Error when a range can't be read.
 */
export function hostNames(pattern: string): HostNames {
  const address: HostAddress = hostAddress(pattern) ?? { host: pattern };
  if (address.port === undefined && pattern.endsWith(":")) {
    throw new Error(`\`${pattern}\` ends with a colon: a port must stand behind it`);
  }
  if (address.host.trim() === "") throw new Error("a host must have a name");
  const names = expandRanges(address.host);
  return address.port === undefined ? { names } : { names, port: address.port };
}

/**
 * The names that a pattern with ranges stands for (Ansible, "Adding ranges of hosts").
 *
 * @throws Error when a range can't be read.
 */
export function expandRanges(pattern: string): string[] {
  if (!pattern.includes("[")) return [pattern];
  let names = [""];
  let rest = pattern;
  while (rest.includes("[")) {
    const open = rest.indexOf("[");
    const close = rest.indexOf("]", open);
    if (close === -1) throw new Error(`the bracket in \`${pattern}\` is not closed`);
    const items = rangeItems(rest.slice(open + 1, close));
    if (names.length * items.length > MOST_HOSTS) {
      throw new Error(`\`${pattern}\` stands for more than ${MOST_HOSTS} hosts`);
    }
    const before = rest.slice(0, open);
    names = names.flatMap((name) => items.map((item) => name + before + item));
    rest = rest.slice(close + 1);
  }
  return names.map((name) => name + rest);
}

function rangeItems(text: string): string[] {
  const [begin = "", end = "", step = "1", ...rest] = text.split(":");
  const stride = Number(step);
  if (rest.length > 0 || end === "" || !/^\d+$/.test(step) || stride < 1) throw badRange(text);
  if (/^[A-Za-z]$/.test(begin) && /^[A-Za-z]$/.test(end)) {
    return numbers(LETTERS.indexOf(begin), LETTERS.indexOf(end), stride, text).map(
      (index) => LETTERS[index] ?? "",
    );
  }
  if (!/^\d*$/.test(begin) || !/^\d+$/.test(end)) throw badRange(text);
  if (begin.startsWith("0") && begin.length > 1 && begin.length !== end.length) {
    throw new Error(
      `the range [${text}] has ends of different lengths: write [${begin}:${end.padStart(begin.length, "0")}]`,
    );
  }
  const width = begin.startsWith("0") ? begin.length : 0;
  return numbers(Number(begin || "0"), Number(end), stride, text).map((one) =>
    String(one).padStart(width, "0"),
  );
}

function numbers(begin: number, end: number, stride: number, text: string): number[] {
  if (begin > end) throw new Error(`the range [${text}] ends before it begins`);
  const length = Math.floor((end - begin) / stride) + 1;
  if (length > MOST_HOSTS) throw new Error(`the range [${text}] stands for more than ${MOST_HOSTS} hosts`);
  return Array.from({ length }, (_, index) => begin + index * stride);
}

function badRange(text: string): Error {
  return new Error(`[${text}] is not a range: write [1:9], [01:20:2] or [a:f]`);
}
