import { DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import type { ConnectionSettings } from "../transport/connection-settings.ts";
import { sshSeconds } from "../transport/ssh-time.ts";
import type { Scope } from "../variables/scope.ts";
import { shellWords } from "./shell-words.ts";

type SshOptions = Partial<
  Pick<
    ConnectionSettings,
    | "port"
    | "user"
    | "privateKeyFile"
    | "configFile"
    | "proxyJump"
    | "proxyCommand"
    | "knownHostsFiles"
    | "hostKeyPolicy"
    | "connectTimeoutMs"
    | "keepAliveIntervalMs"
    | "keepAliveCount"
  >
>;

/** Compression, and how much ssh says: neither changes whom a connection reaches. */
const NO_DIFFERENCE: ReadonlySet<string> = new Set(["-C", "-q", "-v", "-vv", "-vvv", "-T"]);

/** `ansible_ssh_args` is what Ansible gives ssh first. */
const VARIABLES = ["ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"];

/** What a ProxyCommand may hold of where it leads to (ssh_config(5), TOKENS). */
const PROXY_TOKENS = "%hnpr";

/**
 * What `ansible_ssh_args`, `ansible_ssh_common_args` and `ansible_ssh_extra_args` say: of an option that is there twice the first counts, as with ssh.
 *
 * @throws DiagnosticsError for an option that Plumb does not know, or that can't be so.
 */
export function sshOptions(host: string, scope: Scope): SshOptions {
  let options: SshOptions = {};
  for (const name of VARIABLES) {
    const words = wordsOf(host, scope, name);
    for (let index = 0; index < words.length; index++) {
      const flag = words[index] ?? "";
      if (NO_DIFFERENCE.has(flag)) continue;
      const attached = flag.length > 2 ? flag.slice(2) : undefined;
      const argument = attached ?? words[++index] ?? "";
      const found: SshOptions = {};
      if (!readFlag(flag.slice(0, 2), argument, found)) {
        throw inputError(
          "invalid-option",
          `${host}: the SSH option \`${flag} ${argument}\` in ${name} is not known to Plumb`,
          {
            expected:
              "-o ProxyJump, ProxyCommand, UserKnownHostsFile, StrictHostKeyChecking, ConnectTimeout, ServerAliveInterval, ServerAliveCountMax, Port, User, IdentityFile; -F, -J, -p, -l, -i",
            hint: "put it into ~/.ssh/config, which Plumb reads as ssh does",
            ...at(scope, name),
          },
        );
      }
      const token = unknownToken(found.proxyCommand ?? "");
      if (token !== undefined)
        throw inputError(
          "invalid-option",
          `${host}: \`${token}\` in the ProxyCommand of ${name} means nothing`,
          {
            expected:
              "%h (address), %p (port), %r (user), %n (the name as it was given), %% (a percent sign)",
            ...at(scope, name),
          },
        );
      options = { ...(leadsThere(options) ? withoutWay(found) : found), ...options };
    }
  }
  return options;
}

function wordsOf(host: string, scope: Scope, name: string): string[] {
  try {
    return shellWords(String(scope.lookup(name) ?? ""), { comments: false });
  } catch (error) {
    if (error instanceof DiagnosticsError || !(error instanceof Error)) throw error;
    throw inputError("invalid-option", `${host}: ${name} can't be read: ${error.message}`, at(scope, name));
  }
}

/** A jump host and a command exclude each other: the one that comes first counts, `none` too (ssh_config(5), ProxyJump). */
const leadsThere = ({ proxyJump, proxyCommand }: SshOptions): boolean =>
  proxyJump !== undefined || proxyCommand !== undefined;

const withoutWay = ({ proxyJump: _jump, proxyCommand: _command, ...rest }: SshOptions): SshOptions => rest;

function unknownToken(command: string): string | undefined {
  return command.match(/%.?/g)?.find((token) => token.length < 2 || !PROXY_TOKENS.includes(token[1] ?? ""));
}

function readFlag(flag: string, argument: string, options: SshOptions): boolean {
  if (flag === "-F") {
    options.configFile = argument;
    return true;
  }
  if (flag === "-o") {
    const [, key = "", value = ""] = /^\s*([A-Za-z]+)\s*[=\s]\s*(.*)$/s.exec(argument) ?? [];
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
      options.proxyJump = value.toLowerCase() === "none" ? [] : value.split(",");
      return true;
    case "proxycommand":
      if (value.toLowerCase() === "none") options.proxyJump = [];
      else options.proxyCommand = value;
      return value !== "";
    case "userknownhostsfile":
      options.knownHostsFiles = value.split(/\s+/);
      return true;
    case "stricthostkeychecking":
      // "no" would trust anybody; the most that can be had is trusting whoever comes first.
      options.hostKeyPolicy = value === "yes" ? "strict" : "accept-new";
      return ["yes", "ask", "accept-new", "no", "off"].includes(value);
    case "connecttimeout":
      return readTime(value, (ms) => {
        options.connectTimeoutMs = ms;
      });
    case "serveraliveinterval":
      return readTime(value, (ms) => {
        options.keepAliveIntervalMs = ms;
      });
    case "serveralivecountmax":
      options.keepAliveCount = Number(value);
      return /^\d+$/.test(value);
    case "port":
      options.port = Number(value);
      return isPort(Number(value));
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

function readTime(value: string, take: (ms: number) => void): boolean {
  const seconds = sshSeconds(value);
  if (seconds !== undefined) take(seconds * 1000);
  return seconds !== undefined;
}

const LARGEST_PORT = 65_535;

/** Whether a connection can have this port. */
export function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= LARGEST_PORT;
}

function at(scope: Scope, name: string): { at?: NonNullable<ReturnType<Scope["sourceOf"]>> } {
  const range = scope.sourceOf(name);
  return range === undefined ? {} : { at: range };
}
