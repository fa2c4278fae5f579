import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Configuration } from "../../src/pgbouncer/configuration.ts";
import { serverPlans } from "../../src/pgbouncer/server-plans.ts";
import { ceilingOf, largestPoolSize } from "../../src/pgbouncer/sizing.ts";

const configuration = (
  pgbouncer: Configuration["pgbouncer"],
  databases: Configuration["databases"],
  users: Configuration["users"] = {},
): Configuration => ({ pgbouncer, databases, users, peers: {} });

describe("what pools can open", () => {
  test("a user's own sizes and limits count", () => {
    const { connections, arithmetic } = ceilingOf(
      configuration(
        { default_pool_size: 10, reserve_pool_size: 2 },
        { a: {}, b: {} },
        { few: { max_user_connections: 5 }, many: { pool_size: 30 } },
      ),
      { users: ["few", "many", "usual"], processes: 1 },
    );
    // `few` has at most 5 over both databases together.
    expect(connections).toBe(5 + 2 * 32 + 2 * 12);
    expect(arithmetic).toBe(
      "a: 1 × 5 + 1 × (30 + 2) + 1 × (10 + 2) = 49; b: 1 × 5 + 1 × (30 + 2) + 1 × (10 + 2) = 49; max_user_connections lets 93 through; × 1 process = 93",
    );
  });

  test("whoever asks for passwords has a pool in each database, or in auth_dbname only", () => {
    const settings = { default_pool_size: 10, auth_query: "q", auth_user: "asks" };
    const two = { a: {}, b: {} };
    expect(ceilingOf(configuration(settings, two), { users: 1, processes: 1 }).connections).toBe(40);
    expect(
      ceilingOf(configuration({ ...settings, auth_dbname: "a" }, two), { users: 1, processes: 1 })
        .connections,
    ).toBe(30);
    expect(
      ceilingOf(configuration(settings, two, { asks: { max_user_connections: 3 } }), {
        users: 1,
        processes: 2,
      }).connections,
    ).toBe(2 * 23);
  });

  test("the largest pool size fits, and one more does not", () => {
    const number = (max: number) => fc.integer({ min: 1, max });
    fc.assert(
      fc.property(
        number(1000),
        number(20),
        number(5),
        number(8),
        fc.nat(10),
        (most, users, databases, processes, reserve) => {
          const of = (size: number): Configuration =>
            configuration(
              { default_pool_size: size, reserve_pool_size: reserve },
              Object.fromEntries(Array.from({ length: databases }, (_, index) => [`d${index}`, {}])),
            );
          const capacity = { maxConnections: most, reserved: 3, users, processes };
          const ceiling = (size: number): number => ceilingOf(of(size), capacity).connections;
          const size = largestPoolSize(of(20), capacity);
          if (size === undefined) expect(ceiling(1)).toBeGreaterThan(most - 3);
          else {
            expect(ceiling(size)).toBeLessThanOrEqual(most - 3);
            expect(ceiling(size + 1)).toBeGreaterThan(most - 3);
          }
        },
      ),
    );
  });

  test("each server is reckoned for itself, every host of a list too", async () => {
    const plans = await serverPlans(
      configuration(
        { default_pool_size: 10 },
        {
          app: { host: "10.0.0.1" },
          app_ro: { host: "10.0.0.2,10.0.0.3", dbname: "app", pool_size: 4 },
          old: { host: "10.0.0.1", port: 5433 },
        },
      ),
      2,
      async ({ port }) => ({ maxConnections: port === 5433 ? 10 : 100, reserved: 3, users: ["a"] }),
    );
    expect(plans.map(({ server, ceiling, left }) => [server, ceiling, left])).toEqual([
      ["10.0.0.1:5432", 20, 97],
      ["10.0.0.2:5432", 8, 97],
      ["10.0.0.3:5432", 8, 97],
      ["10.0.0.1:5433", 20, 7],
    ]);
  });
});
