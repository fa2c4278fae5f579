import type { HostSession } from "../converge/host-session.ts";
import { OneAtATime } from "../converge/one-at-a-time.ts";
import type { ConnectionSettings } from "../transport/connection-settings.ts";
import { openTransport } from "../transport/open.ts";
import { SharedTransport } from "../transport/shared-transport.ts";
import type { Transport } from "../transport/transport.ts";

/** The machine that Plumb runs on, as some of an inventory's names have it (`ansible_connection: local`). */
interface Machine {
  /** The first of these names: it stands in the lock. */
  name: string;
  sessions: Set<HostSession>;
  changes: OneAtATime;
  opening: Promise<SharedTransport> | undefined;
}

/**
 * Several names of an inventory may stand for the machine that Plumb runs on: each has variables, handlers and results of its own, and all share its shells, its lock and
 * the knowledge that something has changed. Names with other settings of becoming another user are not let in beside them.
 */
export class ThisMachine {
  readonly #machines = new Map<string, Machine>();

  /** What the names with these settings have in common. */
  of(settings: ConnectionSettings): Pick<Machine, "name" | "sessions" | "changes"> {
    return this.#machineOf(settings);
  }

  async open(settings: ConnectionSettings, amongHosts: number): Promise<Transport> {
    const machine = this.#machineOf(settings);
    const opening = stillOpen(machine.opening).then(
      async (shared) => shared ?? new SharedTransport((await openTransport(settings)).amongHosts(amongHosts)),
    );
    machine.opening = opening;
    return (await opening).share();
  }

  #machineOf({ name, becomeFlags, becomeProgram, becomePassword }: ConnectionSettings): Machine {
    const key = JSON.stringify([becomeFlags, becomeProgram, becomePassword]);
    const known = this.#machines.get(key);
    if (known !== undefined) return known;
    const machine: Machine = { name, sessions: new Set(), changes: new OneAtATime(), opening: undefined };
    this.#machines.set(key, machine);
    return machine;
  }
}

async function stillOpen(opening: Machine["opening"]): Promise<SharedTransport | undefined> {
  const shared = await opening?.catch(() => undefined);
  return shared?.isClosed === true ? undefined : shared;
}
