import { chmod, mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { compileValue } from "../../src/variables/compile-value.ts";
import { ParsedFiles } from "../../src/variables/parsed-files.ts";
import type { Templated } from "../../src/variables/templated.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";
import { parseYaml, rememberParsed } from "../../src/variables/yaml-source.ts";

let folder = "";
beforeEach(async () => {
  folder = path.join(await mkdtemp(path.join(tmpdir(), "plumb-parsed-")), "yaml");
});
afterEach(() => rememberParsed(undefined));

/** Parses texts in one run that keeps what they came to. */
async function run(...texts: string[]): Promise<Templated[]> {
  const files = ParsedFiles.open(folder, "site.yml");
  rememberParsed(files);
  const values = texts.map(compiled);
  await files.keep();
  rememberParsed(undefined);
  return values;
}

function compiled(text: string): Templated {
  const source = parseYaml(text, "site.yml");
  return compileValue(source, source.contents);
}

/** The one file, its content, and how often a text is parsed. */
async function kept(): Promise<{ file: string; text: string }> {
  const [name = ""] = await readdir(folder);
  const file = path.join(folder, name);
  return { file, text: await readFile(file, "utf8") };
}

async function isKnown(text: string): Promise<boolean> {
  const files = ParsedFiles.open(folder, "site.yml");
  let parsed = false;
  files.parsed(text, () => {
    parsed = true;
    return null;
  });
  return !parsed;
}

describe("files that were parsed before", () => {
  test("are not parsed again while they stay as they are", async () => {
    await run("a: 1\n", "b: 2\n");
    expect(await isKnown("a: 1\n")).toBe(true);
    expect(await isKnown("a: 1 \n")).toBe(false);
  });

  test("come to the same, positions and all, as files that are parsed", async () => {
    const scalar = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constant("yes"),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        scalar,
        fc.array(tie("tree")),
        fc.dictionary(fc.string(), tie("tree")),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(tree, async (value) => {
        // What Plumb reads are PyYAML's types; the package's own 1.1 writes text of theirs in quotes.
        const text = stringify(value, { version: "1.1", aliasDuplicateObjects: false });
        const parse = (): string => {
          try {
            return JSON.stringify(compiled(text));
          } catch (error) {
            return String(error);
          }
        };
        const fresh = parse();
        await run("before: it\n", ...(fresh.startsWith("{") ? [text] : []));
        rememberParsed(ParsedFiles.open(folder, "site.yml"));
        expect(parse()).toBe(fresh);
        rememberParsed(undefined);
      }),
      { numRuns: 100 },
    );
  });

  test("are forgotten when they are used no more", async () => {
    await run("a: 1\n", "b: 2\n");
    await run("b: 2\n", "c: 3\n");
    expect(await isKnown("a: 1\n")).toBe(false);
    expect(await isKnown("b: 2\n")).toBe(true);
  });

  test("are kept where only their user can read", async () => {
    await run("a: 1\n");
    const { file } = await kept();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  test("are not believed in a folder that others can write to", async () => {
    await run("a: 1\n");
    await chmod(folder, 0o777);
    expect(await isKnown("a: 1\n")).toBe(false);
  });

  test.each([
    ["an alias", "a: &x 1\nb: *x\n"],
    ["bytes", "a: !!binary aGVsbG8=\n"],
  ])("with %s in them are parsed each time", async (_, text) => {
    await run("a: 1\n", text);
    expect(await isKnown(text)).toBe(false);
    expect(await isKnown("a: 1\n")).toBe(true);
  });

  test("from a vault are never kept", async () => {
    const files = ParsedFiles.open(folder, "site.yml");
    rememberParsed(files);
    parseYaml("a: 1\n", "a.yml");
    parseYaml("password: hunter2\n", "vault.yml", { keyring: new Keyring(), isFromVault: true });
    await files.keep();
    expect((await kept()).text).not.toContain("hunter2");
  });

  test("are parsed when what was kept is damaged or of another version", async () => {
    await run("a: 1\n");
    const { file, text } = await kept();
    for (const damaged of [
      text.slice(0, -10),
      "null",
      text.replace(/"writer":"[^"]*"/, '"writer":"other"'),
    ]) {
      await writeFile(file, damaged);
      expect(await isKnown("a: 1\n")).toBe(false);
    }
  });
});
