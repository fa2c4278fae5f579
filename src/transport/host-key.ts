import { homedir } from "node:os";
import path from "node:path";
import type { ConnectionSettings } from "./connection-settings.ts";
import {
  fingerprint,
  judgeKey,
  type KnownHostsLine,
  keyTypeOf,
  knownKeyTypes,
  readKnownHosts,
  rememberKey,
} from "./known-hosts.ts";
import { expandHome } from "./ssh-config.ts";
import { TransportError } from "./transport.ts";

/** Decides whether a server is who it should be. Every connection has one: without it ssh2 accepts any key. */
export interface HostKeyCheck {
  /** Key types to ask for first; empty when the host is not known. */
  preferredTypes: readonly string[];
  /** @returns whether the key is accepted; if not, `refusal` says why. */
  accept(key: Buffer): Promise<boolean>;
  refusal: TransportError | undefined;
}

/**
 * @param name under which the host's key is looked up, such as `db1` or `[db1]:2222`.
 * @param alsoKnownAs further names, such as its address.
 */
export async function hostKeyCheck(
  settings: Pick<ConnectionSettings, "hostKeyPolicy" | "knownHostsFiles"> & { name: string },
  names: readonly string[],
): Promise<HostKeyCheck> {
  const files = (settings.knownHostsFiles ?? defaultFiles()).map(expandHome);
  const lines = await readKnownHosts(files);
  const check: HostKeyCheck = {
    preferredTypes: knownKeyTypes(lines, names),
    refusal: undefined,
    accept: async (key) => {
      const judged = judgeKey(lines, names, key);
      if (judged.verdict === "known") return true;
      if (judged.verdict === "unknown" && settings.hostKeyPolicy === "accept-new" && files[0] !== undefined) {
        await rememberKey(files[0], names[0] ?? settings.name, key);
        return true;
      }
      check.refusal =
        judged.verdict === "unknown"
          ? unknownKey(settings.name, names, key, files)
          : badKey(settings.name, names, key, judged.line);
      return false;
    },
  };
  return check;
}

function defaultFiles(): string[] {
  return [path.join(homedir(), ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"];
}

function unknownKey(
  host: string,
  names: readonly string[],
  key: Buffer,
  files: readonly string[],
): TransportError {
  const [name] = names;
  return new TransportError(
    "host-key-unknown",
    host,
    `${host}: its host key is not known: ${keyTypeOf(key)} ${fingerprint(key)}`,
    {
      hint: `compare the fingerprint with what the host shows on its console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then connect once with ssh, or add it to ${files[0] ?? "known_hosts"}: ssh-keyscan ${scanArguments(name ?? host)}; --accept-new-host-keys (ansible_host_key_checking: accept-new) trusts whatever a new host shows`,
    },
  );
}

function badKey(host: string, names: readonly string[], key: Buffer, line: KnownHostsLine): TransportError {
  const what = line.marker === "revoked" ? "is revoked" : "has changed";
  return new TransportError(
    "host-key-changed",
    host,
    `${host}: its host key ${what}: the server shows ${keyTypeOf(key)} ${fingerprint(key)}, but ${line.file}:${line.line} says otherwise. Somebody may be between you and the host`,
    { hint: `if the host was installed anew: ssh-keygen -f ${line.file} -R '${names[0] ?? host}'` },
  );
}

function scanArguments(name: string): string {
  const withPort = /^\[(.+)\]:(\d+)$/.exec(name);
  return withPort === null ? name : `-p ${withPort[2] ?? ""} ${withPort[1] ?? ""}`;
}
