import type { Duplex } from "node:stream";

/**
 * Has a stream write in one piece what it is given in one turn of the event loop. ssh2 writes a packet in three parts, its length, itself and its seal, and often several packets one right behind
 * the other: each part would be a system call and a packet of the network of its own.
 */
export function writeTogether<Stream extends Duplex>(stream: Stream): Stream {
  const write: (...given: unknown[]) => boolean = stream.write.bind(stream) as never;
  let isHeld = false;
  stream.write = (...given: unknown[]): boolean => {
    if (!isHeld) {
      isHeld = true;
      stream.cork();
      process.nextTick(() => {
        isHeld = false;
        stream.uncork();
      });
    }
    return write(...given);
  };
  return stream;
}
