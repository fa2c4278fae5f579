import { expect, test } from "vitest";
import { plainAddress } from "../../src/modules/plain-address.ts";
import { tcpConnections } from "../../src/modules/tcp-connections.ts";

/** Debian 12, kernel 6.1: /proc/net/tcp, then /proc/net/tcp6. */
const TEXT = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1920 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0B0BD50A:1920 010BD50A:A3F0 01 00000000:00000000 02:000 00000000     0        0 2 4
  sl  local_address                         remote_address                        st
   0: 0000000000000000FFFF00000B0BD50A:1920 0000000000000000FFFF0000010BD50A:D2F0 06 00000000:00000000
   1: B80D0120000000000000000001000000:1920 B80D0120000000000000000002000000:D2F1 08 00000000:00000000
`;

test("connections of both protocols are told with one way of writing an address", () => {
  expect(tcpConnections(TEXT)).toEqual([
    { localPort: 6432, remoteAddress: "0.0.0.0", state: "LISTEN" },
    { localPort: 6432, remoteAddress: "10.213.11.1", state: "ESTABLISHED" },
    { localPort: 6432, remoteAddress: "10.213.11.1", state: "TIME_WAIT" },
    { localPort: 6432, remoteAddress: "2001:db8::2", state: "CLOSE_WAIT" },
  ]);
  expect(["2001:DB8:0::2", "::ffff:10.1.2.3", "10.1.2.3"].map(plainAddress)).toEqual([
    "2001:db8::2",
    "10.1.2.3",
    "10.1.2.3",
  ]);
});
