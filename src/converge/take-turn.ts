import type { HostContext } from "./host-context.ts";
import { StopHost } from "./stop-host.ts";

/**
 * Resolves when the host may act.
 *
 * @throws StopHost when somebody has ended the play meanwhile; Interrupted.
 */
export async function takeTurn(context: HostContext): Promise<void> {
  await context.hooks.turn();
  if (context.hooks.isEnded()) throw new StopHost("ended");
}
