import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sessionFeature, transactionControl } from "../../../packages/client/src/session-feature.ts";
import { bareStatements } from "../../../packages/client/src/sql-text.ts";

describe("what needs the session", () => {
  test.each([
    ["LISTEN", "listen channel"],
    ["LISTEN", "UNLISTEN *"],
    ["SET", "set search_path to a"],
    ["SET", "select 1; SET SESSION statement_timeout = 5"],
    ["SET", "/* why */ set\n  role app"],
    ["SET", "set session characteristics as transaction read only"],
    ["set_config for the session", "select set_config('a.b', 'c', false)"],
    ["RESET or DISCARD", "reset all"],
    ["RESET or DISCARD", "discard all"],
    ["an advisory lock of the session", "select pg_advisory_lock(1)"],
    ["an advisory lock of the session", "select pg_try_advisory_lock_shared(1, 2)"],
    ["an advisory lock of the session", "select pg_catalog.pg_advisory_unlock_all()"],
    ["a cursor WITH HOLD", "declare c cursor with hold for select 1"],
    ["PREPARE", "prepare p as select 1"],
    ["PREPARE", "execute p"],
    ["PREPARE", "deallocate all"],
    ["a temporary table that outlives its transaction", "create temp table t (a int)"],
    ["a temporary table that outlives its transaction", "CREATE LOCAL TEMPORARY TABLE t AS SELECT 1"],
    ["a temporary table that outlives its transaction", "select 1 as a into temp t"],
    ["LOAD", "load 'auto_explain'"],
  ])("%s is found in %s", (feature, sql) => {
    expect(sessionFeature(sql)?.feature).toBe(feature);
  });

  test.each([
    "select 1",
    "notify channel",
    "set local statement_timeout = 5",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "set constraints all deferred",
    // PgBouncer follows these and restores them for each client.
    "set application_name = 'a'",
    "set time zone 'UTC'",
    "select set_config('a.b', 'c', true)",
    "select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock_shared(2)",
    "declare c cursor for select 1",
    "create temp table t (a int) on commit drop",
    "update t set a = 1",
    "insert into t values ('listen; set role app')",
    'select "set" from "listen"',
    "select $$ set role app; $$, $tag$ ; reset all $tag$",
    "-- set role app\nselect 1",
    "select E'it\\'s; set role app'",
    "explain execute_report(1)",
  ])("nothing is found in %s", (sql) => {
    expect(sessionFeature(sql)).toBeUndefined();
  });

  test.each([
    "begin",
    "START TRANSACTION",
    "commit",
    "rollback",
    "end",
    "abort",
    "select 1; commit and chain",
  ])("%s is for transaction() alone", (sql) => {
    expect(transactionControl(sql)).toBeDefined();
  });

  test.each(["savepoint a", "rollback to savepoint a", "rollback work to a", "release a", "select 'begin'"])(
    "%s may stand within one",
    (sql) => {
      expect(transactionControl(sql)).toBeUndefined();
    },
  );

  test("what stands in quotes or comments is never taken for a command, whatever it is", () => {
    const quoted = fc
      .string()
      .chain((text) =>
        fc.constantFrom(
          `'${text.replaceAll("'", "''")}'`,
          `"${text.replaceAll('"', '""')}"`,
          `$q$${text.replaceAll("$", "")}$q$`,
          `/*${text.replaceAll(/[*/]/g, "")}*/ 1`,
        ),
      );
    fc.assert(
      fc.property(quoted, quoted, (one, other) => {
        expect(bareStatements(`select ${one}, ${other} as a; select 2`)).toHaveLength(2);
      }),
    );
  });

  test("text that is not SQL comes to an end", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("'", '"', "$", "-", "/", "*", "e", "\\", ";", "a") }),
        (text) => {
          expect(Array.isArray(bareStatements(text))).toBe(true);
        },
      ),
    );
  });
});
