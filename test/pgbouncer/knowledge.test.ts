import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkConfiguration } from "../../src/pgbouncer/check-configuration.ts";
import { compareVersions } from "../../src/pgbouncer/compare-versions.ts";
import type { Configuration } from "../../src/pgbouncer/configuration.ts";
import { effectOf, parseIni, renderIni } from "../../src/pgbouncer/ini.ts";
import { isScramVerifier, matchesScram, md5Secret, scramVerifier } from "../../src/pgbouncer/scram.ts";
import { settingNames } from "../../src/pgbouncer/settings.ts";
import { ceilingOf } from "../../src/pgbouncer/sizing.ts";
import { parseUserlist, renderUserlist } from "../../src/pgbouncer/userlist.ts";

const configuration = (
  pgbouncer: Configuration["pgbouncer"],
  databases: Configuration["databases"] = {},
): Configuration => ({ pgbouncer, databases, users: {}, peers: {} });
const findings = (
  pgbouncer: Configuration["pgbouncer"],
  version = "1.24.1",
  databases: Configuration["databases"] = {},
): string[] =>
  checkConfiguration(configuration(pgbouncer, databases), { version, capacity: undefined }).map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );

describe("the settings catalogue", () => {
  test("has as many settings as the binaries of Debian 12 and 13 show", () => {
    expect([settingNames("pgbouncer", "1.18").length, settingNames("pgbouncer", "1.24.1").length]).toEqual([
      84, 92,
    ]);
  });

  test.each([
    [{ pool_mod: "session" }, "1.24.1", "pgbouncer.pool_mod: PgBouncer has no setting"],
    [{ max_prepared_statements: 100 }, "1.18", "exists since PgBouncer 1.21"],
    [{ server_lifetime: "30s" }, "1.24.1", "without unit"],
    [{ default_pool_size: "010" }, "1.24.1", "octal 8"],
    [{ pool_mode: "transactions" }, "1.24.1", "can't be"],
    [{ auth_type: "trust" }, "1.24.1", "lets everybody in"],
    [{ auth_query: "select 1" }, "1.24.1", "does nothing without auth_user"],
    [{ client_tls_sslmode: "require" }, "1.24.1", "needs client_tls_key_file"],
    [{ server_tls_sslmode: "verify-full" }, "1.24.1", "needs server_tls_ca_file"],
    [{ default_pool_size: 50, max_db_connections: 20 }, "1.24.1", "more than max_db_connections"],
  ] as const)("%j on %s is refused", (settings, version, message) => {
    expect(findings(settings, version).join()).toContain(message);
  });

  test("a careful configuration has no findings on either release", () => {
    const careful = {
      auth_type: "scram-sha-256",
      auth_file: "/etc/pgbouncer/userlist.txt",
      pool_mode: "transaction",
      application_name_add_host: true,
    };
    expect(findings(careful, "1.18", { app: { host: "10.0.0.1", port: 5432 } })).toEqual([]);
    expect(findings(careful, "1.24.1", { app: { host: "10.0.0.1", port: 5432 } })).toEqual([]);
  });

  test("the reserved name is refused", () => {
    expect(findings({}, "1.18", { pgbouncer: { host: "x" } }).join()).toContain("reserved");
  });
});

describe("pgbouncer.ini", () => {
  test("what is rendered reads back as it was meant", () => {
    const text = renderIni(
      configuration(
        { pool_mode: "transaction", log_connections: false, admin_users: ["a", "b"] },
        { app: { host: "h", password: "it's a" } },
      ),
    );
    const parsed = parseIni(text);
    expect(Object.fromEntries(parsed.get("pgbouncer") ?? [])).toEqual({
      pool_mode: "transaction",
      log_connections: "0",
      admin_users: "a, b",
    });
    expect(parsed.get("databases")?.get("app")).toBe("host=h password='it''s a'");
  });

  test("a second [pgbouncer] header forgets what the first one said, as in PgBouncer", () => {
    expect([...(parseIni("[pgbouncer]\na = 1\n[pgbouncer]\nb = 2 ; kept\n").get("pgbouncer") ?? [])]).toEqual(
      [["b", "2 ; kept"]],
    );
  });

  test.each([
    ["a pool size is reloaded", "default_pool_size = 1", "default_pool_size = 2", []],
    ["a port is restarted", "listen_port = 1", "listen_port = 2", ["listen_port"]],
    [
      "the statistics' period is restarted, whatever SHOW CONFIG says",
      "stats_period = 1",
      "stats_period = 2",
      ["stats_period"],
    ],
  ])("%s", (_title, before, after, restartFor) => {
    expect(effectOf(parseIni(`[pgbouncer]\n${before}\n`), parseIni(`[pgbouncer]\n${after}\n`))).toEqual({
      changed: true,
      restartFor,
    });
  });

  test("a forced user that goes away needs a restart", () => {
    expect(
      effectOf(parseIni("[databases]\na = host=h user=u\n"), parseIni("[databases]\na = host=h\n"))
        .restartFor,
    ).toEqual(["user of a"]);
  });
});

describe("secrets", () => {
  test("a verifier fits its password and no other", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (password, other) => {
        const verifier = scramVerifier(password, undefined, 16);
        expect(isScramVerifier(verifier)).toBe(true);
        expect(matchesScram(verifier, password)).toBe(true);
        fc.pre(password.normalize("NFKC") !== other.normalize("NFKC"));
        expect(matchesScram(verifier, other)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  test("RFC 7677's example is verified", () => {
    // User "user", password "pencil", salt W22ZaJ0SNY7soEsUEjb6gQ==, 4096 iterations.
    const verifier = scramVerifier("pencil", Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"));
    expect(verifier).toBe(
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    );
  });

  test("md5 is of password and user", () => {
    expect(md5Secret("app", "secret")).toBe("md56a422f785c9e20873908ce25d1736ae2");
  });

  test("userlist.txt comes back whatever stands in it", () => {
    const name = fc.string({ minLength: 1 }).map((text) => text.replace(/[\r\n\0]/g, "_"));
    fc.assert(
      fc.property(fc.array(fc.record({ user: name, secret: name })), (entries) => {
        expect(parseUserlist(renderUserlist(entries))).toEqual(entries);
      }),
    );
  });
});

describe("sizing", () => {
  test("pools are by database and user, and by process", () => {
    const { connections, arithmetic } = ceilingOf(
      configuration(
        { default_pool_size: 20, reserve_pool_size: 5 },
        { a: {}, b: { max_db_connections: 30 }, c: { user: "one", pool_size: 3 } },
      ),
      { users: 2, processes: 2 },
    );
    expect(connections).toBe(2 * (50 + 30 + 8));
    expect(arithmetic).toContain(
      "a: 2 × (20 + 5) = 50; b: 2 × (20 + 5), at most 30 = 30; c: 1 × (3 + 5) = 8; × 2 processes = 176",
    );
  });
});

test.each([
  ["1.9", "1.18", -1],
  ["1.24.1", "1.24", 1],
  ["1.18.0", "1.18", 0],
])("version %s against %s", (a, b, expected) => {
  expect(Math.sign(compareVersions(a, b))).toBe(expected);
});
