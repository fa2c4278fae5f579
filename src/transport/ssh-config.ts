import { execFile } from "node:child_process";
import { homedir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { ConnectionSettings } from "./connection-settings.ts";
import { sshSeconds } from "./ssh-time.ts";
import { TransportError } from "./transport.ts";

/** How `ssh` itself would reach a host. */
export interface SshConfig {
  hostName: string;
  port: number;
  user: string;
  identityFiles: string[];
  identitiesOnly: boolean;
  identityAgent: string | undefined;
  proxyJump: string[];
  proxyCommand: string | undefined;
  knownHostsFiles: string[];
  strictHostKeyChecking: string;
  hostKeyAlias: string | undefined;
  /** ConnectTimeout; undefined where nobody has said it. */
  connectTimeoutMs: number | undefined;
  /** ServerAliveInterval; undefined where it is off, as it is unless somebody says otherwise. */
  keepAliveIntervalMs: number | undefined;
  keepAliveCount: number | undefined;
}

const run = promisify(execFile);
const cache = new Map<string, Promise<SshConfig | undefined>>();

/**
 * What `~/.ssh/config` and `/etc/ssh/ssh_config` say of a host, by `ssh -G`: the only reader that knows Include, Match and tokens as ssh does.
 *
 * @returns undefined when there is no ssh client here: then only the inventory counts.
 * @throws TransportError where ssh refuses the name, or its configuration
 */
export function sshConfigOf(
  host: string,
  { user, port, configFile }: Pick<ConnectionSettings, "user" | "port" | "configFile">,
): Promise<SshConfig | undefined> {
  const args = [
    ...(configFile === undefined ? [] : ["-F", configFile]),
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
  ];
  const key = [...args, host].join("\0");
  let config = cache.get(key);
  if (config === undefined) {
    config = ask(host, args);
    cache.set(key, config);
  }
  return config;
}

/** Whether the inventory says everything, so that there is nothing to ask the configuration. */
export function settingsSayAll(settings: ConnectionSettings): boolean {
  return (
    settings.configFile === undefined &&
    settings.address !== undefined &&
    settings.user !== undefined &&
    settings.privateKeyFile !== undefined &&
    settings.knownHostsFiles !== undefined
  );
}

async function ask(host: string, args: readonly string[]): Promise<SshConfig | undefined> {
  try {
    const { stdout } = await run("ssh", ["-G", ...args, "--", host], { timeout: 10_000 });
    return parseSshConfig(stdout);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ("code" in error && error.code === "ENOENT") return undefined;
    const said = "stderr" in error ? String(error.stderr).replaceAll("\r", "").trim() : "";
    const reason = said.split("\n").find(Boolean) ?? error.message;
    throw new TransportError("unreachable", host, `${host}: ssh does not know how to reach it: ${reason}`, {
      cause: error,
      hint: "`ssh -G HOST` says the same: mend the name, or the configuration of ssh",
    });
  }
}

/** The output of `ssh -G` (OpenSSH 9.2): a keyword in lower case and its value on each line. */
export function parseSshConfig(text: string): SshConfig {
  const values = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space === -1) continue;
    const key = line.slice(0, space);
    values.set(key, [...(values.get(key) ?? []), line.slice(space + 1).trim()]);
  }
  const one = (key: string): string | undefined => {
    const value = values.get(key)?.[0];
    return value === undefined || value === "none" ? undefined : value;
  };
  const knownHosts = `${one("userknownhostsfile") ?? ""} ${one("globalknownhostsfile") ?? ""}`;
  return {
    hostName: one("hostname") ?? "",
    port: Number(one("port") ?? 22),
    user: one("user") ?? "",
    identityFiles: (values.get("identityfile") ?? []).map(expandHome),
    identitiesOnly: one("identitiesonly") === "yes",
    identityAgent: one("identityagent"),
    proxyJump: one("proxyjump")?.split(",") ?? [],
    proxyCommand: one("proxycommand"),
    knownHostsFiles: knownHosts.split(" ").filter(Boolean).map(expandHome),
    strictHostKeyChecking: one("stricthostkeychecking") ?? "ask",
    hostKeyAlias: one("hostkeyalias"),
    connectTimeoutMs: milliseconds(one("connecttimeout")),
    keepAliveIntervalMs: milliseconds(one("serveraliveinterval")),
    keepAliveCount: Number(one("serveralivecountmax")) || undefined,
  };
}

/** OpenSSH tells times in seconds, whatever is written. Undefined where there is none, or it is off. */
const milliseconds = (text: string | undefined): number | undefined =>
  (sshSeconds(text ?? "none") ?? 0) * 1000 || undefined;

/** `~/x` as an absolute path. */
export function expandHome(file: string): string {
  return file === "~" || file.startsWith("~/") ? path.join(homedir(), file.slice(1)) : file;
}
