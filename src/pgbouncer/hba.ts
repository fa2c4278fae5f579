import { isIPv4 } from "node:net";

/** A rule of the HBA file, first match wins (PgBouncer's documentation, "HBA file format"). */
export interface HbaRule {
  type: "local" | "host" | "hostssl" | "hostnossl";
  databases: readonly string[];
  users: readonly string[];
  /** Address or network; absent for `local`. */
  address?: string | undefined;
  method: string;
}

/** The HBA file. */
export function renderHba(rules: readonly HbaRule[]): string {
  const lines = rules.map(({ type, databases, users, address, method }) =>
    [
      type,
      databases.map(word).join(","),
      users.map(word).join(","),
      ...(address === undefined ? [] : [withPrefix(address)]),
      method,
    ].join("\t"),
  );
  return `# Managed by Plumb: changes by hand are undone by the next run.\n${lines.join("\n")}\n`;
}

/** What PgBouncer would silently not understand in a rule: it starts all the same, and refuses everybody. */
export function hbaProblem(rule: HbaRule): string | undefined {
  if (rule.type === "local" && rule.address !== undefined) return "a local rule has no address";
  if (rule.type !== "local" && rule.address === undefined) return `a ${rule.type} rule needs an address`;
  if (rule.address !== undefined && ipVersion(rule.address.split("/")[0] ?? "") === undefined) {
    return `\`${rule.address}\` is no address or network: PgBouncer's HBA knows no host names, all, samehost or samenet`;
  }
  const group = [...rule.databases, ...rule.users].find((name) => name.startsWith("+"));
  return group === undefined ? undefined : `\`${group}\`: PgBouncer's HBA knows no roles' members`;
}

/** Not Node.js's `isIP`: its expression for IPv6 takes 4 ms to compile, in each run that looks at a rule for ::1. */
function ipVersion(address: string): 4 | 6 | undefined {
  if (isIPv4(address)) return 4;
  return /^[0-9a-f:.]+$/i.test(address) && URL.canParse(`http://[${address}]`) ? 6 : undefined;
}

function withPrefix(address: string): string {
  if (address.includes("/")) return address;
  return `${address}/${ipVersion(address) === 6 ? 128 : 32}`;
}

function word(name: string): string {
  return /^[A-Za-z0-9_.*-]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
