import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Facts, withoutFleeting } from "../queries/facts.ts";
import { sharedVersions } from "../queries/package-list.ts";
import { removeOldFiles } from "../variables/old-files.ts";
import { isValueMap, type Value } from "../variables/value.ts";

/** The facts of a host that nobody has run for this long are removed. */
const KEPT_DAYS = 30;

/**
 * The facts that hosts had in the last run, kept on disk: what a task will ask can be found out with them before the host has said anything, so that it is
 * asked along with the facts. Nothing is decided by them. One file a host, which nobody else can read.
 */
export class ExpectedFacts {
  readonly #folder: string;
  #isPruned = false;

  /** @param folder of the user's own */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What a host of this name at this address said last, without what is never the same twice; undefined where nothing is known. */
  of(host: string, address: string): Facts | undefined {
    try {
      // Somebody else could have written there what no host ever said.
      if ((statSync(this.#folder).mode & 0o022) !== 0) return undefined;
      const facts = JSON.parse(readFileSync(this.#fileOf(host, address), "utf8")) as Value;
      return isValueMap(facts) ? withSharedVersions(facts) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Keeps the facts for the next run, where they are others than were expected. That it can't is no reason to fail: the next run asks in two trips. */
  async keep(host: string, address: string, facts: Facts, expected: Facts | undefined): Promise<void> {
    const lasting = withoutFleeting(facts);
    if (isDeepStrictEqual(lasting, expected)) return;
    const file = this.#fileOf(host, address);
    const temporary = `${file}.${process.pid}`;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeFile(temporary, JSON.stringify(lasting), { mode: 0o600 });
      await rename(temporary, file);
      if (this.#isPruned) return;
      this.#isPruned = true;
      await removeOldFiles(this.#folder, KEPT_DAYS);
    } catch {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  #fileOf(host: string, address: string): string {
    const name = createHash("sha256")
      .update(JSON.stringify([host, address]))
      .digest("base64url");
    return path.join(this.#folder, `${name}.json`);
  }
}

function withSharedVersions(facts: Facts): Facts {
  const { package_versions: versions } = facts;
  return isValueMap(versions) && Object.values(versions).every((version) => typeof version === "string")
    ? { ...facts, package_versions: sharedVersions(versions as Record<string, string>) }
    : facts;
}
