import { expect, test } from "vitest";
import { postgresqlQuery } from "../../src/modules/postgresql-query.ts";
import { SITUATION } from "./answers.ts";

const parsed = (want: Record<string, unknown>) => postgresqlQuery.params.safeParse(want);

test("a question that changes nothing is asked in bulk, and told as psql prints it", () => {
  const want = postgresqlQuery.params.parse({
    query: "select %s::int;",
    positional_args: [7],
    read_only: true,
  });
  expect(postgresqlQuery.queries(want, SITUATION).rows).toMatchObject({
    key: { sql: "select 7::int", database: "postgres" },
  });
  const rows = [
    { name: "a", ok: true, nothing: null, list: [1, 2] },
    { name: "b|c", ok: false, nothing: 2.5, list: null },
  ];
  expect(postgresqlQuery.diff(want, { rows }, SITUATION)).toEqual({
    action: "none",
    reason: "2 rows",
    data: { rows, stdout: "a|t||[1,2]\nb|c|f|2.5|" },
  });
});

test("a question needs no `unless`", () => {
  expect(parsed({ query: "select 1", read_only: true, unless: "select 1" }).error?.issues[0]?.path).toEqual([
    "unless",
  ]);
  expect(parsed({ query: "select 1", read_only: true }).success).toBe(true);
});
