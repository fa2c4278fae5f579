import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { appendFile, mkdir } from "node:fs/promises";
import path from "node:path";

/** One line of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT", OpenSSH 9.2). */
export interface KnownHostsLine {
  file: string;
  line: number;
  marker: "revoked" | "cert-authority" | undefined;
  /** Names and patterns as written: plain, or one hashed name. */
  hosts: string;
  keyType: string;
  /** Base64, as written. */
  key: string;
}

/** What known_hosts says of a key that a server showed. */
export type KeyVerdict =
  | { verdict: "known" }
  | { verdict: "unknown" }
  | { verdict: "changed"; line: KnownHostsLine }
  | { verdict: "revoked"; line: KnownHostsLine };

/** Lines of all the files that exist. @throws the file system's error for one that exists and can't be read. */
export async function readKnownHosts(files: readonly string[]): Promise<KnownHostsLine[]> {
  const texts = await Promise.all(files.map(async (file) => parseKnownHosts(file, readIfPresent(file))));
  return texts.flat();
}

export function parseKnownHosts(file: string, text: string): KnownHostsLine[] {
  const lines: KnownHostsLine[] = [];
  text.split("\n").forEach((raw, index) => {
    const words = raw.trim().split(/\s+/);
    if (words[0] === undefined || words[0] === "" || words[0].startsWith("#")) return;
    const marker =
      words[0] === "@revoked" ? "revoked" : words[0] === "@cert-authority" ? "cert-authority" : undefined;
    const [hosts, keyType, key] = marker === undefined ? words : words.slice(1);
    if (hosts === undefined || keyType === undefined || key === undefined) return;
    lines.push({ file, line: index + 1, marker, hosts, keyType, key });
  });
  return lines;
}

/** The line of a known_hosts file, if it names the host itself: not by a pattern, and without a marker. */
export function lineNaming(line: string, name: string): KnownHostsLine | undefined {
  const [parsed] = parseKnownHosts("", line);
  if (parsed === undefined || parsed.marker !== undefined) return undefined;
  const { hosts } = parsed;
  const names = hosts.startsWith("|1|")
    ? matchesHashed(hosts, name)
    : hosts.split(",").some((one) => one.toLowerCase() === name.toLowerCase());
  return names ? parsed : undefined;
}

/** The name under which a host is looked up: `[host]:port` unless the port is 22. */
export function knownHostsName(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** Judges a key: a revoked one is refused even if another line knows it. */
export function judgeKey(
  lines: readonly KnownHostsLine[],
  names: readonly string[],
  key: Buffer,
): KeyVerdict {
  const shown = key.toString("base64");
  const mine = lines.filter(
    (line) => line.marker !== "cert-authority" && names.some((name) => matchesHost(line.hosts, name)),
  );
  const revoked = mine.find((line) => line.marker === "revoked" && line.key === shown);
  if (revoked !== undefined) return { verdict: "revoked", line: revoked };
  const plain = mine.filter((line) => line.marker === undefined);
  if (plain.some((line) => line.key === shown)) return { verdict: "known" };
  const type = keyTypeOf(key);
  const other = plain.find((line) => line.keyType === type) ?? plain[0];
  return other === undefined ? { verdict: "unknown" } : { verdict: "changed", line: other };
}

/** Key types known for a host: they are asked for first, or another key of the same server looks like a change. */
export function knownKeyTypes(lines: readonly KnownHostsLine[], names: readonly string[]): string[] {
  const mine = lines.filter(
    (line) => line.marker === undefined && names.some((name) => matchesHost(line.hosts, name)),
  );
  return [...new Set(mine.map((line) => line.keyType))];
}

/** Appends a key that is trusted from now on. One write, so that lines of connections made at the same time do not mix. */
export async function rememberKey(file: string, name: string, key: Buffer): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await appendFile(file, `${name} ${keyTypeOf(key)} ${key.toString("base64")}\n`, { mode: 0o600 });
}

/** The type named at the start of a key blob (RFC 4253, 6.6). */
export function keyTypeOf(key: Buffer): string {
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString();
}

/** `SHA256:…`, as ssh-keygen -l shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

function matchesHost(hosts: string, name: string): boolean {
  if (hosts.startsWith("|1|")) return matchesHashed(hosts, name);
  let matched = false;
  for (const pattern of hosts.split(",")) {
    if (pattern.startsWith("!") && matchesPattern(pattern.slice(1), name)) return false;
    if (matchesPattern(pattern, name)) matched = true;
  }
  return matched;
}

function matchesHashed(hashed: string, name: string): boolean {
  const [, , salt, hash] = hashed.split("|");
  if (salt === undefined || hash === undefined) return false;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
}

function matchesPattern(pattern: string, name: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "i").test(name);
}

function readIfPresent(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
