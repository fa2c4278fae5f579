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

const passwordOf = (...given: Parameters<typeof read>): string | undefined =>
  read(...given).servers[0]?.password;

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
    servers: [{ host: "fd00::1", port: 6543, password: undefined }],
    user: "me@here",
    database: "a/b",
    sslMode: "verify-full",
    sslRootCertificate: "system",
  });
  const environment = { PGHOST: "db1", PGPORT: "5433", PGUSER: "u", PGPASSWORD: "p-w", PGSSLMODE: "require" };
  expect(read("postgres://", environment)).toMatchObject({
    servers: [{ host: "db1", port: 5433, password: "p-w" }],
    user: "u",
    database: "u",
    sslMode: "require",
  });
  expect(read("postgres:///team?host=/run/postgresql&user=me").shown).toBe(
    "postgres://me@%2Frun%2Fpostgresql:5432/team",
  );
});

test("several servers are read as libpq reads them, each with its port and its password", () => {
  const file = path.join(HOME, "several");
  writeFileSync(file, "db1:*:*:*:of db1\n*:6543:*:*:of 6543\n", { mode: 0o600 });
  const several = read("postgres://me@db1,[fd00::1]:6543,db3/x?target_session_attrs=read-write", {
    PGPASSFILE: file,
  });
  expect(several.servers).toEqual([
    { host: "db1", port: 5432, password: "of db1" },
    { host: "fd00::1", port: 6543, password: "of 6543" },
    { host: "db3", port: 5432, password: undefined },
  ]);
  expect(several.shown).toBe("postgres://me@db1:5432,[fd00::1]:6543,db3:5432/x");
  const places = (text: string, environment: NodeJS.ProcessEnv = {}): string[] =>
    read(text, environment).servers.map(({ host, port }) => `${host} ${port}`);
  expect(places("postgres:///x?host=a,/run/postgresql&port=1,2")).toEqual(["a 1", "/run/postgresql 2"]);
  expect(places("postgres:///x", { PGHOST: "a,b", PGPORT: "5433" })).toEqual(["a 5433", "b 5433"]);
  expect(places("postgres://a,b:2/x?port=7")).toEqual(["a 7", "b 2"]);
});

test("what is no address, an unknown parameter and an unknown sslmode say what would be right", () => {
  expect(messageOf(() => read("mysql://db1/x"))).toContain("postgres://user@host");
  expect(messageOf(() => read("postgres://a@h/x?sslmod=require"))).toContain("did you mean sslmode?");
  expect(messageOf(() => read("postgres://a@h/x?sslmode=always"))).toContain("verify-full");
  expect(messageOf(() => read("postgres://a@h1:1,h2:70000/x"))).toContain("host1:5432,host2:5432");
  expect(messageOf(() => read("postgres://a@h1,h2,h3/x?port=1,2"))).toContain("2 ports for 3 hosts");
  expect(messageOf(() => read("postgres://a@h1/x?target_session_attrs=standby"))).toContain("read-write");
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
  expect(taken.servers[0]?.password).toBe("se@same");
  expect(taken.shown).not.toContain("same");
  expect(secrets.redact("se@same")).not.toContain("same");
  expect(passwordOf("postgres://me:sesame@db1/x", {}, false)).toBe("sesame");
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
  expect(passwordOf("postgres://me@db1/x")).toBe("from the file");
  const open = path.join(HOME, "open");
  writeFileSync(open, "*:*:*:*:open\n", { mode: 0o644 });
  expect(passwordOf("postgres://me@db1/x", { PGPASSFILE: open })).toBeUndefined();
});
