import { Poly1305 } from "@noble/ciphers/_poly1305.js";

const SUM_BYTES = 16;

/**
 * What ssh2 wants of its WebAssembly for chacha20-poly1305: sums of two pieces (RFC 8439, 2.5), which it finds in a memory. The build puts this in its place: that one
 * takes 16 MB at each start, and few servers ever choose this cipher. V8 counts them as its own, and so cleared its memory in every run, however small.
 */
export async function poly1305Module(): Promise<{
  HEAPU8: Uint8Array;
  _malloc(): number;
  cwrap(): (
    at: number,
    first: Uint8Array,
    firstBytes: number,
    second: Uint8Array,
    secondBytes: number,
    key: Uint8Array,
  ) => void;
}> {
  const memory = new Uint8Array(SUM_BYTES);
  return {
    HEAPU8: memory,
    _malloc: () => 0,
    cwrap: () => (at, first, firstBytes, second, secondBytes, key) => {
      const sum = new Poly1305(key)
        .update(first.subarray(0, firstBytes))
        .update(second.subarray(0, secondBytes));
      memory.set(sum.digest(), at);
    },
  };
}
