import type { ShellText } from "../shell/shell-text.ts";
import type { ExecResult } from "../transport/transport.ts";
import { alsoHeldScript } from "./host-lock.ts";

/** What is needed of a host to write into its lock. */
export interface LockedHost {
  /** Runs a script in the shell that holds the lock. */
  run(script: ShellText): Promise<ExecResult>;
  warn(message: string): void;
}

/**
 * What a host's lock is held for, besides the shell that has taken it: the shells of other users, and how long what they do may take. The next run waits for these, should this one be killed.
 */
export class HeldFor {
  readonly #shells = new Set<number>();
  #slow = 1;

  /** A new connection takes the lock anew, for its first shell alone. */
  forget(): void {
    this.#shells.clear();
    this.#slow = 1;
  }

  /**
   * Writes down, where the lock does not say it yet, for what it is held from now on. The script is sent before anything is awaited: what is sent meanwhile arrives behind it.
   *
   * @param shell another one than that which holds the lock.
   * @param slow so many things that take their time are about to begin.
   */
  async note(host: LockedHost, shell: number | undefined, slow: number): Promise<void> {
    const fresh = shell === undefined || this.#shells.has(shell) ? undefined : shell;
    const before = this.#slow;
    if (fresh === undefined && slow === before) return;
    if (fresh !== undefined) this.#shells.add(fresh);
    this.#slow = slow;
    const written = await host.run(alsoHeldScript(fresh, slow));
    if (written.exitCode === 0) return;
    // The next change tries again.
    if (fresh !== undefined) this.#shells.delete(fresh);
    if (this.#slow === slow) this.#slow = before;
    host.warn(
      `the host's lock could not be written: a run that follows would not wait for what this one leaves behind, if it were killed now: ${written.stderr.toString().trim()}`,
    );
  }
}
