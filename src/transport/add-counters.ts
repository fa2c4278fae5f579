import type { TransportCounters } from "./transport.ts";

/** What two connections have counted together. */
export function addCounters(one: TransportCounters, other: TransportCounters): TransportCounters {
  return {
    roundTrips: one.roundTrips + other.roundTrips,
    channels: one.channels + other.channels,
    scripts: one.scripts + other.scripts,
    bytesSent: one.bytesSent + other.bytesSent,
    bytesReceived: one.bytesReceived + other.bytesReceived,
  };
}
