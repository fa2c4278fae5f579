import type { ShellText } from "../shell/shell-text.ts";
import type { ExecResult } from "../transport/transport.ts";
import { keepHandlersScript, rememberHandlersScript } from "./host-state.ts";
import { HostStateError } from "./host-state-error.ts";

/** What is needed of a host to write handlers down. */
export interface RememberingHost {
  /** Runs a script as the user under whom Plumb's state is kept. */
  run(script: ShellText): Promise<ExecResult>;
  /** What the name of the list's file ends in. */
  suffix(): string;
}

/** The handlers that a host has to run yet, and the list of them that is kept there: a run that is killed leaves them to the next one. */
export class RememberedHandlers {
  readonly #host: RememberingHost;
  #pending: string[] = [];
  #leftOver: readonly string[] | undefined;

  constructor(host: RememberingHost) {
    this.#host = host;
  }

  /** Handlers to do, oldest first: those that an earlier run left, and those notified since. */
  get pending(): readonly string[] {
    return this.#pending;
  }

  /** Of these, those that an earlier run left. */
  get leftOver(): readonly string[] {
    return this.#leftOver ?? [];
  }

  /** Takes what is on the host's list. On a new connection in check mode, what was only noted is still to do. */
  found(remembered: readonly string[], isCheckMode: boolean): void {
    this.#pending = unique([...remembered, ...(isCheckMode ? this.#pending : [])]);
    this.#leftOver ??= [...this.#pending];
  }

  /**
   * Remembers handlers on the host, before the step that notifies them.
   *
   * @returns those that were not on the list before.
   * @throws HostStateError when they can't be written down (disk full): the step must not run then.
   */
  async remember(handlers: readonly string[]): Promise<string[]> {
    const fresh = handlers.filter((handler) => !this.#pending.includes(handler));
    if (fresh.length === 0) return [];
    const result = await this.#host.run(rememberHandlersScript(fresh, this.#host.suffix()));
    if (result.exitCode !== 0) {
      throw new HostStateError(
        `the notified handlers could not be written down: ${result.stderr.toString().trim()}`,
        "nothing was changed by this task; make room on the host and run again",
      );
    }
    this.#pending.push(...fresh);
    return fresh;
  }

  /** Strikes handlers off the list: they ran, or nothing was changed after all. */
  async forget(handlers: readonly string[]): Promise<void> {
    const left = this.#pending.filter((handler) => !handlers.includes(handler));
    if (left.length === this.#pending.length) return;
    this.#pending = left;
    await this.#host.run(keepHandlersScript(left, this.#host.suffix()));
  }

  /** In check mode nothing is written down; the list lives for this run only. */
  note(handlers: readonly string[]): void {
    this.#pending = unique([...this.#pending, ...handlers]);
  }
}

const unique = (values: readonly string[]): string[] => [...new Set(values)];
