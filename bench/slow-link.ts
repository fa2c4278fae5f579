import net from "node:net";

/** A relay on this machine in front of a host's sshd, that delays both directions. */
export async function slowLink(
  address: string,
  delayMs: number,
): Promise<{ port: number; close: () => void }> {
  const server = net.createServer({ noDelay: true }, (client) => {
    const upstream = net.connect({ host: address, port: 22, noDelay: true });
    delayed(client, upstream, delayMs);
    delayed(upstream, client, delayMs);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as net.AddressInfo).port, close: () => server.close() };
}

function delayed(from: net.Socket, to: net.Socket, delayMs: number): void {
  from.on("data", (chunk) => setTimeout(() => to.writable && to.write(chunk), delayMs));
  from.on("end", () => setTimeout(() => to.end(), delayMs));
  from.on("error", () => to.destroy());
}
