import type { ConnectionSettings } from "./connection-settings.ts";
import type { ShellTransport } from "./shell-transport.ts";

/**
 * Connects to a host in the way its settings say. The SSH libraries are loaded only when one is needed.
 *
 * @param signal gives up before the connection is made; what is connected is left alone.
 * @throws TransportError
 */
export async function openTransport(
  settings: ConnectionSettings,
  signal?: AbortSignal,
): Promise<ShellTransport> {
  if (settings.connection === "local") {
    const { openLocal } = await import("./local.ts");
    return openLocal(settings);
  }
  const { openSsh } = await import("./ssh.ts");
  return openSsh(settings, signal);
}
