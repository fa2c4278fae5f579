import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { Secrets } from "../../src/diagnostics/secrets.ts";
import { databaseAddress } from "../../src/postgresql/database-address.ts";
import { passwordIn } from "../../src/postgresql/password-file.ts";

const HOME = mkdtempSync(path.join(tmpdir(), "plumb-address-"));
const read = (text: string, environment: NodeJS.ProcessEnv = {}, isPublic = true) =>
  databaseAddress(text, {
    option: "--record",
    isPublic,
    secrets: new Secrets(),
    environment: { HOME, ...environment },
  });

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DiagnosticsError) return JSON.stringify(error.diagnostics);
    throw error;
  }
  return "";
}

test("an address is read as libpq reads it, and what it leaves open comes from libpq's variables", () => {
  expect(
    read("postgresql://me%40here@[fd00::1]:6543/a%2Fb?sslmode=verify-full&sslrootcert=system"),
  ).toMatchObject({
    host: "fd00::1",
    port: 6543,
    user: "me@here",
    database: "a/b",
    sslMode: "verify-full",
    sslRootCertificate: "system",
    password: undefined,
  });
  const environment = { PGHOST: "db1", PGPORT: "5433", PGUSER: "u", PGPASSWORD: "p-w", PGSSLMODE: "require" };
  expect(read("postgres://", environment)).toMatchObject({
    host: "db1",
    port: 5433,
    user: "u",
    database: "u",
    password: "p-w",
    sslMode: "require",
  });
  expect(read("postgres:///team?host=/run/postgresql&user=me").shown).toBe(
    "postgres://me@%2Frun%2Fpostgresql:5432/team",
  );
});

test("what is no address, an unknown parameter and an unknown sslmode say what would be right", () => {
  expect(messageOf(() => read("mysql://db1/x"))).toContain("postgres://user@host");
  expect(messageOf(() => read("postgres://a@h/x?sslmod=require"))).toContain("did you mean sslmode?");
  expect(messageOf(() => read("postgres://a@h/x?sslmode=always"))).toContain("verify-full");
  expect(messageOf(() => read("postgres://a@h1:1,h2:2/x"))).toContain("invalid-option");
  expect(messageOf(() => read("@/nowhere/address"))).toContain("file-unreadable");
});

test("a password stands in no command line and in no text for people; in a file and a variable it may", () => {
  const refused = messageOf(() => read("postgres://me:se%40same@db1/x"));
  expect(refused).toContain("PGPASSWORD");
  expect(refused).not.toMatch(/se(%40|@)same/);
  const secrets = new Secrets();
  const file = path.join(HOME, "address");
  writeFileSync(file, "postgres://me:se%40same@db1/x\n");
  const taken = databaseAddress(`@${file}`, {
    option: "--record",
    isPublic: true,
    secrets,
    environment: { HOME },
  });
  expect(taken.password).toBe("se@same");
  expect(taken.shown).not.toContain("same");
  expect(secrets.redact("se@same")).not.toContain("same");
  expect(read("postgres://me:sesame@db1/x", {}, false).password).toBe("sesame");
});

test("~/.pgpass is read as libpq reads it, and not when others may read it too", () => {
  const text =
    "# a comment\nother:*:*:*:wrong\n*:5433:*:me:by port\ndb\\:1:5432:te\\\\am:me:pass\\:word\nlocalhost:*:*:*:socket\n";
  const login = { host: "db:1", port: 5432, database: "te\\am", user: "me" };
  expect(passwordIn(text, login)).toBe("pass:word");
  expect(passwordIn(text, { ...login, port: 5433 })).toBe("by port");
  expect(passwordIn(text, { ...login, host: "/run/postgresql" })).toBe("socket");
  expect(passwordIn(text, { ...login, user: "you" })).toBeUndefined();
  const file = path.join(HOME, ".pgpass");
  writeFileSync(file, "*:*:*:*:from the file\n", { mode: 0o600 });
  expect(read("postgres://me@db1/x").password).toBe("from the file");
  const open = path.join(HOME, "open");
  writeFileSync(open, "*:*:*:*:open\n", { mode: 0o644 });
  expect(read("postgres://me@db1/x", { PGPASSFILE: open }).password).toBeUndefined();
});
