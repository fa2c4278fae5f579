import { inputError } from "../diagnostics/diagnostic.ts";
import type { ConnectionSettings } from "../transport/connection-settings.ts";
import { present } from "../transport/present.ts";
import type { Scope } from "../variables/scope.ts";
import type { Value } from "../variables/value.ts";
import { becomeSettings } from "./become-settings.ts";
import { shellWords } from "./shell-words.ts";

/** What the command line says of connections; the inventory wins over `user` and `privateKeyFile`, as in Ansible. */
export interface ConnectionOverrides {
  user?: string;
  privateKeyFile?: string;
  becomePassword?: string;
  becomeMethod: ConnectionSettings["becomeMethod"];
  hostKeyPolicy: ConnectionSettings["hostKeyPolicy"];
  connectTimeoutMs: number;
}

const LARGEST_PORT = 65_535;
const LONGEST_SECONDS = 86_400;

/**
 * How to reach a host, from its `ansible_*` variables.
 *
 * @throws DiagnosticsError for a value that can't be, or an SSH option that Plumb does not know.
 */
export function connectionSettings(
  host: string,
  scope: Scope,
  overrides: ConnectionOverrides,
): ConnectionSettings {
  const value = (...names: string[]): Value | undefined => {
    for (const name of names) {
      const found = scope.lookup(name);
      if (found !== undefined && found !== null) return found;
    }
    return undefined;
  };
  const text = (...names: string[]): string | undefined => {
    const found = value(...names);
    if (found === undefined) return undefined;
    const written = String(found);
    if (!written.includes("\0")) return written;
    const name = names.find((one) => (scope.lookup(one) ?? null) !== null) ?? "";
    throw inputError("wrong-type", `${host}: ${name} can't hold a NUL character`, at(scope, name));
  };
  if (host.includes("\0")) throw inputError("wrong-type", "the name of a host can't hold a NUL character");
  const explicit = text("ansible_connection");
  const isLocal = explicit === "local" || (explicit === undefined && host === "localhost");
  if (explicit !== undefined && !["ssh", "local", "smart", "paramiko", "paramiko_ssh"].includes(explicit)) {
    throw inputError("wrong-type", `${host}: ansible_connection \`${explicit}\` is not supported`, {
      expected: "ssh or local",
      ...at(scope, "ansible_connection"),
    });
  }
  const ssh = sshOptions(host, scope);
  const checking = value("ansible_host_key_checking", "ansible_ssh_host_key_checking");
  const number = (names: readonly string[], most: number): number | undefined => {
    const found = value(...names);
    if (found === undefined) return undefined;
    const asNumber = typeof found === "boolean" || found === "" ? Number.NaN : Number(found);
    if (asNumber > 0 && asNumber <= most) return asNumber;
    const name = names.find((one) => (scope.lookup(one) ?? null) !== null) ?? "";
    throw inputError("wrong-type", `${host}: ${name} is \`${String(found)}\``, {
      expected: most === LARGEST_PORT ? `a port: 1 to ${most}` : "seconds",
      ...at(scope, name),
    });
  };
  const port = number(["ansible_port", "ansible_ssh_port"], LARGEST_PORT);
  const settings: ConnectionSettings = {
    name: host,
    connection: isLocal ? "local" : "ssh",
    hostKeyPolicy: checking === "accept-new" ? "accept-new" : (ssh.hostKeyPolicy ?? overrides.hostKeyPolicy),
    connectTimeoutMs:
      (number(["ansible_ssh_timeout", "ansible_timeout"], LONGEST_SECONDS) ?? 0) * 1000 ||
      ssh.connectTimeoutMs ||
      overrides.connectTimeoutMs,
    ...becomeSettings(host, scope, overrides),
  };
  return {
    ...settings,
    ...present("address", text("ansible_host", "ansible_ssh_host")),
    ...present("port", port ?? ssh.port),
    ...present("user", text("ansible_user", "ansible_ssh_user") ?? ssh.user ?? overrides.user),
    ...present(
      "privateKeyFile",
      text("ansible_ssh_private_key_file", "ansible_private_key_file") ??
        ssh.privateKeyFile ??
        overrides.privateKeyFile,
    ),
    ...present("password", text("ansible_password", "ansible_ssh_pass", "ansible_ssh_password")),
    ...present("proxyJump", ssh.proxyJump),
    ...present("configFile", ssh.configFile),
    ...present("knownHostsFiles", ssh.knownHostsFiles),
    ...present("keepAliveIntervalMs", ssh.keepAliveIntervalMs),
    ...present("keepAliveCount", ssh.keepAliveCount),
  };
}

type SshOptions = Partial<
  Pick<
    ConnectionSettings,
    | "port"
    | "user"
    | "privateKeyFile"
    | "configFile"
    | "proxyJump"
    | "knownHostsFiles"
    | "hostKeyPolicy"
    | "connectTimeoutMs"
    | "keepAliveIntervalMs"
    | "keepAliveCount"
  >
>;

/** Compression, and how much ssh says: neither changes whom a connection reaches. */
const NO_DIFFERENCE: ReadonlySet<string> = new Set(["-C", "-q", "-v", "-vv", "-vvv", "-T"]);

/** `ansible_ssh_args`, `ansible_ssh_common_args` and `ansible_ssh_extra_args`, of which the options that Plumb knows are taken; of one that is there twice the first, as ssh does. */
function sshOptions(host: string, scope: Scope): SshOptions {
  const options: SshOptions = {};
  for (const name of ["ansible_ssh_extra_args", "ansible_ssh_common_args", "ansible_ssh_args"]) {
    const words = shellWords(String(scope.lookup(name) ?? ""), { comments: false });
    for (let index = 0; index < words.length; index++) {
      const flag = words[index] ?? "";
      if (NO_DIFFERENCE.has(flag)) continue;
      const attached = flag.length > 2 ? flag.slice(2) : undefined;
      const argument = attached ?? words[++index] ?? "";
      if (!readFlag(flag.slice(0, 2), argument, options)) {
        throw inputError(
          "invalid-option",
          `${host}: the SSH option \`${flag} ${argument}\` in ${name} is not known to Plumb`,
          {
            expected:
              "-o ProxyJump, UserKnownHostsFile, StrictHostKeyChecking, ConnectTimeout, ServerAliveInterval, ServerAliveCountMax, Port, User, IdentityFile; -F, -J, -p, -l, -i",
            hint: "put it into ~/.ssh/config, which Plumb reads as ssh does",
            ...at(scope, name),
          },
        );
      }
    }
  }
  return options;
}

function readFlag(flag: string, argument: string, options: SshOptions): boolean {
  if (flag === "-F") {
    options.configFile = argument;
    return true;
  }
  if (flag === "-o") {
    const [, key = "", value = ""] = /^\s*([A-Za-z]+)\s*[=\s]\s*(.*)$/.exec(argument) ?? [];
    return readOption(key.toLowerCase(), value, options);
  }
  const asOption: Record<string, string> = {
    "-J": "proxyjump",
    "-p": "port",
    "-l": "user",
    "-i": "identityfile",
  };
  const key = asOption[flag];
  return key !== undefined && readOption(key, argument, options);
}

function readOption(key: string, value: string, options: SshOptions): boolean {
  switch (key) {
    case "proxyjump":
      options.proxyJump = value.split(",");
      return true;
    case "userknownhostsfile":
      options.knownHostsFiles = value.split(/\s+/);
      return true;
    case "stricthostkeychecking":
      // "no" would trust anybody; the most that can be had is trusting whoever comes first.
      options.hostKeyPolicy = value === "yes" ? "strict" : "accept-new";
      return true;
    case "connecttimeout":
      options.connectTimeoutMs = Number(value) * 1000;
      return true;
    case "serveraliveinterval":
      options.keepAliveIntervalMs = Number(value) * 1000;
      return true;
    case "serveralivecountmax":
      options.keepAliveCount = Number(value);
      return true;
    case "port":
      options.port = Number(value);
      return true;
    case "user":
      options.user = value;
      return true;
    case "identityfile":
      options.privateKeyFile = value;
      return true;
    // Plumb keeps its connection open anyway.
    case "controlmaster":
    case "controlpersist":
    case "controlpath":
    case "identitiesonly":
    case "preferredauthentications":
      return true;
    default:
      return false;
  }
}

function at(scope: Scope, name: string): { at?: NonNullable<ReturnType<Scope["sourceOf"]>> } {
  const range = scope.sourceOf(name);
  return range === undefined ? {} : { at: range };
}
