import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { lab } from "./lab.ts";

/** Connection variables that lead to the host through a relay. */
export async function throughRelay(host: string, port: number, more = ""): Promise<Record<string, string>> {
  const { keyFile, knownHostsFile } = lab;
  const known = path.join(await mkdtemp(path.join(tmpdir(), "plumb-relay-")), "known_hosts");
  const key = (await readFile(knownHostsFile, "utf8"))
    .split("\n")
    .find((line) => line.includes(host))
    ?.split(" ")
    .slice(1)
    .join(" ");
  await writeFile(known, `[127.0.0.1]:${port} ${key ?? ""}\n`);
  return {
    ansible_host: "127.0.0.1",
    ansible_port: String(port),
    ansible_ssh_private_key_file: keyFile,
    ansible_ssh_common_args: `-o UserKnownHostsFile=${known} ${more}`,
  };
}

/** A relay on this machine that can be cut. */
export interface Relay {
  port: number;
  /** Ends what is connected, and lets nobody in any more. */
  cut(): void;
  /** Ends what is connected; who connects again gets through. */
  drop(): void;
  /** What is sent gets lost, and nobody says so. */
  silence(): void;
}

export async function relayTo(address: string, port = 22): Promise<Relay> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect({ host: address, port });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const listening = server.address() as net.AddressInfo;
  return {
    port: listening.port,
    silence: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
