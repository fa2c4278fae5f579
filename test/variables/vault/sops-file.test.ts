import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { DiagnosticsError } from "../../../src/diagnostics/diagnostic.ts";
import { plainText, readSopsFile } from "../../../src/variables/vault/sops-file.ts";

const KEY = randomBytes(32);
const MODIFIED = "2026-01-02T03:04:05Z";

/** As SOPS encrypts a value (its aes/cipher.go): the path of the value is the additional data. */
function enc(text: string, type: string, additional: string): string {
  const iv = randomBytes(32);
  const cipher = createCipheriv("aes-256-gcm", KEY, iv).setAAD(Buffer.from(additional));
  const data = Buffer.concat([cipher.update(text), cipher.final()]);
  const [a, b, c] = [data, iv, cipher.getAuthTag()].map((bytes) => bytes.toString("base64"));
  return `ENC[AES256_GCM,data:${a},iv:${b},tag:${c},type:${type}]`;
}

const value = (path: string, text: string, type = "str"): string => enc(text, type, `${path}:`);

/** A file of SOPS: what goes into its check sum is given piece by piece, in the order of the file. */
function sopsFile(
  body: string,
  pieces: readonly string[],
  metadata = "unencrypted_suffix: _unencrypted",
): string {
  const sum = createHash("sha512");
  if (metadata.includes("mac_only_encrypted: true")) sum.update(createHash("sha256").update("sops").digest());
  for (const piece of pieces) sum.update(piece);
  const mac = enc(sum.digest("hex").toUpperCase(), "str", MODIFIED);
  return `${body}sops:
    age:
        - recipient: age1x
          enc: "-----BEGIN AGE ENCRYPTED FILE-----"
    lastmodified: "${MODIFIED}"
    mac: ${mac}
    ${metadata}
    version: 3.11.0
`;
}

function opened(text: string): string {
  const file = readSopsFile(text, "secrets.yml");
  if (file === undefined) throw new Error("it needs the program");
  return plainText(file, KEY, "secrets.yml").toString();
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DiagnosticsError) return error.diagnostics[0]?.code ?? "";
    throw error;
  }
  return "nothing is wrong";
}

describe("which values SOPS encrypts", () => {
  test.each([
    ["unencrypted_suffix", "_unencrypted", "password", "port_unencrypted"],
    ["encrypted_suffix", "_secret", "password_secret", "port"],
    ["encrypted_regex", "^pass", "password", "port"],
    ["unencrypted_regex", "^port$", "password", "port"],
    ["encrypted_comment_regex", "secret", "password", "port"],
  ])("%s: what is in plain text is in the check sum too", (rule, pattern, secret, plain) => {
    const body = `${secret}: ${value(secret, "s3cret")}\n${plain}: 6432\n`;
    const text = sopsFile(body, ["s3cret", "6432"], `${rule}: ${pattern}`);
    expect(parse(opened(text))).toEqual({ [secret]: "s3cret", [plain]: 6432 });
    expect(codeOf(() => opened(text.replace("6432", "6433")))).toBe("vault-damaged");
  });

  test("mac_only_encrypted: what is in plain text may be changed by hand, and nothing else", () => {
    const body = `password: ${value("password", "s3cret")}\nport_unencrypted: 6432\n`;
    const both = "unencrypted_suffix: _unencrypted\n    mac_only_encrypted: true";
    const text = sopsFile(body, ["s3cret"], both);
    expect(parse(opened(text.replace("6432", "6433")))).toEqual({
      password: "s3cret",
      port_unencrypted: 6433,
    });
    expect(codeOf(() => opened(text.replace("password:", "passwords:")))).toBe("vault-damaged");
    // The mark is in the sum, so that nobody can take it away or put it there.
    expect(codeOf(() => opened(text.replace("    mac_only_encrypted: true\n", "")))).toBe("vault-damaged");
  });

  test.each([
    ["0644", "420"],
    ["0o644", "420"],
    ["0x1F", "31"],
    ["-0b11", "-3"],
    ["1_000", "1000"],
    ["1.5e3", "1500"],
    ["1e-7", "0.0000001"],
    [".5", "0.5"],
    ["12345678901234", "12345678901234"],
    ["2026-01-02", "2026-01-02T00:00:00Z"],
    ["2026-1-2 3:04:05.120", "2026-01-02T03:04:05.12Z"],
    ["2026-01-02T03:04:05+02:00", "2026-01-02T03:04:05+02:00"],
    ['"0644"', "0644"],
    ["'2026-01-02'", "2026-01-02"],
    ["10.0.0.1", "10.0.0.1"],
    ["true", "True"],
    ["False", "False"],
    ["yes", "yes"],
    ["null", ""],
    ["~", ""],
    ['""', ""],
  ])("%s in plain text is summed as SOPS reads it: %s", (written, summed) => {
    const body = `secret: ${value("secret", "x")}\nplain_unencrypted: ${written}\n`;
    expect(codeOf(() => opened(sopsFile(body, ["x", summed])))).toBe("nothing is wrong");
  });
});

describe("what SOPS encrypts", () => {
  test("values of every type come back as what they were", () => {
    const body = `text: ${value("text", "yes")}
number: ${value("number", "012", "int")}
large: ${value("large", "9007199254740993", "int")}
ratio: ${value("ratio", "0.5", "float")}
on: ${value("on", "True", "bool")}
day: ${value("day", "2026-01-02T00:00:00Z", "time")}
lines: ${value("lines", "one\ntwo\n")}
empty: ""
deep:
    list:
        - ${value("deep:list", "one")}
        - name: ${value("deep:list:name", "two")}
`;
    const pieces = [
      "yes",
      "012",
      "9007199254740993",
      "0.5",
      "True",
      "2026-01-02T00:00:00Z",
      "one\ntwo\n",
      "one",
      "two",
    ];
    const plain = opened(sopsFile(body, pieces));
    expect(parse(plain, { intAsBigInt: true })).toEqual({
      text: "yes",
      number: 12n,
      large: 9007199254740993n,
      ratio: 0.5,
      on: true,
      day: "2026-01-02T00:00:00Z",
      lines: "one\ntwo\n",
      empty: "",
      deep: { list: ["one", { name: "two" }] },
    });
  });

  test.each([
    ["x", "strx", /has the type `strx`, and SOPS writes str, int, float, bool, bytes, time/],
    ["x", "comment", /has the type `comment`/],
    ["x", "int", /is no int: its type was changed/],
    ["0.5", "int", /is no int/],
    ["x", "float", /is no float/],
    ["x", "bool", /is no bool/],
    ["yes", "bool", /is no bool/],
    ["2026", "time", /is no time/],
  ])("%j whose type was altered to %s is damaged, and opens as nothing else", (text, type, says) => {
    const altered = (): string =>
      opened(sopsFile(`secret: ${value("secret", text, type)}\n`, [text === "x" ? "False" : text]));
    expect(codeOf(altered)).toBe("vault-damaged");
    expect(altered).toThrow(says);
    expect(altered).toThrow("the value of `secret`");
  });

  test.each([
    ["-7", "int", -7],
    ["1.5e3", "float", 1500],
    ["3", "float", 3],
    ["-Inf", "float", Number.NEGATIVE_INFINITY],
    ["false", "bool", false],
    ["abc=", "bytes", "abc="],
    ["2026-01-02T03:04:05.12+02:00", "time", "2026-01-02T03:04:05.12+02:00"],
  ])("%s as SOPS writes a value of the type %s", (text, type, is) => {
    const summed = type === "bool" ? "False" : text;
    expect(parse(opened(sopsFile(`secret: ${value("secret", text, type)}\n`, [summed])))).toEqual({
      secret: is,
    });
  });

  test("comments are opened wherever they stand, and are in no check sum; one in plain text stays", () => {
    const comment = (path: string, text: string): string => `#${enc(text, "comment", `${path}:`)}`;
    const body = `${comment("", " of the file")}

${comment("", " of the first")}
first: ${value("first", "1")}
# in plain text
deep:
    ${comment("deep", " of the second")}
    second: ${value("deep:second", "2")}
    list:
        ${comment("deep:list", " of an item")}
        - ${value("deep:list", "3")}
`;
    const plain = opened(sopsFile(body, ["1", "2", "3"]));
    expect(plain).not.toContain("ENC[");
    for (const said of ["of the file", "of the first", "in plain text", "of the second", "of an item"])
      expect(plain).toContain(`# ${said}`);
  });
});
