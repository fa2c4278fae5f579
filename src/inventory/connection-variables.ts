import { type Diagnostic, DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import type { ConnectionSettings } from "../transport/connection-settings.ts";
import { present } from "../transport/present.ts";
import type { Scope } from "../variables/scope.ts";
import type { Value } from "../variables/value.ts";
import { becomeSettings } from "./become-settings.ts";
import { isPort, sshOptions } from "./ssh-options.ts";

/** What the command line says of connections; the inventory wins over `user` and `privateKeyFile`, as in Ansible. */
export interface ConnectionOverrides {
  user?: string;
  privateKeyFile?: string;
  becomePassword?: string;
  becomeMethod: ConnectionSettings["becomeMethod"];
  hostKeyPolicy: ConnectionSettings["hostKeyPolicy"];
  connectTimeoutMs?: number;
}

/** What `ansible_connection` and the keyword `connection` may be: all but `local` is SSH. */
export const CONNECTIONS: readonly string[] = ["ssh", "local", "smart", "paramiko", "paramiko_ssh"];

const LONGEST_SECONDS = 86_400;

/**
 * How to reach a host, from its `ansible_*` variables.
 *
 * @throws DiagnosticsError with every value that can't be, and every SSH option that Plumb does not know.
 */
export function connectionSettings(
  host: string,
  scope: Scope,
  overrides: ConnectionOverrides,
): ConnectionSettings {
  const { text, number, choice, collect, problems } = readerOf(host, scope);
  if (host.includes("\0")) throw inputError("wrong-type", "the name of a host can't hold a NUL character");
  const connection = choice("ansible_connection", CONNECTIONS, "ssh or local");
  const isLocal = connection === "local" || (connection === undefined && host === "localhost");
  const ssh = collect(() => sshOptions(host, scope)) ?? {};
  const checking = scope.lookup("ansible_host_key_checking") ?? scope.lookup("ansible_ssh_host_key_checking");
  const port = number(["ansible_port", "ansible_ssh_port"], "port");
  const seconds = number(["ansible_ssh_timeout", "ansible_timeout"], "seconds");
  const become = collect(() => becomeSettings(host, scope, overrides));
  const settings = {
    name: host,
    connection: isLocal ? "local" : "ssh",
    hostKeyPolicy: checking === "accept-new" ? "accept-new" : (ssh.hostKeyPolicy ?? overrides.hostKeyPolicy),
    ...present(
      "connectTimeoutMs",
      (seconds ?? 0) * 1000 || ssh.connectTimeoutMs || overrides.connectTimeoutMs,
    ),
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
    ...present("proxyCommand", ssh.proxyCommand),
    ...present("configFile", ssh.configFile),
    ...present("knownHostsFiles", ssh.knownHostsFiles),
    ...present("keepAliveIntervalMs", ssh.keepAliveIntervalMs),
    ...present("keepAliveCount", ssh.keepAliveCount),
  } as const;
  if (become === undefined || problems.length > 0) throw new DiagnosticsError(problems);
  return { ...settings, ...become };
}

/** What numbers may be. */
const NUMBERS = {
  port: {
    expected: "a port: 1 to 65535",
    isOne: isPort,
  },
  seconds: { expected: "seconds", isOne: (value: number): boolean => value > 0 && value <= LONGEST_SECONDS },
} as const;

/** Reads variables of which the first that is set counts, and gathers what is wrong with them. */
function readerOf(host: string, scope: Scope) {
  const problems: Diagnostic[] = [];
  const first = (names: readonly string[]): { name: string; value: NonNullable<Value> } | undefined => {
    for (const name of names) {
      const value = scope.lookup(name);
      if (value !== undefined && value !== null) return { name, value };
    }
    return undefined;
  };
  const note = (name: string, what: string, rest: Pick<Diagnostic, "expected"> = {}): undefined => {
    problems.push({
      severity: "error",
      code: "wrong-type",
      message: `${host}: ${name} ${what}`,
      ...rest,
      ...at(scope, name),
    });
  };
  const text = (...names: string[]): string | undefined => {
    const found = first(names);
    if (found === undefined) return undefined;
    const { name, value } = found;
    if (typeof value === "object")
      return note(name, `must be text, not ${Array.isArray(value) ? "a list" : "a mapping"}`);
    const written = String(value);
    return written.includes("\0") ? note(name, "can't hold a NUL character") : written;
  };
  const number = (names: readonly string[], kind: keyof typeof NUMBERS): number | undefined => {
    const found = first(names);
    if (found === undefined) return undefined;
    const { name, value } = found;
    const isNumber = (typeof value === "string" && value !== "") || typeof value === "number";
    const { isOne, expected } = NUMBERS[kind];
    if (isNumber && isOne(Number(value))) return Number(value);
    const shown = typeof value === "object" ? JSON.stringify(value) : String(value);
    return note(name, `is \`${shown}\``, { expected });
  };
  const choice = (name: string, choices: readonly string[], expected: string): string | undefined => {
    const value = text(name);
    if (value === undefined || choices.includes(value)) return value;
    return note(name, `\`${value}\` is not supported`, { expected });
  };
  const collect = <Type>(read: () => Type): Type | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      problems.push(...error.diagnostics);
      return undefined;
    }
  };
  return { text, number, choice, collect, problems };
}

function at(scope: Scope, name: string): { at?: NonNullable<ReturnType<Scope["sourceOf"]>> } {
  const range = scope.sourceOf(name);
  return range === undefined ? {} : { at: range };
}
