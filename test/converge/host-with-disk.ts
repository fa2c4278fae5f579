import type { ExecResult } from "../../src/transport/transport.ts";

/** A host whose disk may be full. */
export class HostWithDisk {
  readonly scripts: string[] = [];
  readonly warnings: string[] = [];
  isFull = false;

  run = async ({ shell }: { shell: string }): Promise<ExecResult> => {
    this.scripts.push(shell);
    const end = { durationMs: 1, timedOut: false, aborted: false, connectionLost: false, truncated: false };
    const stderr = Buffer.from(this.isFull ? "sh: printf: I/O error: No space left on device\n" : "");
    return { ...end, exitCode: this.isFull ? 1 : 0, stdout: Buffer.alloc(0), stderr };
  };

  warn = (message: string): void => void this.warnings.push(message);
}
