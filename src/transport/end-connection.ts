import type { Duplex } from "node:stream";
import type { Client } from "ssh2";

/** A host that still answers says goodbye within this time. */
const GOODBYE_MS = 1000;

const streams = new WeakMap<Client, Duplex>();

/** Remembers what carries a connection: ssh2's own `destroy` leaves a socket open that it has ended already. */
export function carriedBy(client: Client, stream: Duplex): void {
  streams.set(client, stream);
}

/** Ends a connection. The socket to a host that hangs, or is gone, would stay open until nothing was heard for a while, and keep the process from its end. */
export function endConnection(client: Client): void {
  const timer = setTimeout(() => streams.get(client)?.destroy(), GOODBYE_MS);
  client.once("close", () => clearTimeout(timer));
  client.end();
}
