import { createHmac } from "node:crypto";
import { lineNaming } from "../transport/known-hosts.ts";
import { joinLines, linesOf } from "./edited-file.ts";

/** A public host key without the names that it belongs to. */
export interface HostKey {
  type: string;
  /** Base64. */
  key: string;
}

/** Lines of a key parameter: `ssh-ed25519 AAAA…`, with names in front or not. Empty where one is no key. */
export function hostKeysOf(text: string): HostKey[] {
  const keys = linesOf(text.trim()).map((line) => {
    const found = /(?:^|\s)((?:ssh-|ecdsa-|sk-)\S+)\s+([A-Za-z0-9+/]+=*)(?:\s|$)/.exec(line);
    return found === null ? undefined : { type: found[1] ?? "", key: found[2] ?? "" };
  });
  return keys.every((key) => key !== undefined) ? keys : [];
}

/** A known_hosts file in which the name has exactly these keys of these types (sshd(8)); keys of other types stay. */
export function withHostKeys(text: string, name: string, keys: readonly HostKey[], hashed: boolean): string {
  const types = new Set(keys.map(({ type }) => type));
  const missing = new Set(keys.map(({ type, key }) => `${type} ${key}`));
  const kept = linesOf(text).flatMap((line) => {
    const host = lineNaming(line, name);
    if (host === undefined || !types.has(host.keyType)) return [line];
    const wanted = missing.has(`${host.keyType} ${host.key}`) && (!hashed || host.hosts.startsWith("|1|"));
    if (!wanted) return withoutName(line, host.hosts, name);
    missing.delete(`${host.keyType} ${host.key}`);
    return [line];
  });
  return joinLines([...kept, ...[...missing].map((key) => `${name} ${key}`)]);
}

/** A known_hosts file in which the name has none of these keys; without keys, none at all. Other names on its lines stay. */
export function withoutHost(text: string, name: string, keys: readonly HostKey[]): string {
  const unwanted = new Set(keys.map(({ key }) => key));
  const kept = linesOf(text).flatMap((line) => {
    const host = lineNaming(line, name);
    if (host === undefined || (unwanted.size > 0 && !unwanted.has(host.key))) return [line];
    return withoutName(line, host.hosts, name);
  });
  return joinLines(kept);
}

/** Whether a line tells the name in plain. */
export function tellsName(text: string, name: string): boolean {
  return linesOf(text).some((line) => line.startsWith(`${name} `));
}

/** Puts a hash in the place of the name, in lines that begin with it in plain. Each gets a salt of its own (20 bytes, as ssh-keygen -H makes them). */
export function withHashedName(text: string, name: string, salt: () => Buffer): string {
  return joinLines(
    linesOf(text).map((line) => {
      if (!line.startsWith(`${name} `)) return line;
      const grain = salt();
      const hash = createHmac("sha1", grain).update(name).digest("base64");
      return `|1|${grain.toString("base64")}|${hash}${line.slice(name.length)}`;
    }),
  );
}

/** The line without one of its names; no line where it was the only one. */
function withoutName(line: string, hosts: string, name: string): string[] {
  const others = hosts.split(",").filter((one) => one.toLowerCase() !== name.toLowerCase());
  if (hosts.startsWith("|1|") || others.length === 0) return [];
  return [line.replace(hosts, others.join(","))];
}
