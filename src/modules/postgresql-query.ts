import { z } from "zod";
import { postgresqlSelect } from "../queries/postgresql-select.ts";
import { isValueMap, type Value, type ValueMap } from "../variables/value.ts";
import type { Change } from "./change.ts";
import { defineModule } from "./module.ts";
import { postgresqlParams, sqlStep } from "./postgresql-login.ts";
import { checkSqlArguments, sqlArgumentParams, sqlOf } from "./sql-arguments.ts";

const params = z
  .strictObject({
    query: z.string().min(1).describe("SQL: one statement or several, run in one transaction."),
    db: z.string().min(1).default("postgres").describe("The database."),
    ...sqlArgumentParams,
    unless: z
      .string()
      .optional()
      .describe(
        "A SELECT: where it gives a row, the SQL has been run already. With it the task is idempotent, and check mode knows.",
      ),
    read_only: z
      .boolean()
      .default(false)
      .describe(
        "`query` is one SELECT that changes nothing: it is asked in a read-only transaction, together with what other tasks ask, in check mode too.",
      ),
    in_transaction: z
      .boolean()
      .default(true)
      .describe("Some statements, such as CREATE DATABASE, run in none."),
    ...postgresqlParams,
  })
  .superRefine(checkSqlArguments)
  .refine((want) => !want.read_only || want.unless === undefined, {
    error: "`unless` is for what changes something",
    path: ["unless"],
  });

type Params = z.infer<typeof params>;

export const postgresqlQuery = defineModule<Params, { rows: ReturnType<typeof postgresqlSelect> }, undefined>(
  {
    name: "postgresql_query",
    summary: "SQL, run on the server through its socket",
    params,
    examples: [
      {
        title: "An extension, once",
        yaml: "- postgresql_query:\n    db: app\n    query: create extension pg_trgm\n    unless: select 1 from pg_extension where extname = 'pg_trgm'\n",
      },
      {
        title: "With values from variables",
        yaml: '- postgresql_query:\n    db: app\n    query: insert into tenants (name, quota) values (%s, %s)\n    positional_args: ["{{ tenant }}", 20]\n    unless: select 1 from tenants\n  vars:\n    tenant: O\'Hara & Sons\n',
      },
      {
        title: "A question, in one trip with those of other tasks",
        yaml: "- postgresql_query:\n    query: select pg_is_in_recovery() as replica\n    read_only: true\n  register: server\n- debug:\n    msg: It is a replica\n  when: server.rows[0].replica\n",
      },
      {
        title: "Every time",
        yaml: "- postgresql_query:\n    query: select pg_reload_conf()\n  changed_when: false\n",
      },
    ],
    returns: {
      stdout: "What psql printed; with `read_only` the rows as psql prints them, values with `|` between.",
      rows: "With `read_only`: the rows, each with its values by column.",
    },
    queries: (want) => ({
      rows: postgresqlSelect({
        database: want.db,
        systemUser: want.login_unix_user,
        port: want.login_port,
        sql: want.read_only
          ? sqlOf(want).trim().replace(/;$/, "")
          : (want.unless ?? "select 1 as asked where false"),
      }),
    }),
    diff: (want, { rows }): Change<undefined> => {
      if (want.read_only)
        return {
          action: "none",
          reason: `${rows.length} row${rows.length === 1 ? "" : "s"}`,
          data: { rows: [...rows], stdout: rows.map(asPrinted).join("\n") },
        };
      if (want.unless !== undefined && rows.length > 0)
        return { action: "none", reason: "has been run already" };
      const differences =
        want.unless === undefined
          ? []
          : [{ kind: "field" as const, name: "unless", before: "no row", after: "a row" }];
      const line = want.query.trim().split("\n")[0] ?? "";
      return {
        action: want.unless === undefined ? "run" : "update",
        summary: `run ${line.slice(0, 60)}`,
        differences,
        detail: undefined,
      };
    },
    steps: (change, want) => [
      sqlStep(change.summary, want, want.db, sqlOf(want), { inTransaction: want.in_transaction }),
    ],
    result: (_want, outputs) => ({
      changed: true,
      message: "ran",
      data: { stdout: outputs[0]?.exec?.stdout.toString().trim() ?? "" },
    }),
  },
);

/** psql(1), `--no-align --tuples-only`. */
const asPrinted = (row: ValueMap): string => Object.values(row).map(printed).join("|");

function printed(value: Value): string {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "t" : "f";
  return Array.isArray(value) || isValueMap(value) ? JSON.stringify(value) : String(value);
}
