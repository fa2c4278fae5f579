import { Decrypter, Encrypter, type Stanza } from "age-encryption";
import { describe, expect, test } from "vitest";
import { passphraseIdentity } from "../../../src/variables/vault/age-passphrase.ts";

/** By the library's own way, with few rounds. */
async function encrypted(passphrase: string): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(10);
  return encrypter.encrypt("the content");
}

function opened(file: Uint8Array, passphrase: string): Promise<string> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(passphraseIdentity(passphrase));
  return decrypter.decrypt(file, "text");
}

describe("a passphrase of age", () => {
  test("opens what the library encrypts, and another one does not", async () => {
    const file = await encrypted("correct hörse");
    expect(await opened(file, "correct hörse")).toBe("the content");
    await expect(opened(file, "correct horse")).rejects.toThrow("no identity matched");
  });

  const body = new Uint8Array(32);
  const salt = Buffer.alloc(16).toString("base64").replaceAll("=", "");
  test.each([
    ["more rounds than anybody should wait for", [{ args: ["scrypt", salt, "21"], body }], "too high"],
    ["no number of rounds", [{ args: ["scrypt", salt, "010"], body }], "invalid"],
    ["a salt that is too short", [{ args: ["scrypt", salt.slice(4), "10"], body }], "invalid"],
    ["a key that lost its end", [{ args: ["scrypt", salt, "10"], body: body.slice(20) }], "invalid"],
    ["something behind", [{ args: ["scrypt", salt, "10", "x"], body }], "invalid"],
    [
      "somebody else who may read it",
      [
        { args: ["scrypt", salt, "10"], body },
        { args: ["X25519", salt], body },
      ],
      "not the only",
    ],
  ] satisfies [string, Stanza[], string][])("refuses %s", async (_what, stanzas, problem) => {
    await expect(passphraseIdentity("x").unwrapFileKey(stanzas)).rejects.toThrow(problem);
  });

  test("leaves files for identities to those", async () => {
    expect(await passphraseIdentity("x").unwrapFileKey([{ args: ["X25519", salt], body }])).toBeNull();
  });
});
