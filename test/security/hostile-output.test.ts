import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import vm from "node:vm";
import { describe, expect, test } from "vitest";
import { facts } from "../../src/queries/facts.ts";
import type { Answered, QueryKind } from "../../src/queries/query.ts";

type Kind = QueryKind<unknown, unknown>;

/** Every question that can be asked of a host. */
async function allKinds(): Promise<Kind[]> {
  const files = readdirSync("src/queries").map(
    (name) => pathToFileURL(path.resolve("src/queries", name)).href,
  );
  const modules = await Promise.all(files.map((file) => import(file) as Promise<Record<string, unknown>>));
  const kinds = modules.flatMap((one) =>
    Object.values(one).flatMap((value) =>
      typeof value === "function" && "kind" in value ? [value.kind as Kind] : [],
    ),
  );
  return kinds.filter((kind) => typeof kind?.parse === "function");
}

const SIZE = 100_000;
const PIECES = [
  ..."a \n\0\t\"'\\=:-/.,;()[]{}<>|&$1#é",
  "a ",
  "a\n",
  "a=b ",
  "a: b\n",
  "1.2.",
  " \n",
  "\0\0a",
  "S\0",
  "U\0",
  '{"a":',
  "[",
  "aA0-",
  "--- ",
  "\u001b[31m",
];

/** Keys of any shape: a kind takes what it knows of them. */
const KEYS: unknown[] = [
  "/etc/a",
  { path: "/etc/a", name: "a", user: "a", table: "a", family: "inet", file: "a" },
];

const RECORDINGS = "test/cases/queries";

/** What lab hosts have said when they were asked; the first line names the host. */
function recordingsOf(kind: string): string[] {
  return readdirSync(RECORDINGS)
    .filter((name) => name.startsWith(`${kind}.`))
    .map((name) => readFileSync(path.join(RECORDINGS, name), "utf8"))
    .map((text) => text.slice(text.indexOf("\n") + 1));
}

/** Text in which one word after the other, wherever it stands, is a name that means something to JavaScript. */
function withForgedNames(text: string): string[] {
  const some = text.slice(0, 20_000);
  const words = [/[A-Za-z_][\w-]+/g, /[^\s\0]+/g, /[^\s\0:=,]+/g].flatMap((word) =>
    [...new Set(some.match(word) ?? [])].slice(0, 150),
  );
  return words.map((word) => some.replaceAll(word, "__proto__"));
}

const propertiesOfPrototypes = (): unknown =>
  [Object.prototype, Array.prototype, Function.prototype, Map.prototype].map((one) =>
    Object.getOwnPropertyNames(one),
  );

const context = vm.createContext({ run: (): void => undefined });
const script = new vm.Script("run()");

/** Runs it to its end, or for three seconds. @returns whether it ended. */
function ends(run: () => void): boolean {
  context["run"] = run;
  try {
    script.runInContext(context, { timeout: 3_000 });
    return true;
  } catch (error) {
    // What it can't read it may refuse, and keys of another kind's shape it can't either.
    return !(
      typeof error === "object" &&
      error !== null &&
      "code" in error &&
      error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
    );
  }
}

describe("what a host prints", () => {
  test("keeps no reader busy, whatever it is: 100 kB of it are read or refused", async () => {
    const kinds = await allKinds();
    expect(kinds.length).toBeGreaterThan(40);
    const busy = kinds.flatMap((kind) =>
      PIECES.filter((piece) => {
        const stdout = Buffer.from(piece.repeat(SIZE / piece.length));
        return KEYS.some((key) => !ends(() => void kind.parse({ stdout, stderr: "", exitCode: 0 }, [key])));
      }).map((piece) => `${kind.name}: ${JSON.stringify(piece)}`),
    );
    expect(busy).toEqual([]);
  }, 60_000);

  test("keeps none busy where it begins as it should, either", async () => {
    const kinds = new Map((await allKinds()).map((kind) => [kind.name, kind]));
    const recordings = readdirSync("test/cases/queries").filter((name) => name.endsWith(".bookworm.txt"));
    expect(recordings.length).toBeGreaterThan(15);
    const busy: string[] = [];
    for (const name of recordings) {
      const kind = kinds.get(name.replace(".bookworm.txt", ""));
      const text = readFileSync(path.join("test/cases/queries", name), "latin1");
      const recorded = text.slice(text.indexOf("\n") + 1);
      for (const piece of ["a", " ", "1.", "\n", "\0", "=", '"']) {
        const stuffing = piece.repeat(SIZE / piece.length);
        for (let cut = 0; cut < 8; cut++) {
          const at = Math.floor((recorded.length * cut) / 8);
          const stdout = Buffer.from(recorded.slice(0, at) + stuffing + recorded.slice(at), "latin1");
          const output = { stdout, stderr: "", exitCode: 0 };
          if (KEYS.some((key) => !ends(() => void kind?.parse(output, [key]))))
            busy.push(`${name} ${cut} ${piece}`);
        }
      }
    }
    expect(busy).toEqual([]);
  }, 60_000);

  test("gives no object of ours other properties", async () => {
    const forged = '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}';
    const lines = "__proto__\0polluted\0 1\n__proto__=polluted\n__proto__ polluted\n__proto__:polluted\n";
    const before = propertiesOfPrototypes();
    for (const kind of await allKinds()) {
      const recorded = recordingsOf(kind.name).flatMap(withForgedNames);
      for (const text of [forged, lines, lines.repeat(20), `U\0__proto__\0${lines}`, ...recorded]) {
        for (const keys of [KEYS, ["all"]])
          ends(() => void kind.parse({ stdout: Buffer.from(text), stderr: "", exitCode: 0 }, keys));
      }
    }
    expect(propertiesOfPrototypes()).toEqual(before);
  });

  test("that is cut off or made up is not known, and never absent", async () => {
    for (const stdout of ["", "\0", "rubbish\n", "{}", "[]"]) {
      const answers: readonly Answered<unknown>[] = facts.kind.parse(
        { stdout: Buffer.from(stdout), stderr: "", exitCode: 0 },
        ["all"],
      );
      expect(answers.map(({ known }) => known)).toEqual([false]);
    }
  });
});
