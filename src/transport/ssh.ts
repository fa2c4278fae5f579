import net from "node:net";
import type { Duplex } from "node:stream";
import { NodeSSH } from "node-ssh";
import type { Client, ClientChannel, ServerHostKeyAlgorithm } from "ssh2";
import { authenticationMethods, localUser } from "./authentication.ts";
import type { ByteChannel, ChannelOpener } from "./byte-channel.ts";
import { connectAgain } from "./connect-again.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { carriedBy, endConnection } from "./end-connection.ts";
import { type Connected, forwardThrough, jumpConnections, reachedBy } from "./forward-through.ts";
import { type HostKeyCheck, hostKeyCheck } from "./host-key.ts";
import { knownHostsName } from "./known-hosts.ts";
import { present } from "./present.ts";
import { type CommandVerdict, type CommandWay, throughCommand } from "./proxy-command.ts";
import { ShellTransport } from "./shell-transport.ts";
import { type SshConfig, settingsSayAll, sshConfigOf } from "./ssh-config.ts";
import { shortenHandshake } from "./ssh-inside.ts";
import { type ForwardTarget, TransportError } from "./transport.ts";
import { writeTogether } from "./write-together.ts";

/**
 * Small buffers are cut out of pools, and a pool is kept while one of them is: of a handshake each connection keeps a few bytes. Pools of
 * 64 kB, as Node.js 24 makes them, came to ten times as much memory.
 */
Buffer.poolSize = 8192;

/** Everything that is needed to reach a host, after ~/.ssh/config had its say. */
interface Route {
  name: string;
  /** The host as it was given, before ~/.ssh/config made another name of it. */
  original: string;
  address: string;
  port: number;
  user: string;
  keyFiles: readonly string[];
  keyFilesAreExplicit: boolean;
  agent: string | undefined;
  password: string | undefined;
  jumps: readonly string[];
  proxyCommand: string | undefined;
  knownHostsFiles: string[] | undefined;
  hostKeyPolicy: ConnectionSettings["hostKeyPolicy"];
  hostKeyName: string;
  connectTimeoutMs: number;
  keepAliveIntervalMs: number;
  keepAliveCount: number;
}

/** A dead link is found within a minute, where nobody asks for something else. */
const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE = { intervalMs: 15_000, count: 3 };

/**
 * Connects to a host over SSH.
 *
 * @param signal gives up before the connection is made.
 * @throws TransportError unreachable, connect-timeout, host-key-unknown, host-key-changed, authentication-failed
 */
export async function openSsh(settings: ConnectionSettings, signal?: AbortSignal): Promise<ShellTransport> {
  const { opener, user, lost, tries } = await connectSsh(settings, signal);
  return new ShellTransport({
    host: settings.name,
    isLocal: false,
    opener,
    loginUser: user,
    becomePassword: settings.becomePassword,
    becomeFlags: settings.becomeFlags,
    becomeProgram: settings.becomeProgram,
    lost,
    tries,
  });
}

/** The same, without anything that runs in it. */
export async function connectSsh(
  settings: ConnectionSettings,
  signal?: AbortSignal,
): Promise<{ opener: ChannelOpener; user: string; lost: Promise<TransportError>; tries: number }> {
  const config = settingsSayAll(settings)
    ? undefined
    : await sshConfigOf(settings.address ?? settings.name, settings);
  const route = routeTo(settings, config);
  const { connected, tries } = await connectAgain(
    () => connect(route, settings, { ...present("signal", signal) }),
    signal,
  );
  return { opener: sshChannels(connected.client), user: route.user, lost: connected.lost, tries };
}

function routeTo(settings: ConnectionSettings, config: SshConfig | undefined): Route {
  const address = config?.hostName || settings.address || settings.name;
  const port = settings.port ?? config?.port ?? 22;
  const agent = config?.identityAgent ?? process.env["SSH_AUTH_SOCK"];
  const explicit = settings.privateKeyFile !== undefined;
  return {
    name: settings.name,
    original: settings.address ?? settings.name,
    address,
    port,
    user: settings.user ?? (config?.user || localUser()),
    keyFiles: explicit ? [settings.privateKeyFile ?? ""] : (config?.identityFiles ?? []),
    keyFilesAreExplicit: explicit,
    agent: config?.identitiesOnly === true ? undefined : agent,
    password: settings.password,
    ...wayOf(settings, config),
    knownHostsFiles: settings.knownHostsFiles ?? config?.knownHostsFiles,
    hostKeyPolicy: config?.strictHostKeyChecking === "accept-new" ? "accept-new" : settings.hostKeyPolicy,
    hostKeyName: config?.hostKeyAlias ?? knownHostsName(address, port),
    connectTimeoutMs: settings.connectTimeoutMs ?? config?.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    keepAliveIntervalMs: settings.keepAliveIntervalMs ?? config?.keepAliveIntervalMs ?? KEEP_ALIVE.intervalMs,
    keepAliveCount: settings.keepAliveCount ?? config?.keepAliveCount ?? KEEP_ALIVE.count,
  };
}

/** A jump host and a command exclude each other: where the inventory says one of them, the configuration's other one does not count. */
function wayOf(
  { proxyJump, proxyCommand }: ConnectionSettings,
  config: SshConfig | undefined,
): Pick<Route, "jumps" | "proxyCommand"> {
  const isSaid = proxyJump !== undefined || proxyCommand !== undefined;
  return isSaid
    ? { jumps: proxyJump ?? [], proxyCommand }
    : { jumps: config?.proxyJump ?? [], proxyCommand: config?.proxyCommand };
}

/** @param how `over`: a stream that leads there already; without it, one is opened. `signal`: gives up. */
async function connect(
  route: Route,
  settings: ConnectionSettings,
  { over, signal }: { over?: Duplex; signal?: AbortSignal } = {},
): Promise<Connected> {
  const names = [...new Set([route.hostKeyName, knownHostsName(route.name, route.port)])];
  const check = await hostKeyCheck(
    {
      name: route.name,
      hostKeyPolicy: route.hostKeyPolicy,
      ...(route.knownHostsFiles === undefined ? {} : { knownHostsFiles: route.knownHostsFiles }),
    },
    names,
  );
  const methods = await authenticationMethods(route).catch((error: Error) => {
    throw new TransportError("authentication-failed", route.name, `${route.name}: ${error.message}`, {
      cause: error,
    });
  });
  const command = over === undefined ? commandOf(route) : undefined;
  const sock = over ?? command?.stream ?? (await socketTo(route, settings, signal));
  const giveUp = (): void => void sock.destroy();
  // A signal that came meanwhile is not told to who listens from now on.
  if (signal?.aborted === true) giveUp();
  signal?.throwIfAborted();
  signal?.addEventListener("abort", giveUp);
  const ssh = new NodeSSH();
  try {
    const connecting = ssh.connect({
      sock: writeTogether(sock),
      username: route.user,
      readyTimeout: route.connectTimeoutMs,
      keepaliveInterval: route.keepAliveIntervalMs,
      keepaliveCountMax: route.keepAliveCount,
      hostVerifier: (key: Buffer, verify: (accepted: boolean) => void) => {
        check.accept(key).then(verify, (error: unknown) => {
          check.refusal = new TransportError(
            "host-key-unknown",
            route.name,
            `${route.name}: ${String(error)}`,
          );
          verify(false);
        });
      },
      authHandler: methods,
      ...(check.preferredTypes.length === 0
        ? {}
        : { algorithms: { serverHostKey: hostKeyAlgorithms(check.preferredTypes) } }),
    });
    if (ssh.connection !== null) shortenHandshake(ssh.connection);
    await connecting;
  } catch (error) {
    sock.destroy();
    throw connectError(route, check, error, await command?.verdict());
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
  const client = ssh.connection;
  if (client === null) throw new Error("node-ssh connected and has no connection");
  carriedBy(client, sock);
  return { client, lost: lossOf(client, route.name) };
}

function commandOf(route: Route): CommandWay | undefined {
  if (route.jumps.length > 0 || route.proxyCommand === undefined) return undefined;
  return throughCommand(route, route.proxyCommand);
}

/** A known RSA key is shown under its newer signature names (RFC 8332). */
function hostKeyAlgorithms(types: readonly string[]): ServerHostKeyAlgorithm[] {
  return types.flatMap((type) =>
    type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [type],
  ) as ServerHostKeyAlgorithm[];
}

/** Without a listener, a reset socket after the handshake would end the whole process. */
function lossOf(client: Client, host: string): Promise<TransportError> {
  return new Promise((resolve) => {
    let reason = "the connection was closed";
    client.on("error", (error) => {
      reason = error.message;
      resolve(
        new TransportError("connection-lost", host, `${host}: the connection was lost: ${reason}`, {
          cause: error,
        }),
      );
    });
    client.on("close", () =>
      resolve(new TransportError("connection-lost", host, `${host}: the connection was lost: ${reason}`)),
    );
  });
}

/** Our own socket: ssh2 leaves Nagle's algorithm on, and then every command waits 40 ms. */
async function socketTo(route: Route, settings: ConnectionSettings, signal?: AbortSignal): Promise<Duplex> {
  if (route.jumps.length > 0) return throughJumpHosts(route, settings, signal);
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: route.address, port: route.port, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error("timeout")), route.connectTimeoutMs);
    const giveUp = (): void => void socket.destroy(new Error("given up"));
    signal?.addEventListener("abort", giveUp);
    socket.once("close", () => signal?.removeEventListener("abort", giveUp));
    socket.once("connect", () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(socketError(route, error));
    });
  });
}

function socketError(route: Route, error: NodeJS.ErrnoException): TransportError {
  const where = `${route.address}:${route.port}`;
  if (error.message === "timeout") {
    return new TransportError(
      "connect-timeout",
      route.name,
      `${route.name}: no answer from ${where} within ${route.connectTimeoutMs / 1000} s`,
      {
        cause: error,
        hint: "is the host up, and does its firewall let SSH in? ansible_ssh_timeout sets the limit",
      },
    );
  }
  const hints: Record<string, string> = {
    ECONNREFUSED: "is sshd running there, and is ansible_port right?",
    ENOTFOUND: "the name has no address: set ansible_host",
    EHOSTUNREACH: "there is no way to that address: is it right, and is the host up?",
  };
  const hint = hints[error.code ?? ""];
  return new TransportError(
    "unreachable",
    route.name,
    `${route.name}: could not connect to ${where}: ${error.message}`,
    {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

/** Hosts behind the same jump host share its connection. */
async function throughJumpHosts(
  route: Route,
  settings: ConnectionSettings,
  signal: AbortSignal | undefined,
): Promise<Duplex> {
  let previous: Connected | undefined;
  let way = "";
  for (const jump of route.jumps) {
    way += `>${jump}`;
    const before = previous;
    let connection = jumpConnections.get(way);
    if (connection === undefined) {
      connection = connectJumpHost(jump, settings, before, signal);
      jumpConnections.set(way, connection);
      const forget = (
        (key: string) => () =>
          void jumpConnections.delete(key)
      )(way);
      connection.then(({ lost }) => lost.then(forget), forget);
    }
    previous = await connection;
    reachedBy(previous.client, way);
  }
  if (previous === undefined) throw new Error("no jump host");
  return forwardThrough(previous.client, route, signal);
}

async function connectJumpHost(
  jump: string,
  settings: ConnectionSettings,
  through: Connected | undefined,
  signal: AbortSignal | undefined,
): Promise<Connected> {
  const parsed = /^(?:([^@]+)@)?(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(jump.replace(/^ssh:\/\//, ""));
  const host = parsed?.[2] ?? parsed?.[3] ?? jump;
  const user = parsed?.[1];
  const port = parsed?.[4] === undefined ? undefined : Number(parsed[4]);
  const config = await sshConfigOf(host, {
    ...present("user", user),
    ...present("port", port),
    ...present("configFile", settings.configFile),
  });
  const {
    proxyJump: _jumps,
    proxyCommand: _command,
    port: _port,
    user: _user,
    address: _address,
    password: _password,
    ...rest
  } = settings;
  const route = routeTo({ ...rest, name: host, ...present("user", user), ...present("port", port) }, config);
  const giveUp = present("signal", signal);
  if (through === undefined) return connect({ ...route, jumps: [] }, settings, giveUp);
  const stream = await forwardThrough(through.client, route, signal);
  return connect(route, settings, { over: stream, ...giveUp });
}

function connectError(
  route: Route,
  check: HostKeyCheck,
  error: unknown,
  command: CommandVerdict | undefined,
): TransportError {
  if (check.refusal !== undefined) return check.refusal;
  // Without a cause it is not tried again: the command would fail as it did.
  if (command?.hasFailed === true) {
    return new TransportError("unreachable", route.name, `${route.name}: ${command.text}`, {
      hint: "run it in a shell: what it says there is what sshd says first, such as SSH-2.0-OpenSSH",
    });
  }
  const level = error instanceof Error && "level" in error ? String(error.level) : "";
  const message = error instanceof Error ? error.message : String(error);
  const where = `${route.user}@${route.address}:${route.port}`;
  if (level === "client-authentication") {
    return new TransportError(
      "authentication-failed",
      route.name,
      `${route.name}: ${where} refused every key and password that was offered`,
      {
        cause: error,
        hint: `tried: ${[...route.keyFiles, ...(route.agent === undefined ? [] : ["the agent"]), ...(route.password === undefined ? [] : ["a password"])].join(", ") || "nothing"}; set ansible_user and ansible_ssh_private_key_file, or load the key into ssh-agent`,
      },
    );
  }
  const timedOut = level === "client-timeout" || /timed out/i.test(message);
  return new TransportError(
    timedOut ? "connect-timeout" : "unreachable",
    route.name,
    `${route.name}: ${where}: ${message}${command?.text ? `; ${command.text}` : ""}`,
    { cause: error },
  );
}

/** The channels of one connection. */
function sshChannels(client: Client): ChannelOpener {
  return {
    exec: (command) =>
      new Promise((resolve, reject) => {
        client.exec(command, (error, channel) => (error ? reject(error) : resolve(byteChannel(channel))));
      }),
    forward: (target) => forward(client, target),
    close: async () => endConnection(client),
  };
}

function byteChannel(channel: ClientChannel): ByteChannel {
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    closed: new Promise((resolve) => channel.once("close", () => resolve())),
    close: () => channel.close(),
  };
}

function forward(client: Client, target: ForwardTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | undefined, stream: ClientChannel): void =>
      error ? reject(error) : resolve(stream);
    if ("socketPath" in target) client.openssh_forwardOutStreamLocal(target.socketPath, done);
    else client.forwardOut("127.0.0.1", 0, target.host, target.port, done);
  });
}
