import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { isAlive } from "./is-alive.ts";

const PREFIX = "plumb-tests-";

/** Tests leave folders in the temporary folder: they get one of their own, which goes with what is in it. Its name is short, because paths of sockets must be (unix(7)). */
export function setup(): (() => void) | undefined {
  if (path.basename(tmpdir()).startsWith(PREFIX)) return undefined;
  removeLeftOnes(tmpdir());
  const folder = path.join(tmpdir(), `${PREFIX}${process.pid}`);
  mkdirSync(folder);
  // As /tmp: some tests act as other users.
  chmodSync(folder, 0o1777);
  process.env["TMPDIR"] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Those of runs that were killed. */
function removeLeftOnes(above: string): void {
  for (const name of readdirSync(above)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)$`).exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(path.join(above, name), { recursive: true, force: true });
  }
}
