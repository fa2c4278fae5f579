import type { Client, ClientChannel } from "ssh2";
import { endConnection } from "./end-connection.ts";
import { TransportError } from "./transport.ts";

/** A connection that others may go through. */
export interface Connected {
  client: Client;
  lost: Promise<TransportError>;
}

/** Where a connection through a jump host leads to. */
interface Destination {
  name: string;
  address: string;
  port: number;
  connectTimeoutMs: number;
}

/** The connections to jump hosts, by the way that leads to them. */
export const jumpConnections = new Map<string, Promise<Connected>>();

/** How many go through a jump host now, and by which way it was reached. */
const users = new WeakMap<Client, number>();
const wayTo = new WeakMap<Client, string>();

/** Remembers the way, which is forgotten when nobody goes through that jump host any more. */
export function reachedBy(client: Client, way: string): void {
  wayTo.set(client, way);
}

/** The last who leaves ends the connection to the jump host: it would keep the process from its end. */
function leave(client: Client): void {
  const left = (users.get(client) ?? 1) - 1;
  users.set(client, left);
  if (left > 0) return;
  jumpConnections.delete(wayTo.get(client) ?? "");
  endConnection(client);
}

/**
 * A stream through a jump host.
 *
 * @param signal gives up before there is one.
 * @throws TransportError unreachable, connect-timeout: the jump host itself may try for minutes
 */
export function forwardThrough(
  client: Client,
  { name, address, port, connectTimeoutMs }: Destination,
  signal: AbortSignal | undefined,
): Promise<ClientChannel> {
  users.set(client, (users.get(client) ?? 0) + 1);
  const where = `${address}:${port} through the jump host`;
  return new Promise((resolve, reject) => {
    let isOver = false;
    const over = (): void => {
      isOver = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    };
    const fail = (code: "unreachable" | "connect-timeout", message: string, cause?: unknown): void => {
      if (isOver) return;
      over();
      leave(client);
      reject(new TransportError(code, name, `${name}: ${message}`, { cause }));
    };
    const giveUp = (): void => fail("unreachable", `${where} was given up`);
    const timer = setTimeout(
      () => fail("connect-timeout", `no answer from ${where} within ${connectTimeoutMs / 1000} s`),
      connectTimeoutMs,
    );
    signal?.addEventListener("abort", giveUp);
    if (signal?.aborted === true) {
      giveUp();
      return;
    }
    const refused = (error: unknown): void =>
      fail(
        "unreachable",
        `could not connect to ${where}: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    try {
      client.forwardOut("127.0.0.1", 0, address, port, (error, stream) => {
        if (error) return refused(error);
        if (isOver) return void stream.destroy();
        over();
        stream.once("close", () => leave(client));
        resolve(stream);
      });
    } catch (error) {
      refused(error);
    }
  });
}
