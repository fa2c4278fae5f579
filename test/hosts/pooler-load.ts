import { type ChildProcess, spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { labHost } from "./lab-hosts.ts";
import { sshArguments } from "./shared-connection.ts";

/** Who logs in, asked anew before every login: what an application reads from its settings. */
export interface Credentials {
  user: string;
  password: string;
  /** Authorities that the client trusts, PEM. */
  ca: string;
  /** What it shows where it is asked for a certificate, PEM. */
  cert?: string;
  key?: string;
}

export interface LoadOptions {
  /** The host that the connections come from. */
  from: string;
  to: string;
  port?: number;
  database: string;
  /** Name that must stand in the pooler's certificate. */
  serverName?: string;
  credentials: () => Promise<Credentials>;
  /** Clients that stay connected and ask every 20 ms. */
  staying: number;
  /** Clients that log in anew for every query. */
  comingAndGoing: number;
}

export interface LoadResult {
  queries: number;
  logins: number;
  /** What failed: every query that got no answer and every login that was refused. */
  errors: string[];
}

/**
 * Asks through a pooler until it is stopped, as applications would: verifying TLS, by SCRAM, some on connections that stay and some on new ones. The system's own ssh
 * client carries it, so that what is measured does not depend on what is tested.
 */
export async function startLoad(options: LoadOptions): Promise<{ stop: () => Promise<LoadResult> }> {
  const tunnel = await openTunnel(options.from, labHost(options.to).address, options.port ?? 6432);
  const result: LoadResult = { queries: 0, logins: 0, errors: [] };
  let stopped = false;
  const isStopped = (): boolean => stopped;
  const workers = [
    ...Array.from({ length: options.staying }, () => stay(tunnel.port, options, result, isStopped)),
    ...Array.from({ length: options.comingAndGoing }, () =>
      comeAndGo(tunnel.port, options, result, isStopped),
    ),
  ];
  return {
    // Stopping again gives the same result.
    stop: async () => {
      stopped = true;
      await Promise.all(workers);
      tunnel.process.kill();
      return result;
    },
  };
}

async function stay(
  port: number,
  options: LoadOptions,
  result: LoadResult,
  isStopped: () => boolean,
): Promise<void> {
  while (!isStopped()) {
    await session(port, options, result, async (client) => {
      while (!isStopped()) {
        await ask(client, result);
        await wait(20);
      }
    });
  }
}

async function comeAndGo(
  port: number,
  options: LoadOptions,
  result: LoadResult,
  isStopped: () => boolean,
): Promise<void> {
  while (!isStopped()) {
    await session(port, options, result, (client) => ask(client, result));
    await wait(30);
  }
}

async function ask(client: pg.Client, result: LoadResult): Promise<void> {
  await client.query("select 1");
  result.queries += 1;
}

async function session(
  port: number,
  options: LoadOptions,
  result: LoadResult,
  act: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const { user, password, ...tls } = await options.credentials();
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user,
    password,
    database: options.database,
    ssl: { ...tls, servername: options.serverName ?? options.to },
    connectionTimeoutMillis: 10_000,
    query_timeout: 10_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    result.logins += 1;
    await act(client);
  } catch (error) {
    result.errors.push(error instanceof Error ? error.message : String(error));
    await wait(100);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A port of this machine that leads to a pooler from a lab host. */
export async function openTunnel(
  from: string,
  address: string,
  port: number,
): Promise<{ port: number; process: ChildProcess }> {
  // Somebody else may be given the port before ssh takes it, which then says so and ends.
  for (let tries = 0; tries < 5; tries++) {
    const local = await freePort();
    const forward = ["-o", "ExitOnForwardFailure=yes", "-L", `127.0.0.1:${local}:${address}:${port}`];
    const process = spawn("ssh", ["-N", ...forward, ...sshArguments(from, "admin")], { stdio: "ignore" });
    for (let waited = 0; waited < 600 && process.exitCode === null; waited++) {
      await wait(100);
      if (process.exitCode === null && (await answers(local))) return { port: local, process };
    }
    process.kill();
  }
  throw new Error(`no tunnel through ${from}`);
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}
