import type { ConnectionSettings } from "../transport/connection-settings.ts";
import { openTransport } from "../transport/open.ts";
import type { ShellTransport } from "../transport/shell-transport.ts";
import { Handshakes } from "./handshakes.ts";

/**
 * Connections that are opened while the playbook is still being read: a handshake is mostly waiting. Nothing is asked and nothing done on them. Whoever wants a
 * connection with the very same settings takes one over; the others are closed.
 */
export class EarlyConnections {
  /** The run goes on with them. */
  readonly handshakes = new Handshakes();
  readonly #opening = new Map<string, Promise<ShellTransport>>();

  /**
   * What becomes of it is told to the one who takes it.
   *
   * @param hosts how many are connected with it
   */
  open(settings: ConnectionSettings, hosts: number): void {
    const opening = this.handshakes
      .inTurn((signal) => openTransport(settings, signal))
      .then((transport) => {
        transport.amongHosts(hosts);
        if (settings.user === "root") transport.prepare({ kind: "login" });
        return transport;
      });
    opening.catch(() => undefined);
    this.#opening.set(keyOf(settings), opening);
  }

  /** Hands a connection over, if there is one with these settings. Its promise rejects as that of `openTransport` does. */
  take(settings: ConnectionSettings): Promise<ShellTransport> | undefined {
    const key = keyOf(settings);
    const opening = this.#opening.get(key);
    this.#opening.delete(key);
    return opening;
  }

  /** Closes what nobody has taken. */
  async closeRest(): Promise<void> {
    const rest = [...this.#opening.values()];
    this.#opening.clear();
    await Promise.all(
      rest.map((opening) => opening.then((transport) => transport.close()).catch(() => undefined)),
    );
  }
}

/** Settings are put together in one place, so equal ones have their fields in the same order. */
function keyOf(settings: ConnectionSettings): string {
  return JSON.stringify(settings);
}
