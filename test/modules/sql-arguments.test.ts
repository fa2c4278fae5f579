import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sqlWithArguments } from "../../src/modules/sql-arguments.ts";

describe("arguments in SQL", () => {
  test.each([
    ["select %s, %s", ["it's \\ x", 5], "select  E'it''s \\\\ x', 5"],
    ["select 1-%s", [-2], "select 1-(-2)"],
    ["select %(a)s, %(b)s", { a: true, b: null }, "select TRUE, NULL"],
    ["like 'a%%' and x = any(%s)", [["a", "b"]], "like 'a%' and x = any(ARRAY[ E'a',  E'b'])"],
    ["any(%s)", [[]], "any('{}')"],
    ["like 'a%'", undefined, "like 'a%'"],
  ])("%s with %j", (sql, given, expected) => {
    expect(sqlWithArguments(sql, given)).toBe(expected);
  });

  test.each([
    ["select %s", [], /more `%s`/],
    ["select %s", [1, 2], /fewer `%s`/],
    ["select %(a)s", { b: 1 }, /`named_args` no a/],
    ["select %(a)s", [1], /has `%\(a\)s`/],
    ["select 5 % 2", [], /write %% for a percent sign/],
    ["select %", [], /write %%/],
  ])("%s with %j is refused", (sql, given, expected) => {
    expect(sqlWithArguments(sql, given)).toMatchObject({ error: expect.stringMatching(expected) });
  });

  test("no text ends its own quotes, whatever stands in it", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const sql = sqlWithArguments("%s", [text]);
        expect(sql).toMatch(/^ E'(?:[^'\\]|''|\\\\)*'$/s);
      }),
    );
  });
});
