import { lostResult } from "./framed-shell.ts";
import type { Transport, TransportError } from "./transport.ts";

/** The transport of a host that could not be reached: lost from the start, for this reason. */
export function lostTransport(error: TransportError): Transport {
  return {
    isLocal: false,
    lost: Promise.resolve(error),
    processOf: () => undefined,
    run: () => Promise.resolve(lostResult()),
    upload: () => Promise.reject(error),
    download: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }),
    forward: () => Promise.reject(error),
    counters: () => ({ roundTrips: 0, channels: 0, scripts: 0, bytesSent: 0, bytesReceived: 0 }),
    close: () => Promise.resolve(),
  };
}
