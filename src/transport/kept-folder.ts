import { homedir } from "node:os";
import path from "node:path";

/** Where `plumb connect` keeps its sockets: of the user's own, and gone when the machine is started anew where the system has such a place. */
export function keptFolder(): string {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  const cache = process.env["XDG_CACHE_HOME"] || path.join(homedir(), ".cache");
  return path.join(runtime === undefined || runtime === "" ? cache : runtime, "plumb", "connections");
}
