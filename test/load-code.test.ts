import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { FUNCTION_END, FUNCTION_HEAD } from "../src/load-code.ts";
import { PLUMB } from "./built-plumb.ts";

let folder: string;
let kept: string;

const built = (name: string, code: string): void =>
  writeFileSync(path.join(folder, name), FUNCTION_HEAD + code + FUNCTION_END);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "plumb-code-"));
  kept = path.join(folder, "cache", "code", "run@1");
  built(
    "main.cjs",
    `const later = require("./later.cjs"); const { sep } = require("node:path");
     const twice = (word) => word + word;
     module.exports = twice(later.word) + sep;
     importFile(${JSON.stringify(`file://${folder}/own.mjs`)}).then(({ own }) => console.log(module.exports, own, __filename === ${JSON.stringify(path.join(folder, "main.cjs"))}));
     if (process.env.STATUS) process.exitCode = Number(process.env.STATUS);`,
  );
  built("later.cjs", 'exports.word = (() => "a")();');
  writeFileSync(path.join(folder, "own.mjs"), 'export const own = "own";');
});

const run = (status = 0): string => {
  const program = `import { loadCode } from ${JSON.stringify(path.resolve("src/load-code.ts"))};
    loadCode(${JSON.stringify(folder)}, "main.cjs", ${JSON.stringify(kept)}, (url) => import(url));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    env: { ...process.env, STATUS: String(status) },
  });
  return `${stdout}${stderr}`;
};

const inode = (): number | undefined => statSync(kept, { throwIfNoEntry: false })?.ino;

test("files are loaded with what they need; what is compiled is kept, for its user alone, and taken the next time", () => {
  expect(run()).toBe("aa/ own true\n");
  expect(statSync(kept).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(kept)).mode & 0o777).toBe(0o700);
  const first = inode();
  expect(run()).toBe("aa/ own true\n");
  expect(inode()).toBe(first);
});

test("wrong input ends too early for something worth keeping", () => {
  expect(run(2)).toBe("aa/ own true\n");
  expect(inode()).toBeUndefined();
});

test("what is kept of another build of the same command is removed, of another command not", () => {
  mkdirSync(path.dirname(kept), { recursive: true });
  const [other, older] = ["plan@1", "run@0"].map((name) => path.join(path.dirname(kept), name)) as [
    string,
    string,
  ];
  for (const file of [other, older]) writeFileSync(file, "");
  run();
  expect(existsSync(other)).toBe(true);
  expect(existsSync(older)).toBe(false);
});

test.each([
  ["cut off", () => truncateSync(kept, statSync(kept).size - 100)],
  ["empty", () => truncateSync(kept, 0)],
  ["nonsense", () => writeFileSync(kept, "nonsense")],
  [
    "of another V8",
    () => {
      const bytes = readFileSync(kept);
      // Behind the names: the first words of V8's own head say for what it is.
      bytes.fill(7, 16 * 1024, 16 * 1024 + 16);
      writeFileSync(kept, bytes);
    },
  ],
])("code that is %s is compiled and kept anew", (_, spoil) => {
  run();
  spoil();
  const spoilt = readFileSync(kept);
  expect(run()).toBe("aa/ own true\n");
  expect(readFileSync(kept).equals(spoilt)).toBe(false);
  const mended = inode();
  expect(run()).toBe("aa/ own true\n");
  expect(inode()).toBe(mended);
});

test("where nothing can be kept, everything runs all the same", () => {
  mkdirSync(path.dirname(kept), { recursive: true });
  writeFileSync(path.join(path.dirname(kept), "..", "file"), "");
  kept = path.join(path.dirname(kept), "..", "file", "run@1");
  expect(run()).toBe("aa/ own true\n");
});

test.each([
  ["is the user's alone", 0o700, 0, true],
  ["is open to others", 0o777, 0, false],
  ["is another user's", 0o700, 12345, false],
])("compiled code is kept in a folder that %s, and read there: %o", (_, mode, owner, isKept) => {
  const cache = path.join(folder, "cache", "plumb");
  const code = path.join(cache, "code");
  mkdirSync(cache, { recursive: true });
  const env = { ...process.env, XDG_CACHE_HOME: path.join(folder, "cache") };
  const version = (timeout = 20_000) => spawnSync(process.execPath, [PLUMB, "--version"], { env, timeout });
  const become = (itsMode: number, itsOwner: number): void => {
    chmodSync(cache, itsMode);
    chownSync(cache, itsOwner, itsOwner);
  };
  become(mode, owner);
  expect(version().status).toBe(0);
  expect(existsSync(code)).toBe(isKept);
  become(0o700, 0);
  expect(version().status).toBe(0);
  for (const name of readdirSync(code)) {
    rmSync(path.join(code, name));
    // Whoever opens it waits for ever.
    expect(spawnSync("mkfifo", [path.join(code, name)]).status).toBe(0);
  }
  become(mode, owner);
  expect(version(isKept ? 2000 : 20_000).signal).toBe(isKept ? "SIGTERM" : null);
});
