import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import type { ForwardTarget } from "../transport/transport.ts";
import { ModuleFailure } from "./module.ts";
import type { StepHost } from "./step.ts";

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, 5.1): sshd says it for `AllowTcpForwarding no`. */
const PROHIBITED = 1;

/**
 * A stream from the host to a port or a socket.
 *
 * @throws ModuleFailure where the host's sshd forbids it: that says nothing of who listens. Any other Error: nobody answers there.
 */
export async function connectThrough(
  host: Pick<StepHost, "transport" | "signal">,
  target: ForwardTarget,
  timeoutMs: number,
): Promise<Duplex> {
  const over = new AbortController();
  const opening = host.transport.forward(target);
  const late = wait(timeoutMs, undefined, { signal: AbortSignal.any([over.signal, host.signal]) }).then(
    () => {
      throw new Error(`no connection within ${timeoutMs / 1000} s`);
    },
  );
  try {
    return await Promise.race([opening, late]);
  } catch (error) {
    // One that opens after all is not wanted any more.
    opening.then(
      (stream) => stream.destroy(),
      () => undefined,
    );
    throw prohibited(error) ? forbidden(error) : error;
  } finally {
    over.abort();
    late.catch(() => undefined);
  }
}

function prohibited(error: unknown): boolean {
  return error instanceof Error && "reason" in error && error.reason === PROHIBITED;
}

function forbidden(cause: unknown): ModuleFailure {
  return new ModuleFailure("the host's sshd does not let connections through", {
    cause,
    hint: "it needs `AllowTcpForwarding local` (or yes) in sshd_config, for this user at least",
  });
}

/** Waits, unless the run is stopped meanwhile. @throws ModuleFailure when it is. */
export async function waitSeconds(seconds: number, { signal }: Pick<StepHost, "signal">): Promise<void> {
  await wait(seconds * 1000, undefined, { signal }).catch((cause: unknown) => {
    throw new ModuleFailure("stopped: the run was interrupted", { cause });
  });
}
