import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { armoured, NoPublicKey, readPublicKeys } from "../../src/modules/openpgp-key.ts";

/** Made by GnuPG 2.2.40, which names these fingerprints. */
const KEY = readFileSync("test/cases/openpgp/test-key.asc");
const FINGERPRINTS = ["521D1F5AC0630D757BC3BEBA715AC8E3642943D9", "81E6BC4D81E33D80E1784797074A764C96AEC944"];

describe("a public key for apt", () => {
  test("has the fingerprints that GnuPG names, as text and as bytes", () => {
    const { bytes, fingerprints } = readPublicKeys(KEY);
    expect(fingerprints).toEqual(FINGERPRINTS);
    expect(readPublicKeys(bytes).fingerprints).toEqual(FINGERPRINTS);
  });

  test("is armoured as GnuPG does it", () => {
    expect(armoured(readPublicKeys(KEY))).toBe(KEY.toString());
  });

  test("several behind each other are several", () => {
    expect(readPublicKeys(Buffer.concat([KEY, KEY])).fingerprints).toEqual([
      ...FINGERPRINTS,
      ...FINGERPRINTS,
    ]);
  });

  test.each([
    ["a private key", Buffer.from([0xc5, 2, 4, 0]), /private key/],
    ["a message", Buffer.from("-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n"), /message/],
    ["a web page", Buffer.from("<html>404</html>"), /neither armoured nor binary/],
    ["nothing", Buffer.alloc(0), /no public key/],
    ["half of it", KEY.subarray(0, 400), /end is missing/],
    ["half of its bytes", readPublicKeys(KEY).bytes.subarray(0, 40), /middle of a packet/],
    ["another letter in it", Buffer.from(KEY.toString().replace("mDMEawcN", "mDMEawcM")), /checksum/],
  ])("is not %s", (_, content, message) => {
    expect(() => readPublicKeys(content)).toThrow(message);
  });

  test("whatever the bytes are, they are a key or told what is wrong", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(readPublicKeys(Buffer.from(bytes)).fingerprints.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(NoPublicKey);
        }
      }),
    );
  });
});
