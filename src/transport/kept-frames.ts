import type { Socket } from "node:net";

/** What a frame between Plumb and a kept connection holds. */
export const FRAME = {
  /** The first one: what is wanted, as JSON. */
  request: 0,
  /** The answer to it, as JSON: `{}`, or `{ "error": … }`. */
  answer: 1,
  stdin: 2,
  stdinEnd: 3,
  stdout: 4,
  stderr: 5,
} as const;

/** What is wanted of a kept connection; each on a socket of its own. */
export type KeptRequest =
  | { want: "exec"; command: string }
  | { want: "forward"; target: { host: string; port: number } | { socketPath: string } }
  /** Ends when the connection does. */
  | { want: "watch" }
  | { want: "end" };

export interface KeptAnswer {
  error?: string;
  /** To `watch`: who logged in. */
  user?: string;
}

const HEAD_BYTES = 5;

/** Each frame: its kind in one byte, its length in four, its bytes. @returns whether more may be written at once. */
export function writeFrame(socket: Socket, kind: number, bytes: Uint8Array = Buffer.alloc(0)): boolean {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(bytes.byteLength, 1);
  return socket.write(Buffer.concat([head, bytes]));
}

/** Calls with each frame that has arrived whole, in order. */
export function readFrames(socket: Socket, took: (kind: number, bytes: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.byteLength >= HEAD_BYTES) {
      const end = HEAD_BYTES + rest.readUInt32BE(1);
      if (rest.byteLength < end) return;
      const kind = rest.readUInt8(0);
      const bytes = rest.subarray(HEAD_BYTES, end);
      rest = rest.subarray(end);
      took(kind, bytes);
    }
  });
}
