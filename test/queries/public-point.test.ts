import { execFileSync, spawnSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { PRINT_PUBLIC_POINT, publicKeyOfPoint } from "../../src/queries/public-point.ts";
import { sh } from "../../src/shell/shell-text.ts";

const folder = mkdtempSync(path.join(tmpdir(), "plumb-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, "it's a key");

/** What it says of a file with this content. */
function said(content: string, shell = "dash"): { publicKey: string | undefined; output: string } {
  writeFileSync(file, content);
  const [program = shell, ...words] = shell.split(" ");
  const script = `${PRINT_PUBLIC_POINT.shell}\n${sh`print_public_point ${file}`.shell} || echo refused`;
  const { stdout } = spawnSync(program, [...words, "-c", script], { encoding: "utf8" });
  return { publicKey: publicKeyOfPoint(stdout), output: stdout };
}

const made = (): string =>
  execFileSync("openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
const byOpenssl = (key: string): string =>
  execFileSync("openssl", ["pkey", "-pubout"], { input: key, encoding: "utf8" }).trim();

test.each(["dash", "bash", "busybox sh"])(
  "is what openssl says of keys that openssl made, in %s",
  (shell) => {
    for (let count = 0; count < 5; count++) {
      const key = made();
      expect(said(key, shell).publicKey).toBe(byOpenssl(key));
      expect(said(key.trimEnd(), shell).publicKey).toBe(byOpenssl(key));
    }
  },
);

test("is the public half of any key on the curve, and nothing else of the file is printed", () => {
  for (let count = 0; count < 40; count++) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const text = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    const { publicKey: found, output } = said(text);
    expect(found).toBe(publicKey.export({ format: "pem", type: "spki" }).toString().trim());
    const letters = text.split("\n").slice(1, -2).join("");
    expect(output).toBe(`P ${letters.slice(96)}\n`);
    const secret = Buffer.from(privateKey.export({ format: "jwk" }).d ?? "", "base64url");
    expect(Buffer.from(letters.slice(96), "base64").includes(secret.subarray(-4))).toBe(false);
  }
});

const key = made();
const [, ...rest] = key.split("\n");
test.each([
  ["nothing", ""],
  ["a text", "hello\n"],
  [
    "an RSA key",
    generateKeyPairSync("rsa", { modulusLength: 2048 })
      .privateKey.export({ format: "pem", type: "pkcs8" })
      .toString(),
  ],
  [
    "an Ed25519 key",
    generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
  ],
  [
    "a key on P-384",
    generateKeyPairSync("ec", { namedCurve: "P-384" })
      .privateKey.export({ format: "pem", type: "pkcs8" })
      .toString(),
  ],
  ["a key as RFC 5915 has it", createPrivateKey(key).export({ format: "pem", type: "sec1" }).toString()],
  [
    "a key with a passphrase",
    createPrivateKey(key)
      .export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "x" })
      .toString(),
  ],
  [
    "a key behind its parameters",
    `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${key}`,
  ],
  ["a key that ends too early", key.slice(0, 150)],
  ["a key without its end", key.slice(0, key.indexOf("-----END"))],
  ["a key with a letter that is none", key.replace(/(?<=\n.{50})./, "!")],
  ["a certificate's head", ["-----BEGIN CERTIFICATE-----", ...rest].join("\n")],
])("%s is left to openssl", (_title, content) => {
  expect(said(content)).toEqual({ publicKey: undefined, output: "refused\n" });
});

test("a point that is not on the curve is no key, as it is none for openssl", () => {
  const letters = rest.slice(0, -2).join("");
  const broken = `-----BEGIN PRIVATE KEY-----\n${letters.slice(0, 120)}AAAA${letters.slice(124)}\n-----END PRIVATE KEY-----\n`;
  expect(said(broken).publicKey).toBeUndefined();
  expect(() => byOpenssl(broken)).toThrow();
});
