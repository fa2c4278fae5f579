import { existsSync } from "node:fs";
import type { ConnectionSettings } from "./connection-settings.ts";
import { keptFolder } from "./kept-folder.ts";
import type { ShellTransport } from "./shell-transport.ts";

/**
 * Connects to a host in the way its settings say, or takes the connection that `plumb connect` keeps. The SSH libraries are loaded only when one is needed.
 *
 * @param signal gives up before the connection is made; what is connected is left alone.
 * @throws TransportError
 */
export async function openTransport(
  settings: ConnectionSettings,
  signal?: AbortSignal,
): Promise<ShellTransport> {
  if (settings.connection !== "local" && existsSync(keptFolder())) {
    const { openKept } = await import("./kept-connection.ts");
    const kept = await openKept(settings);
    if (kept !== undefined) return kept;
  }
  return openAnew(settings, signal);
}

/** Connects to a host whatever connections there are: where it counts that one can be had. @throws TransportError */
export async function openAnew(settings: ConnectionSettings, signal?: AbortSignal): Promise<ShellTransport> {
  if (settings.connection === "local") {
    const { openLocal } = await import("./local.ts");
    return openLocal(settings);
  }
  const { openSsh } = await import("./ssh.ts");
  return openSsh(settings, signal);
}
