import { homedir } from "node:os";
import path from "node:path";

/** A folder of the user's own for what can be made again (XDG Base Directory Specification). start.ts keeps compiled code in the same place. */
export function cacheFolder(name: string): string {
  return path.join(process.env["XDG_CACHE_HOME"] || path.join(homedir(), ".cache"), "plumb", name);
}
