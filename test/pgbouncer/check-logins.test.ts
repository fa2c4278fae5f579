import { describe, expect, test } from "vitest";
import { checkLogins, type Logins, type UserlistForm, weakLogins } from "../../src/pgbouncer/check-logins.ts";
import type { Configuration } from "../../src/pgbouncer/configuration.ts";

const entry = (user: string, form: UserlistForm["form"], copied = false): UserlistForm => ({
  user,
  form,
  copied,
  path: ["userlist", user],
});

function logins(
  settings: Configuration["pgbouncer"],
  rest: {
    databases?: Configuration["databases"];
    userlist?: UserlistForm[];
    hba?: { databases?: string[]; method: string }[];
  } = {},
): Logins {
  return {
    version: "1.18",
    configuration: {
      pgbouncer: { auth_type: "scram-sha-256", ...settings },
      databases: rest.databases ?? { app: { host: "10.0.0.2" } },
      users: {},
      peers: {},
    },
    userlist: rest.userlist ?? [],
    hba: (rest.hba ?? []).map(({ databases = ["all"], method }, index) => ({
      type: "hostssl",
      databases,
      users: ["all"],
      address: "10.0.0.0/8",
      method,
      path: ["hba", String(index)],
    })),
  };
}
const places = (input: Logins): string[] => checkLogins(input).map(({ path }) => path.join("."));
const asking = { auth_user: "asks", auth_query: "select 1" };

describe("who gets in at the pooler and then fails at the server", () => {
  test.each([
    ["an auth_user without an entry", logins(asking), ["pgbouncer.auth_user"]],
    [
      "an auth_user with a verifier",
      logins(asking, { userlist: [entry("asks", "scram-sha-256", true)] }),
      ["userlist.asks.form"],
    ],
    [
      "an administrator whom only auth_query would know",
      logins({ ...asking, admin_users: ["boss"] }, { userlist: [entry("asks", "plain")] }),
      ["pgbouncer.admin_users"],
    ],
    [
      "a forced user without a password",
      logins({}, { databases: { app: { host: "h", user: "one" } } }),
      ["databases.app.user"],
    ],
    [
      "a forced user with only a verifier, even a copied one",
      logins(
        {},
        {
          databases: { app: { host: "h", user: "one" } },
          userlist: [entry("one", "scram-sha-256", true)],
        },
      ),
      ["databases.app.user"],
    ],
    [
      "a verifier with a salt of its own",
      logins({}, { userlist: [entry("app", "scram-sha-256")] }),
      ["userlist.app.password"],
    ],
    ["md5 where clients use SCRAM", logins({}, { userlist: [entry("app", "md5")] }), ["userlist.app.form"]],
    [
      "md5 on both sides of the pooler",
      logins({ auth_type: "md5" }, { userlist: [entry("app", "md5")] }),
      ["userlist.app.form"],
    ],
    [
      "certificates without a password",
      logins({ auth_type: "hba" }, { hba: [{ method: "cert" }] }),
      ["hba.0.method"],
    ],
    ["auth_type cert", logins({ auth_type: "cert" }), ["pgbouncer.auth_type"]],
  ])("%s", (_what, input, expected) => {
    expect(places(input)).toEqual(expected);
  });

  test.each([
    ["a plain password", logins({}, { userlist: [entry("app", "plain")] })],
    ["a copied verifier", logins({}, { userlist: [entry("app", "scram-sha-256", true)] })],
    [
      "an administrator's own verifier",
      logins(
        { ...asking, admin_users: "boss" },
        {
          userlist: [entry("boss", "scram-sha-256"), entry("asks", "plain")],
        },
      ),
    ],
    [
      "a forced user with a password",
      logins({}, { databases: { app: { host: "h", user: "one", password: "secret" } } }),
    ],
    [
      "certificates, with a forced user",
      logins(
        { auth_type: "hba" },
        { hba: [{ method: "cert" }], databases: { app: { host: "h", user: "one", password: "secret" } } },
      ),
    ],
    [
      "certificates for a database that has one, passwords for the rest",
      logins(
        { auth_type: "hba" },
        {
          hba: [{ method: "cert", databases: ["app"] }],
          databases: { app: { host: "h", user: "one", password: "secret" }, other: { host: "h" } },
        },
      ),
    ],
    [
      "certificates, where the pooler has one for PostgreSQL",
      logins(
        { auth_type: "hba", server_tls_cert_file: "/c", server_tls_key_file: "/k" },
        { hba: [{ method: "cert" }] },
      ),
    ],
  ])("%s is no such case", (_what, input) => {
    expect(places(input)).toEqual([]);
  });

  test("limits of a user whom only auth_query knows keep it out on 1.18, and work on 1.24", () => {
    const input = logins(asking, { userlist: [entry("asks", "plain")] });
    const limited = {
      ...input,
      configuration: { ...input.configuration, users: { app: { max_user_connections: 5 } } },
    };
    expect(places(limited)).toEqual(["users.app"]);
    expect(places({ ...limited, version: "1.24.1" })).toEqual([]);
    expect(
      places({ ...limited, userlist: [entry("asks", "plain"), entry("app", "scram-sha-256", true)] }),
    ).toEqual([]);
  });

  test("md5 is questionable wherever it stands", () => {
    const input = logins({ auth_type: "md5" }, { userlist: [entry("app", "md5")], hba: [{ method: "md5" }] });
    expect(weakLogins(input).map(({ path }) => path.join("."))).toEqual([
      "pgbouncer.auth_type",
      "hba.0.method",
      "userlist.app.form",
    ]);
  });
});
