import { describe, expect, test } from "vitest";
import {
  hostKeysOf,
  tellsName,
  withHashedName,
  withHostKeys,
  withoutHost,
} from "../../src/modules/known-hosts-text.ts";

const [OLD, NEW, RSA] = ["AAAAold=", "AAAAnew=", "AAAArsa="];
const key = { type: "ssh-ed25519", key: NEW };

describe("a known_hosts file", () => {
  test("takes keys with names in front or without, and refuses what is none", () => {
    expect(hostKeysOf(`a.example ssh-ed25519 ${NEW} comment\nssh-rsa ${RSA}\n`)).toEqual([
      key,
      { type: "ssh-rsa", key: RSA },
    ]);
    expect(hostKeysOf("not a key")).toEqual([]);
  });

  test("replaces another key of the same type, and leaves other types, hosts, patterns and markers alone", () => {
    const before = [
      "# mine",
      `a.example,b.example ssh-ed25519 ${OLD}`,
      `a.example ssh-rsa ${RSA}`,
      `*.example ssh-ed25519 ${OLD}`,
      `@revoked a.example ssh-ed25519 ${OLD}`,
      "",
    ].join("\n");
    expect(withHostKeys(before, "a.example", [key], false)).toBe(
      [
        "# mine",
        `b.example ssh-ed25519 ${OLD}`,
        `a.example ssh-rsa ${RSA}`,
        `*.example ssh-ed25519 ${OLD}`,
        `@revoked a.example ssh-ed25519 ${OLD}`,
        `a.example ssh-ed25519 ${NEW}`,
        "",
      ].join("\n"),
    );
  });

  test("finds hashed names, hashes plain ones when it should, and is then as wanted", () => {
    const plain = withHostKeys("", "a.example", [key], true);
    const hashed = withHashedName(plain, "a.example", () => Buffer.alloc(20, 7));
    expect(hashed).toMatch(/^\|1\|BwcH[^ ]* ssh-ed25519 AAAAnew=\n$/);
    expect(withHostKeys(hashed, "a.example", [key], true)).toBe(hashed);
    expect(withHostKeys(hashed, "a.example", [key], false)).toBe(hashed);
    expect([tellsName(plain, "a.example"), tellsName(hashed, "a.example")]).toEqual([true, false]);
    expect(withoutHost(hashed, "a.example", [])).toBe("");
  });

  test("forgets one key, or the host altogether", () => {
    const before = `a.example ssh-ed25519 ${NEW}\na.example,b.example ssh-rsa ${RSA}\n`;
    expect(withoutHost(before, "a.example", [key])).toBe(`a.example,b.example ssh-rsa ${RSA}\n`);
    expect(withoutHost(before, "A.example", [])).toBe(`b.example ssh-rsa ${RSA}\n`);
  });
});
