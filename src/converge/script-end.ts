import type { ExecResult } from "../transport/transport.ts";

/** @throws Error when the script did not end by itself. */
export function requireExit(result: ExecResult): number {
  if (result.exitCode !== undefined) return result.exitCode;
  throw new Error(describeEnd(result));
}

/** How a script that has no exit code ended. */
export function describeEnd(result: ExecResult): string {
  if (result.connectionLost) return "the connection was lost";
  if (result.timedOut) return `stopped after ${Math.round(result.durationMs / 1000)} s: its time limit`;
  if (result.aborted) return "stopped: the run was interrupted";
  return `exit ${String(result.exitCode)}`;
}
