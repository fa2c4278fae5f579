import { execFile } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { decrypt, encrypt } from "../../../src/variables/vault/ansible-vault.ts";
import { DamagedVault, openEnvelope } from "../../../src/variables/vault/envelope.ts";

// A key takes milliseconds, and ansible-vault a second to start.
vi.setConfig({ testTimeout: 120_000 });

const run = promisify(execFile);
/** Ansible refuses to start without UTF-8. */
const env = { ...process.env, LC_ALL: "C.UTF-8" };
const PASSWORD = "correct horse";

const damageOf = (text: string): DamagedVault | undefined => {
  try {
    openEnvelope(text);
    return undefined;
  } catch (error) {
    if (error instanceof DamagedVault) return error;
    throw error;
  }
};

describe("Ansible's vault", () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: "grapheme", maxLength: 80 }).map((text) => Buffer.from(text)),
  );
  const label = fc.option(fc.stringMatching(/^[a-z][a-z0-9_-]{0,10}$/), { nil: undefined });

  test("any content comes back as it went in, with any password and label", () => {
    fc.assert(
      fc.property(content, fc.string({ minLength: 1 }), label, (bytes, password, id) => {
        const text = encrypt(bytes, password, id);
        const envelope = openEnvelope(text);
        expect(envelope.id).toBe(id === "default" ? undefined : id);
        expect(decrypt(envelope, password)?.equals(Buffer.from(bytes))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test("another password opens nothing, and neither does a changed content", () => {
    const text = encrypt(Buffer.from("a: 1\n"), PASSWORD);
    expect(decrypt(openEnvelope(text), "wrong")).toBeUndefined();
    const envelope = openEnvelope(text);
    envelope.ciphertext[0] = (envelope.ciphertext[0] ?? 0) ^ 1;
    expect(decrypt(envelope, PASSWORD)).toBeUndefined();
  });

  test("a text that was cut off anywhere is never taken for a whole one", () => {
    const text = encrypt(Buffer.from("x".repeat(70)), PASSWORD);
    const whole = text.trimEnd().length;
    fc.assert(
      fc.property(fc.integer({ min: "$ANSIBLE_VAULT;1.1;AES256".length, max: whole - 1 }), (length) => {
        const cut = text.slice(0, length);
        const damage = damageOf(cut);
        if (damage === undefined) expect(decrypt(openEnvelope(cut), PASSWORD)).toBeUndefined();
        else expect(damage.isTruncated).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test("what is no hexadecimal text is damaged, in the line where it stands", () => {
    const lines = encrypt(Buffer.from("x".repeat(70)), PASSWORD).split("\n");
    lines[2] = `zz${lines[2]?.slice(2)}`;
    expect(damageOf(lines.join("\n"))).toMatchObject({ isTruncated: false, line: 3 });
    expect(damageOf("$ANSIBLE_VAULT;2.0;AES256\n00")).toMatchObject({
      message: expect.stringContaining("2.0"),
    });
    expect(damageOf("$ANSIBLE_VAULT;1.1;AES\n00")).toMatchObject({
      message: expect.stringContaining("AES256"),
    });
  });
});

describe("beside ansible-vault itself", () => {
  const contents = [
    ...fc.sample(fc.uint8Array({ minLength: 1, maxLength: 300 }), { numRuns: 25, seed: 7 }),
    ...fc
      .sample(fc.string({ unit: "grapheme", minLength: 1 }), { numRuns: 25, seed: 8 })
      .map((text) => Buffer.from(text)),
    Buffer.from("x".repeat(15)),
    Buffer.from("x".repeat(16)),
    Buffer.from("x".repeat(100_000)),
  ];

  async function folderWith(passwords: Record<string, string>): Promise<string> {
    const folder = await mkdtemp(path.join(tmpdir(), "plumb-vault-"));
    for (const [name, password] of Object.entries(passwords))
      await writeFile(path.join(folder, name), password);
    return folder;
  }

  test("it opens what we vault, in 1.1 and in 1.2 with a label", async () => {
    const folder = await folderWith({ plain: PASSWORD, labelled: "another" });
    const files = contents.map((_, index) => path.join(folder, `file${index}`));
    for (const [index, bytes] of contents.entries()) {
      const vaulted = index % 2 === 0 ? encrypt(bytes, PASSWORD) : encrypt(bytes, "another", "prod");
      await writeFile(files[index] ?? "", vaulted);
    }
    const ids = [
      "--vault-id",
      path.join(folder, "plain"),
      "--vault-id",
      `prod@${path.join(folder, "labelled")}`,
    ];
    await run("ansible-vault", ["decrypt", ...ids, ...files], { env });
    for (const [index, bytes] of contents.entries())
      expect((await readFile(files[index] ?? "")).equals(Buffer.from(bytes))).toBe(true);
  });

  test("we open what it vaults, and write the same but for the salt", async () => {
    const folder = await folderWith({ labelled: PASSWORD });
    for (const id of [undefined, "prod"]) {
      const files = contents.map((_, index) => path.join(folder, `${id ?? "none"}${index}`));
      for (const [index, bytes] of contents.entries()) await writeFile(files[index] ?? "", bytes);
      const source = path.join(folder, "labelled");
      await run(
        "ansible-vault",
        ["encrypt", "--vault-id", id === undefined ? source : `${id}@${source}`, ...files],
        { env },
      );
      for (const [index, bytes] of contents.entries()) {
        const theirs = await readFile(files[index] ?? "", "utf8");
        const envelope = openEnvelope(theirs);
        expect(envelope.id).toBe(id);
        expect(decrypt(envelope, PASSWORD)?.equals(Buffer.from(bytes))).toBe(true);
        const ours = encrypt(bytes, PASSWORD, id);
        expect(ours.length).toBe(theirs.length);
        expect(ours.split("\n")[0]).toBe(theirs.split("\n")[0]);
        expect(ours.split("\n").map((line) => line.length)).toEqual(
          theirs.split("\n").map((line) => line.length),
        );
      }
    }
  });
});
