import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { labRoot } from "./plan.ts";

const PORT = 3199;

const folder = (): string => path.join(labRoot(), "apt-cache");
const pidFile = (): string => path.join(folder(), "pid");

/**
 * A cache of Debian packages for all labs, so that the second install costs no download. A process of ours with a configuration of ours: Debian's
 * default one remaps mirrors.
 *
 * @returns the port it listens on.
 */
export async function ensureAptCache(): Promise<number> {
  if (await listens(PORT)) return PORT;
  const [configuration, cache, log] = ["configuration", "cache", "log"].map((part) =>
    path.join(folder(), part),
  );
  if (configuration === undefined || cache === undefined || log === undefined)
    throw new Error("no apt cache folder");
  for (const part of [configuration, cache, log]) await mkdir(part, { recursive: true });
  const settings = [
    `CacheDir: ${cache}`,
    `LogDir: ${log}`,
    `SupportDir: /usr/lib/apt-cacher-ng`,
    `Port: ${PORT}`,
    "BindAddress: 0.0.0.0",
    "ExThreshold: 30",
    "PassThroughPattern: .*",
    `PidFile: ${pidFile()}`,
    "ForeGround: 1",
  ];
  await writeFile(path.join(configuration, "acng.conf"), `${settings.join("\n")}\n`);
  const output = openSync(path.join(log, "console.log"), "a");
  const child = spawn("/usr/sbin/apt-cacher-ng", ["-c", configuration], {
    detached: true,
    stdio: ["ignore", output, output],
  });
  child.unref();
  for (let tries = 0; tries < 100; tries++) {
    if (await listens(PORT)) return PORT;
    await wait(100);
  }
  const said = await readFile(path.join(log, "console.log"), "utf8").catch(() => "");
  throw new Error(`the package cache did not start: ${said.trim().split("\n").slice(-3).join("\n")}`);
}

/** Ends the cache's process; its files stay for the next lab. */
export async function stopAptCache(): Promise<void> {
  const pid = Number((await readFile(pidFile(), "utf8").catch(() => "")).trim());
  if (!Number.isInteger(pid) || pid <= 0) return;
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  if (command.includes("apt-cacher-ng") && command.includes(folder())) process.kill(pid, "SIGTERM");
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
