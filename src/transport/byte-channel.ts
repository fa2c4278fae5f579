import type { Duplex, Readable, Writable } from "node:stream";

/** A program at the other end: its three streams and its end. An exec channel of ssh, or a child process here. */
export interface ByteChannel {
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
  /** Fulfilled when it has ended and its output is complete. */
  closed: Promise<void>;
  close(): void;
}

/** How a kind of transport starts programs and streams. */
export interface ChannelOpener {
  /** Starts a command line by the login shell. */
  exec(command: string): Promise<ByteChannel>;
  forward(target: { host: string; port: number } | { socketPath: string }): Promise<Duplex>;
  close(): Promise<void>;
}
