import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { lab } from "./lab.ts";

interface Shared {
  /** Where the system's ssh client finds it. */
  socket: string;
  end: () => Promise<void>;
}

/** Logging in costs both sides ten times as much as what is looked at then: a file of tests has one connection to each host. */
const connections = new Map<string, Promise<Shared>>();
let opened = 0;

/** What the system's ssh client is told about a lab host and how to log in there. */
export function sshArguments(name: string, user = "root"): string[] {
  const host = lab.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`the test lab has no host ${name}`);
  const { keyFile, knownHostsFile } = lab;
  return [
    "-i",
    keyFile,
    "-o",
    `UserKnownHostsFile=${knownHostsFile}`,
    "-o",
    "BatchMode=yes",
    `${user}@${host.address}`,
  ];
}

/** The same as root, through the connection that is there; without one ssh logs in by itself, and says what is wrong if it can't. */
export async function sharedArguments(name: string): Promise<string[]> {
  const found = connections.get(name) ?? open(name);
  connections.set(name, found);
  return ["-o", `ControlPath=${(await found).socket}`, ...sshArguments(name)];
}

/** Before a host loses its power or its disk: what hangs on a connection would wait until that is found dead. */
export async function endConnections(names: readonly string[]): Promise<void> {
  await Promise.all(names.map(async (name) => (await connections.get(name))?.end()));
}

async function open(name: string): Promise<Shared> {
  const socket = path.join(tmpdir(), `plumb-${process.pid}-${name}-${++opened}`);
  const options = ["-o", `ControlPath=${socket}`, "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=5"];
  // However this process ends, `cat` is told by the end of its input, and the connection ends with it.
  const child = spawn("ssh", ["-M", ...options, ...sshArguments(name), "cat"], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.unref();
  let isOver = false;
  const over = new Promise<void>((resolve) => {
    child.on("close", () => {
      isOver = true;
      connections.delete(name);
      resolve();
    });
  });
  while (!isOver && !existsSync(socket)) await wait(10);
  const end = async (): Promise<void> => {
    child.kill();
    await over;
  };
  return { socket, end };
}
