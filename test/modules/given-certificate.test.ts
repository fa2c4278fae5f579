import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { checkedCertificate, type GivenPair, type GivenWanted } from "../../src/modules/given-certificate.ts";

const folder = mkdtempSync(path.join(tmpdir(), "plumb-test-"));
const at = (name: string): string => path.join(folder, name);
const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });

function issue(name: string, by: string | undefined, extensions: string): void {
  openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", at(`${name}.key`));
  openssl("req", "-new", "-key", at(`${name}.key`), "-subj", `/CN=${name}`, "-out", at(`${name}.req`));
  writeFileSync(at(`${name}.ext`), extensions);
  const signer =
    by === undefined
      ? ["-signkey", at(`${name}.key`)]
      : ["-CA", at(`${by}.crt`), "-CAkey", at(`${by}.key`), "-CAcreateserial"];
  openssl(
    ...["x509", "-req", "-in", at(`${name}.req`), "-days", "30", "-out", at(`${name}.crt`)],
    ...["-extfile", at(`${name}.ext`), ...signer],
  );
}

const CA = "basicConstraints=critical,CA:TRUE\n";
issue("root", undefined, CA);
issue("middle", "root", CA);
issue("leaf", "middle", "subjectAltName=DNS:leaf.test,DNS:*.wild.test,IP:10.0.0.5\n");
issue("child of a leaf", "leaf", "basicConstraints=CA:FALSE\n");
openssl("pkey", "-in", at("leaf.key"), "-aes256", "-passout", "pass:x", "-out", at("locked.key"));
openssl("x509", "-in", at("leaf.crt"), "-outform", "der", "-out", at("leaf.der"));

const read = (...names: string[]): Buffer => Buffer.concat(names.map((name) => readFileSync(at(name))));
const pair = (more: Partial<GivenPair> = {}): GivenPair => ({
  key: read("leaf.key"),
  certificate: read("leaf.crt", "middle.crt"),
  authority: read("root.crt"),
  ...more,
});
const WANT: GivenWanted = { subject_alt_names: [], min_days_left: 0 };
const now = Date.now() / 1000 + 60;
const days = (count: number): number => now + count * 86_400;

describe("a certificate that is given", () => {
  test("is taken with those between it and its authority, for each of its names", () => {
    const names = ["leaf.test", "www.wild.test", "*.wild.test", "10.0.0.5"];
    const want = { ...WANT, common_name: "leaf", subject_alt_names: names, min_days_left: 29 };
    expect(checkedCertificate(pair(), want, now).subject).toBe("CN=leaf");
  });

  test.each([
    ["of another key", pair({ key: read("root.key") }), WANT, now, "is not the key of"],
    [
      "with the chain upside down",
      pair({ certificate: read("middle.crt", "leaf.crt") }),
      WANT,
      now,
      "is not the key of",
    ],
    ["without the one between", pair({ certificate: read("leaf.crt") }), WANT, now, "but by CN=middle"],
    [
      "issued by one that may not issue",
      pair({
        key: read("child of a leaf.key"),
        certificate: read("child of a leaf.crt", "leaf.crt", "middle.crt"),
      }),
      WANT,
      now,
      "was not issued by an authority",
    ],
    ["with a passphrase on its key", pair({ key: read("locked.key") }), WANT, now, "has a passphrase"],
    ["in DER", pair({ certificate: read("leaf.der") }), WANT, now, "is no certificate in PEM"],
    [
      "with an authority that is none",
      pair({ authority: Buffer.from("x") }),
      WANT,
      now,
      "ca_src is no certificate",
    ],
    ["that has expired", pair(), WANT, days(31), "has expired"],
    ["that ends too soon", pair(), { ...WANT, min_days_left: 10 }, days(25), "is valid for 4 days only"],
    ["that does not count yet", pair(), WANT, days(-2), "only"],
    ["for somebody else", pair(), { ...WANT, common_name: "x" }, now, "is for CN=leaf, not for x"],
    ["without an address", pair(), { ...WANT, subject_alt_names: ["10.0.0.6"] }, now, "is not for 10.0.0.6"],
    [
      "without a name",
      pair(),
      { ...WANT, subject_alt_names: ["a.b.wild.test"] },
      now,
      "is not for a.b.wild.test",
    ],
  ] as const)("%s is refused, and the message says what is wrong", (_title, given, want, seconds, words) => {
    expect(() => checkedCertificate(given, want, seconds)).toThrow(words);
  });
});
