import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { removeOldFiles } from "./old-files.ts";
import type { Written } from "./written.ts";

/** What other code than this has kept is not understood: the name of a built file has a hash of its content in it. */
const WRITER = path.basename(import.meta.filename);

/** A file of texts that nobody has run for this long is removed. */
const KEPT_DAYS = 30;

interface Kept {
  writer: string;
  texts: Record<string, Written | null>;
}

/**
 * What the YAML files of one playbook came to, kept on disk from run to run: to parse them anew would be a tenth of a run that changes nothing. A text is known
 * by its hash, so a file that has changed is parsed. Nothing that came out of a vault is kept.
 */
export class ParsedFiles {
  readonly #file: string;
  readonly #before: Readonly<Record<string, Written | null>>;
  readonly #used = new Map<string, Written | null>();
  #isNew = false;

  private constructor(file: string, before: Kept["texts"]) {
    this.#file = file;
    this.#before = before;
  }

  /**
   * What was kept, or nothing: a file that can't be read or understood is as good as none.
   *
   * @param folder of the user's own
   * @param name what the texts belong to
   */
  static open(folder: string, name: string): ParsedFiles {
    const file = path.join(folder, `${hashOf(name)}.json`);
    try {
      // Somebody else could have written there what a playbook never said.
      if ((statSync(folder).mode & 0o022) !== 0) return new ParsedFiles("", {});
      const kept = JSON.parse(readFileSync(file, "utf8")) as Kept;
      if (kept.writer === WRITER) return new ParsedFiles(file, kept.texts);
    } catch {
      // There is none yet.
    }
    return new ParsedFiles(file, {});
  }

  /** What a text came to; parsed by the function where it is not known. */
  parsed(text: string, parse: () => Written | null): Written | null {
    const hash = hashOf(text);
    const known = this.#before[hash];
    if (known !== undefined) {
      this.#used.set(hash, known);
      return known;
    }
    const written = parse();
    if (written === null || isPlain(written)) {
      this.#used.set(hash, written);
      this.#isNew = true;
    }
    return written;
  }

  /** Keeps what was used since, where something is new. That it can't is no reason to fail: the next run parses again. */
  async keep(): Promise<void> {
    if (!this.#isNew || this.#file === "") return;
    const folder = path.dirname(this.#file);
    const kept: Kept = { writer: WRITER, texts: Object.fromEntries(this.#used) };
    const temporary = `${this.#file}.${process.pid}`;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(temporary, JSON.stringify(kept), { mode: 0o600 });
      await rename(temporary, this.#file);
      await removeOldFiles(folder, KEPT_DAYS);
    } catch {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }
}

/** Whether JSON gives back what it was given. */
function isPlain(node: Written | string | null): boolean {
  if (node === null || typeof node === "string") return true;
  switch (node.kind) {
    case "scalar":
      return (
        node.value === null ||
        typeof node.value === "string" ||
        typeof node.value === "boolean" ||
        (Number.isFinite(node.value) && !Object.is(node.value, -0))
      );
    case "list":
      return node.items.every(isPlain);
    case "map":
      return node.pairs.every(({ key, value }) => isPlain(key) && isPlain(value));
    default:
      return false;
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
