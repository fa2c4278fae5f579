import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redactDifference } from "../../src/diagnostics/redact-difference.ts";
import { REDACTED, Secrets } from "../../src/diagnostics/secrets.ts";
import { TextSearch } from "../../src/diagnostics/text-search.ts";

const secretsOf = (...values: string[]): Secrets => {
  const secrets = new Secrets();
  for (const value of values) secrets.add(value);
  return secrets;
};

/** Text as passwords are: long enough, without blanks at its ends, not made of asterisks. */
const password = fc
  .string({ unit: "grapheme", minLength: 6, maxLength: 40 })
  .filter(
    (text) =>
      text.trim() === text &&
      text.length >= 6 &&
      !/^[*\\'"]+$/.test(text) &&
      !/[\r\n]/.test(text) &&
      text.isWellFormed(),
  );

describe("secrets in text", () => {
  test("are hidden however programs write them down", () => {
    fc.assert(
      fc.property(password, fc.string({ maxLength: 12 }), (value, around) => {
        const secrets = secretsOf(value);
        const written = [
          value,
          JSON.stringify({ a: value }),
          JSON.stringify(JSON.stringify({ a: value })),
          `'${value.replaceAll("'", "'\\''")}'`,
          encodeURIComponent(value),
          Buffer.from(value).toString("base64"),
          Buffer.from(value).toString("hex"),
        ];
        for (const text of written) expect(secrets.redact(`${around}${text}${around}`)).toContain(REDACTED);
        for (const text of written) expect(secrets.appearsIn(text)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("are hidden in base64 wherever in the encoded text they stand", () => {
    fc.assert(
      fc.property(
        password,
        fc.string({ maxLength: 9 }),
        fc.string({ maxLength: 9 }),
        (value, before, after) => {
          const encoded = Buffer.from(before + value + after).toString("base64");
          const shown = secretsOf(value).redact(encoded);
          expect(shown).toContain(REDACTED);
          // What is left is the text around it, and at most the bits of two characters beside it.
          const left = shown.replaceAll(REDACTED, "").length;
          expect(left).toBeLessThanOrEqual(
            encoded.length - Math.floor((Buffer.from(value).length * 8) / 6) + 2,
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test("are hidden as the shell's own -x and printf %q print them", () => {
    const value = 'it\'s a "$ecret" \\ of * mine';
    for (const script of ['set -x; : "$1"', 'printf %q "$1"', "printf '%s' \"$1\" | base64 -w 0"]) {
      for (const shell of script.includes("%q") ? ["bash"] : ["sh", "bash"]) {
        const { stdout, stderr } = spawnSync(shell, ["-c", script, "sh", value], { encoding: "utf8" });
        const shown = secretsOf(value).redact(stdout + stderr);
        expect(shown, `${shell}: ${script}`).toContain(REDACTED);
        expect(shown).not.toContain("ecret");
      }
    }
  });

  test("of several lines are hidden line by line, also in base64 that is broken into lines", () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${"MIIEvQIBADANBgkqhkiG9w0BAQ\nEFAASCBKcwggSjAgEAAoIBAQ\n"}-----END PRIVATE KEY-----\n`;
    const secrets = secretsOf(key);
    expect(secrets.redact("x\nEFAASCBKcwggSjAgEAAoIBAQ\ny")).toBe(`x\n${REDACTED}\ny`);
    expect(secrets.redact("-----BEGIN PRIVATE KEY-----")).toBe("-----BEGIN PRIVATE KEY-----");
    for (const width of [76, 64]) {
      const encoded = spawnSync("base64", ["-w", String(width)], { input: key, encoding: "utf8" }).stdout;
      const shown = secrets.redact(encoded).replaceAll(REDACTED, "").replace(/\s/g, "");
      expect(shown.length).toBeLessThan(8);
    }
  });

  test("as short as a word are hidden where they stand alone, and leave other text as it is", () => {
    const secrets = secretsOf("ab");
    expect(secrets.redactWhole("ab")).toBe(REDACTED);
    expect(secrets.redact("about")).toBe("about");
  });

  test("are all found, the longest first, as a slow search would find them", () => {
    const part = fc.string({ unit: fc.constantFrom("a", "b", "é"), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.array(part, { maxLength: 12 }), (wanted, parts) => {
        const text = parts.join("");
        const search = new TextSearch();
        for (const one of wanted) search.add(one);
        const long = wanted.filter((one) => one.length >= 4).sort((a, b) => b.length - a.length);
        const expected = long.length === 0 ? text : text.replace(new RegExp(long.join("|"), "g"), "#");
        expect(search.replaceIn(text, "#")).toBe(expected);
        expect(search.appearsIn(text)).toBe(expected !== text);
      }),
      { numRuns: 1000 },
    );
  });

  test("twenty thousand of them do not make a long output slow", () => {
    const secrets = secretsOf(...Array.from({ length: 20_000 }, (_, index) => `${index} is a secret value`));
    const output = "a line of ordinary output that says nothing at all\n".repeat(20_000);
    expect(secrets.redact(output)).toBe(output);
  }, 20_000);
});

describe("differences", () => {
  const secrets = secretsOf("new-password");
  test("hide the secret, and what stood in its place before", () => {
    const shown = redactDifference(
      {
        before: "user = app\npassword = old-password\nport = 1\n",
        after: "user = app\npassword = new-password\nport = 2\n",
      },
      secrets,
    );
    expect(shown.before).toBe(`user = app\npassword = ${REDACTED} (before)\nport = 1\n`);
    expect(shown.after).toBe(`user = app\npassword = ${REDACTED}\nport = 2\n`);
  });

  test("are shown as they are where there is no secret", () => {
    const difference = { before: "a\n", after: "b\n" };
    expect(redactDifference(difference, secrets)).toEqual(difference);
  });
});
