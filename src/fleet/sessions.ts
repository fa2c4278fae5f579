import { HostSession, type SessionOptions } from "../converge/host-session.ts";
import { connectionSettings } from "../inventory/connection-variables.ts";
import { addCounters } from "../transport/add-counters.ts";
import type { ConnectionSettings } from "../transport/connection-settings.ts";
import { lostTransport } from "../transport/lost-transport.ts";
import { openAnew, openTransport } from "../transport/open.ts";
import { type Transport, type TransportCounters, TransportError } from "../transport/transport.ts";
import type { Scope } from "../variables/scope.ts";
import { isGone } from "./controller-process.ts";
import { Handshakes } from "./handshakes.ts";
import type { RunOptions } from "./run-options.ts";
import { ThisMachine } from "./this-machine.ts";

/** What is the same for all hosts of a run. */
type OfAllHosts = Pick<SessionOptions, "lockOwner" | "checkMode" | "stateUser" | "undoRuns">;

/**
 * The connections of a run: each host is connected once, when it is first needed, and stays connected until the run ends.
 */
export class Sessions {
  readonly #options: RunOptions;
  readonly #handshakes: Handshakes;
  readonly #session: OfAllHosts;
  readonly #open = new Map<string, Promise<HostSession>>();
  /** Hosts that others act on: they stay connected. */
  readonly #borrowed = new Set<string>();
  readonly #thisMachine = new ThisMachine();
  #hostsAtOnce = 1;
  /** What closed connections have counted. */
  readonly #counted = new Map<string, TransportCounters>();

  constructor(options: RunOptions, session: OfAllHosts) {
    this.#options = options;
    this.#handshakes = options.early?.handshakes ?? new Handshakes();
    // What is being connected is of no use to a run that is being stopped, and may take until its time is over.
    options.stopping.addEventListener("abort", () => this.#handshakes.giveUp());
    if (options.stopping.aborted) this.#handshakes.giveUp();
    this.#session = session;
  }

  /** How many hosts are worked on at once from now on. */
  workOn(hosts: number): void {
    this.#hostsAtOnce = Math.min(hosts, this.#options.forks);
  }

  /**
   * The session with a host.
   *
   * @param scope the host's variables, for its address, user and keys.
   * @throws TransportError when it can't be connected; asked again, the same error.
   */
  with(host: string, scope: Scope): Promise<HostSession> {
    let session = this.#open.get(host);
    if (session === undefined) {
      session = this.#connect(host, scope);
      this.#open.set(host, session);
    }
    return session;
  }

  /** The session with a host that another one acts on (`delegate_to`). */
  borrow(host: string, scope: Scope): Promise<HostSession> {
    this.#borrowed.add(host);
    return this.with(host, scope);
  }

  /** Closes the connection of a host that has no part in what is still to do, unless others act on it. */
  async release(host: string): Promise<void> {
    if (this.#borrowed.has(host)) return;
    const opening = this.#open.get(host);
    if (opening === undefined) return;
    const session = await opening.catch(() => undefined);
    // One that could not be reached is remembered as such.
    if (session === undefined || this.#borrowed.has(host)) return;
    this.#open.delete(host);
    const counted = sumOfCounters([this.#counted.get(host), session.counters()]);
    if (counted !== undefined) this.#counted.set(host, counted);
    await session.transport.close();
  }

  /** The same, once: what is counted from now on begins at nothing. */
  async takeCounters(host: string): Promise<TransportCounters | undefined> {
    const counters = await this.countersOf(host);
    this.#counted.delete(host);
    return counters;
  }

  /** What the connections of a host have counted; undefined when it was never connected. */
  async countersOf(host: string): Promise<TransportCounters | undefined> {
    return sumOfCounters([this.#counted.get(host), (await this.#established(host))?.counters()]);
  }

  /** A session with a host that could not be reached: it is lost, and may be connected later. */
  lost(host: string, scope: Scope, error: TransportError): HostSession {
    const session = this.#sessionOf(host, scope, lostTransport(error));
    this.#open.set(host, Promise.resolve(session));
    return session;
  }

  /** Whether the host has been asked for already. */
  isOpened(host: string): boolean {
    return this.#open.has(host);
  }

  /** What stands for the session of a host until it is connected: enough to find out what will have to be asked. */
  unconnected(host: string, scope: Scope): HostSession {
    const reason = new TransportError("connection-lost", host, `${host}: it is not connected yet`);
    return this.#sessionOf(host, scope, lostTransport(reason));
  }

  /** Forgets what could not be connected: the next one who asks tries again. */
  async forgetFailed(host: string): Promise<void> {
    if ((await this.#established(host)) === undefined) this.#open.delete(host);
  }

  /** @param isConnected it is the session of a connection, and not what stands for one. */
  #sessionOf(host: string, scope: Scope, transport: Transport, isConnected = false): HostSession {
    const settings = connectionSettings(host, scope, this.#options.connection);
    const isLocal = settings.connection === "local";
    return new HostSession(host, settings.address ?? host, transport, {
      ...this.#session,
      takeOver: this.#options.takeOver === true,
      isGone,
      signal: this.#options.aborting,
      secretsIn: (text) => this.#options.secrets.foundIn(text),
      ...(isConnected && isLocal ? { machine: this.#thisMachine.of(settings) } : {}),
      open: () =>
        isLocal
          ? this.#thisMachine.open(settings, this.#hostsAtOnce)
          : this.#handshakes.inTurn((signal) => openAnew(settings, signal)),
      warn: (message) =>
        this.#options.emit({ type: "warning", time: new Date().toISOString(), host, message }),
    });
  }

  async #connect(host: string, scope: Scope): Promise<HostSession> {
    const started = performance.now();
    const settings = connectionSettings(host, scope, this.#options.connection);
    const { becomePassword, password } = settings;
    for (const secret of [becomePassword, password]) {
      if (secret !== undefined) this.#options.secrets.add(secret);
    }
    const transport = await this.#opened(settings);
    this.#options.emit({
      type: "host-connected",
      time: new Date().toISOString(),
      host,
      durationMs: Math.round(performance.now() - started),
      ...(transport.tries === undefined || transport.tries === 1 ? {} : { tries: transport.tries }),
    });
    return this.#sessionOf(host, scope, transport, true);
  }

  async #opened(settings: ConnectionSettings): Promise<Transport> {
    if (settings.connection === "local") return this.#thisMachine.open(settings, this.#hostsAtOnce);
    const transport = await (this.#options.early?.take(settings) ??
      this.#handshakes.inTurn((signal) => openTransport(settings, signal)));
    return transport.amongHosts(this.#hostsAtOnce);
  }

  /** The session if the host was connected. */
  async #established(host: string): Promise<HostSession | undefined> {
    return this.#open.get(host)?.catch(() => undefined);
  }

  async closeAll(): Promise<void> {
    await Promise.all(
      [...this.#open.values()].map(async (opening) => {
        const session = await opening.catch(() => undefined);
        await session?.transport.close();
      }),
    );
  }
}

/** What several connections have counted together; undefined where there was none. */
export function sumOfCounters(
  counters: readonly (TransportCounters | undefined)[],
): TransportCounters | undefined {
  return counters.reduce(
    (sum, one) => (sum === undefined || one === undefined ? (sum ?? one) : addCounters(sum, one)),
    undefined,
  );
}
