import { mkdirSync } from "node:fs";
import { text } from "node:stream/consumers";
import pLimit from "p-limit";
import type { ConnectionSettings } from "../transport/connection-settings.ts";
import { keepConnection } from "../transport/keep-connection.ts";
import { endKept, keptSocket } from "../transport/kept-connection.ts";
import { keptFolder } from "../transport/kept-folder.ts";
import { connectSsh } from "../transport/ssh.ts";

/** What `plumb connect` hands to the process that stays behind. */
export interface ToKeep {
  settings: readonly ConnectionSettings[];
  idleSeconds: number;
}

/** What became of a host. */
export interface KeptHost {
  host: string;
  said: string;
  error?: string;
}

const HANDSHAKES = 32;

/** The process that stays behind: tells in one line what became of the hosts, and ends with its last connection. */
export async function keepConnections(): Promise<void> {
  const { settings, idleSeconds } = JSON.parse(await text(process.stdin)) as ToKeep;
  mkdirSync(keptFolder(), { recursive: true, mode: 0o700 });
  const inTurn = pLimit(HANDSHAKES);
  const kept = await Promise.all(settings.map((one) => inTurn(() => keepOne(one, idleSeconds))));
  process.stdout.write(`${JSON.stringify(kept)}\n`);
}

async function keepOne(settings: ConnectionSettings, idleSeconds: number): Promise<KeptHost> {
  try {
    await endKept(settings);
    const { opener, user, lost } = await connectSsh(settings);
    await keepConnection({ socketPath: keptSocket(settings), opener, user, lost, idleSeconds });
    return { host: settings.name, said: `kept until nobody has used it for ${idleSeconds} s` };
  } catch (error) {
    return { host: settings.name, said: "", error: error instanceof Error ? error.message : String(error) };
  }
}
