import { describe, expect, test } from "vitest";
import { parsePoolerStatus } from "../../src/pgbouncer/pooler-status.ts";
import { needsAttention, poolerStatusLines } from "../../src/views/pooler-status.ts";

const [FIELD, RECORD, PART] = ["\x1f", "\x1e", "\x1d"];
const table = (...rows: string[][]): string => `${rows.map((row) => row.join(FIELD)).join(RECORD)}\n`;

/** As a host with PgBouncer 1.24.1 (Debian 13) answers, shortened; the columns of SHOW POOLS stand in another order than 1.18's. */
const answer = (
  settings: { waiting?: string; running?: string; ends?: number; psql?: boolean } = {},
): string =>
  [
    "clock\n1000000\n",
    "instance pgbouncer\n",
    "ini\n[databases]\napp = host=10.0.0.1\n[pgbouncer]\nlisten_port = 6432\nquery_wait_timeout = 60\nadmin_users = a, b\n",
    "unit\nactive\n",
    `certificate /etc/pgbouncer/tls/server.crt\n${1_000_000 + 86_400 * (settings.ends ?? 100)}\n`,
    ...(settings.psql === false
      ? ["trouble\npsql: error: connection refused\n"]
      : [
          `show VERSION\n${table(["version"], ["PgBouncer 1.24.1"])}`,
          `show LISTS\n${table(["list", "items"], ["used_clients", "7"])}`,
          `show DATABASES\n${table(["name", "pool_size", "paused", "disabled"], ["app", "10", "0", "0"])}`,
          `show POOLS\n${table(
            [
              "database",
              "user",
              "cl_active",
              "cl_waiting",
              "sv_active",
              "sv_idle",
              "sv_used",
              "sv_tested",
              "sv_login",
              "maxwait",
              "maxwait_us",
            ],
            ["app", "app", "5", settings.waiting ?? "0", "8", "1", "0", "0", "0", "1", "500000"],
            ["pgbouncer", "pgbouncer", "1", "0", "0", "0", "0", "0", "0", "0", "0"],
          )}`,
          `show CONFIG\n${table(["key", "value"], ["query_wait_timeout", settings.running ?? "60"], ["max_client_conn", "100"], ["admin_users", "a,b"])}`,
          `show STATE\n${table(["key", "value"], ["active", "yes"], ["paused", "no"])}`,
        ]),
    'health\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"status":"ok","reason":"ok","message":"answered"}\n',
  ]
    .map((part) => PART + part)
    .join("");

describe("a pooler's status", () => {
  test("is read by the names of columns; the console's own pool is left out", () => {
    const [pooler] = parsePoolerStatus(answer({ waiting: "3" }));
    expect(pooler).toMatchObject({
      instance: "pgbouncer",
      unit: "active",
      version: "1.24.1",
      clients: { used: 7, most: 100, waiting: 3 },
      pools: [
        {
          database: "app",
          clientsWaiting: 3,
          maxWaitSeconds: 1.5,
          servers: 9,
          serversActive: 8,
          poolSize: 10,
        },
      ],
      certificates: [{ daysLeft: 100 }],
      drift: [],
      health: { status: 200, reason: "ok" },
    });
  });

  test("what runs otherwise than the file says, ends soon or does not answer needs attention", () => {
    const of = (text: string) => ({ host: "pool1", poolers: parsePoolerStatus(text) });
    expect(needsAttention(of(answer()))).toBe(false);
    for (const text of [answer({ running: "77" }), answer({ ends: 5 }), answer({ psql: false })])
      expect(needsAttention(of(text))).toBe(true);
    const shown = poolerStatusLines([of(answer({ running: "77", ends: 5 }))], (_colour, text) => text).join(
      "\n",
    );
    expect(shown).toContain("query_wait_timeout is 77, the file says 60");
    expect(shown).toContain("ends in 5 days");
    expect(shown).toMatch(/████████·· 80 %/);
  });

  test("an answer that is something else is an error, not an idle pooler", () => {
    expect(() => parsePoolerStatus("bash: no such thing")).toThrow(/not what was asked for/);
  });

  test("a host that can't be asked is named with its reason", () => {
    const lines = poolerStatusLines(
      [{ host: "pool1", error: "connection refused" }],
      (_colour, text) => text,
    );
    expect(lines.join("\n")).toContain("pool1: connection refused");
  });
});
