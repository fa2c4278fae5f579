import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { connectionSettings } from "../../../packages/client/src/connection-settings.ts";
import { SettingsError } from "../../../packages/client/src/errors.ts";
import { keepsNamedStatements, resolveOptions } from "../../../packages/client/src/options.ts";

describe("a DATABASE_URL", () => {
  test("user, password and database are what was encoded, whatever is in them", () => {
    const text = fc.string({ minLength: 1 }).filter((one) => !/^\/|\0/.test(one));
    fc.assert(
      fc.property(text, text, text, (user, password, database) => {
        const [u, p, d] = [user, password, database].map(encodeURIComponent);
        // A URL has no way to say these two, and encodeURIComponent leaves them.
        fc.pre(d !== "." && d !== "..");
        expect(connectionSettings(`postgresql://${u}:${p}@pool1:6432/${d}`)).toMatchObject({
          user,
          password,
          database,
          host: "pool1",
          port: 6432,
        });
      }),
    );
  });

  test("TLS with verification is what it is without a word about it", () => {
    expect(connectionSettings("postgresql://a@pool1/app").ssl).toMatchObject({ rejectUnauthorized: true });
    expect(connectionSettings("postgresql://a@pool1/app?sslmode=require").ssl).toMatchObject({
      rejectUnauthorized: false,
    });
    expect(connectionSettings("postgresql://a@pool1/app?sslmode=disable").ssl).toBe(false);
    expect(connectionSettings("postgresql:///app?host=/run/pgbouncer&user=a").ssl).toBe(false);
  });

  test.each([
    ["no URL", "pool1:6432", "no postgresql:// URL"],
    ["options", "postgresql://a@b/c?options=-c%20statement_timeout%3D5", "does not go through PgBouncer"],
    ["an unknown parameter", "postgresql://a@b/c?ssl=true", "no parameter `ssl`"],
    ["a mode that goes on without TLS", "postgresql://a@b/c?sslmode=prefer", "without TLS"],
    ["a certificate that is not there", "postgresql://a@b/c?sslrootcert=/none", "/none cannot be read"],
    ["a bare percent sign", "postgresql://a:50%@b/c", "%25"],
  ])("%s is refused, and the password is not told", (_what, url, message) => {
    expect(() => connectionSettings(url)).toThrow(SettingsError);
    expect(() => connectionSettings(url)).toThrow(message);
    expect(() => connectionSettings(url)).not.toThrow(/50/);
  });
});

test.each([
  ["1.18", undefined, false],
  ["1.21", undefined, false],
  ["1.21", 100, true],
  ["1.24", undefined, true],
  ["1.24.1", 0, false],
  [undefined, undefined, false],
])(
  "prepared statements have names with PgBouncer %s and max_prepared_statements %s: %s",
  (version, most, expected) => {
    expect(
      keepsNamedStatements({
        mode: "transaction",
        ...(version === undefined ? {} : { version }),
        ...(most === undefined ? {} : { maxPreparedStatements: most }),
      }),
    ).toBe(expected);
  },
);

test("a statement timeout that a try could not wait for is refused", () => {
  expect(() => resolveOptions({ url: "", statementTimeoutMs: 20_000 })).toThrow("less than attemptTimeoutMs");
  expect(() => resolveOptions({ url: "", deadlineMs: -1 })).toThrow(SettingsError);
});
