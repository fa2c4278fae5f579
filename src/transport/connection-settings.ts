import type { BecomeMethod } from "./transport.ts";

/** How to reach a host and become another user there: what inventory and command line say, before ~/.ssh/config is consulted. */
export interface ConnectionSettings {
  /** Inventory name; used in messages and looked up in ~/.ssh/config. */
  name: string;
  connection: "ssh" | "local";
  /** ansible_host; without it the name. */
  address?: string;
  port?: number;
  user?: string;
  privateKeyFile?: string;
  /** ansible_password: used only where a key does not do. */
  password?: string;
  /** ProxyJump hosts, first hop first, each `[user@]host[:port]`. Empty: none, and no ProxyCommand either, whatever ~/.ssh/config says. */
  proxyJump?: string[];
  /** Its input and output are the connection, instead of a socket; with the tokens of ssh_config(5). */
  proxyCommand?: string;
  /** Instead of ~/.ssh/config and the machine's own. */
  configFile?: string;
  knownHostsFiles?: string[];
  /** strict: an unknown key is refused. accept-new: it is remembered. A changed key is always refused. */
  hostKeyPolicy: "strict" | "accept-new";
  /** Without: as ssh's configuration says, or 10 seconds. */
  connectTimeoutMs?: number;
  /** ssh's ServerAliveInterval. */
  keepAliveIntervalMs?: number;
  /** ssh's ServerAliveCountMax: so many in a row without an answer mean that the link is dead. */
  keepAliveCount?: number;
  becomeMethod: BecomeMethod;
  /** Options for the program that becomes another user, of the method that they are for. */
  becomeFlags?: { method: BecomeMethod; words: readonly string[] };
  /** What is run in place of `sudo` or `su`, of the method that it is for. */
  becomeProgram?: { method: BecomeMethod; path: string };
  becomePassword?: string;
}
