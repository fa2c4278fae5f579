import { plainAddress } from "./plain-address.ts";

/** States of a TCP connection, in the kernel's order (include/net/tcp_states.h), from 1 on. */
export const CONNECTION_STATES = [
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
] as const;

export type ConnectionState = (typeof CONNECTION_STATES)[number];

interface TcpConnection {
  localPort: number;
  /** As `plainAddress` writes it. */
  remoteAddress: string;
  state: ConnectionState;
}

/** Connections in the text of /proc/net/tcp and /proc/net/tcp6. */
export function tcpConnections(text: string): TcpConnection[] {
  return text.split("\n").flatMap((line) => {
    const [, localPort, remote, code] =
      /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]{8}(?:[0-9A-F]{24})?):[0-9A-F]{4} ([0-9A-F]{2}) /.exec(
        line,
      ) ?? [];
    const state = CONNECTION_STATES[Number.parseInt(code ?? "", 16) - 1];
    if (localPort === undefined || remote === undefined || state === undefined) return [];
    return [{ localPort: Number.parseInt(localPort, 16), remoteAddress: addressOf(remote), state }];
  });
}

/** Words of four bytes, each as the processor has it: little-endian on what Debian's hosts run on. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  );
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  return plainAddress(groups.join(":"));
}
