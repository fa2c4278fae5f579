import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import vm from "node:vm";

/** What the build puts around a file, so that its text need not be copied when it is loaded. */
export const FUNCTION_HEAD = "(function (exports, require, module, __filename, __dirname, importFile) {";
export const FUNCTION_END = "\n})";

/** What a built file is called with, as Node.js calls CommonJS. */
type FileFunction = (
  exports: unknown,
  require: (name: string) => unknown,
  module: { exports: unknown },
  filename: string,
  dirname: string,
  importFile: ImportFile,
) => void;

/** `import()`, as files have it that Node.js has loaded. */
type ImportFile = (url: string) => Promise<unknown>;

interface Loaded {
  name: string;
  script: vm.Script;
  /** V8 took the code that was kept. */
  isKept: boolean;
}

/** A run that took this long, in seconds, has time to keep what more it compiled. */
const LONG_RUN_SECONDS = 20;

/**
 * Loads a built file and what it needs, and keeps the compiled code of all functions that ran, for the next process that does the same. Node.js's own cache
 * (`module.enableCompileCache`) keeps what is compiled when a file is loaded: functions are compiled when they are called, anew in each run.
 *
 * @param folder of the built files: CommonJS in a function, in ASCII; those beside the entry have names that change with their content.
 * @param keptFile for the compiled code; undefined where none may be kept.
 */
export function loadCode(
  folder: string,
  entry: string,
  keptFile: string | undefined,
  importFile: ImportFile,
): void {
  const kept = new KeptCode(keptFile);
  const files: Loaded[] = [];
  const modules = new Map<string, { exports: unknown }>();
  const load = (file: string): unknown => {
    const known = modules.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    modules.set(file, module);
    const name = path.basename(file);
    const cachedData = kept.read(name);
    const script = new vm.Script(readFileSync(file, "latin1"), {
      filename: file,
      ...(cachedData === undefined ? {} : { cachedData }),
    });
    files.push({ name, script, isKept: script.cachedDataRejected === false });
    const directory = path.dirname(file);
    const require = (wanted: string): unknown =>
      wanted.startsWith(".") ? load(path.join(directory, wanted)) : process.getBuiltinModule(wanted);
    (script.runInThisContext() as FileFunction)(module.exports, require, module, file, directory, importFile);
    return module.exports;
  };
  process.on("exit", (status) => {
    // Wrong input ends a process before it has done what is worth keeping.
    if (status === 2) return;
    if (files.some(({ isKept }) => !isKept) || process.uptime() > LONG_RUN_SECONDS) kept.replace(files);
  });
  load(path.join(folder, entry));
}

/** A file of compiled code: a line that tells names and sizes, then the code of each. */
class KeptCode {
  readonly #file: string | undefined;
  readonly #parts = new Map<string, { at: number; size: number }>();
  #descriptor: number | undefined;

  constructor(file: string | undefined) {
    this.#file = file;
    if (file === undefined) return;
    try {
      const descriptor = openSync(file, "r");
      const head = Buffer.alloc(HEAD_BYTES);
      readSync(descriptor, head, 0, HEAD_BYTES, 0);
      let at = HEAD_BYTES;
      for (const [name, size] of JSON.parse(head.toString("latin1")) as [string, number][]) {
        this.#parts.set(name, { at, size });
        at += size;
      }
      this.#descriptor = descriptor;
    } catch {
      // There is none, or none that can be read: everything is compiled, and kept anew.
      this.#parts.clear();
    }
  }

  read(name: string): Buffer | undefined {
    const part = this.#parts.get(name);
    if (part === undefined || this.#descriptor === undefined) return undefined;
    const code = Buffer.allocUnsafeSlow(part.size);
    return readSync(this.#descriptor, code, 0, part.size, part.at) === part.size ? code : undefined;
  }

  /** Whole or not at all, and on the disk before it has its name: V8 believes what it is given. */
  replace(files: readonly Loaded[]): void {
    if (this.#file === undefined) return;
    const code = new Map<string, Buffer>();
    for (const name of this.#parts.keys()) {
      const before = this.read(name);
      if (before !== undefined) code.set(name, before);
    }
    let more = 0;
    for (const { name, script, isKept } of files) {
      const now = script.createCachedData();
      more += isKept ? now.byteLength - (code.get(name)?.byteLength ?? 0) : Number.POSITIVE_INFINITY;
      code.set(name, now);
    }
    if (more < WORTH_BYTES) return;
    const head = JSON.stringify([...code].map(([name, bytes]) => [name, bytes.byteLength])).padEnd(
      HEAD_BYTES,
    );
    const fresh = `${this.#file}.${process.pid}`;
    try {
      mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
      const descriptor = openSync(fresh, "wx", 0o600);
      for (const bytes of [Buffer.from(head, "latin1"), ...code.values()]) {
        for (let written = 0; written < bytes.byteLength; ) written += writeSync(descriptor, bytes, written);
      }
      fsyncSync(descriptor);
      closeSync(descriptor);
      renameSync(fresh, this.#file);
      this.#removeOlder();
    } catch {
      // A full disk, a home that can't be written: the next run compiles again.
      try {
        rmSync(fresh, { force: true });
      } catch {
        // It was not made.
      }
    }
  }

  /** What another build or another Node.js kept for the same command. */
  #removeOlder(): void {
    const { dir, base } = path.parse(this.#file ?? "");
    const command = base.slice(0, base.indexOf("@") + 1);
    for (const name of readdirSync(dir)) {
      if (name.startsWith(command) && name !== base) rmSync(path.join(dir, name), { force: true });
    }
  }
}

/** Room for the names of some hundred files. */
const HEAD_BYTES = 16 * 1024;

/** So much more compiled code is worth writing. */
const WORTH_BYTES = 64 * 1024;
