import { z } from "zod";
import { postgresqlSelect } from "../queries/postgresql-select.ts";
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
    in_transaction: z
      .boolean()
      .default(true)
      .describe("Some statements, such as CREATE DATABASE, run in none."),
    ...postgresqlParams,
  })
  .superRefine(checkSqlArguments);

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
        title: "Every time",
        yaml: "- postgresql_query:\n    query: select pg_reload_conf()\n  changed_when: false\n",
      },
    ],
    returns: { stdout: "What psql printed." },
    queries: (want) => ({
      rows: postgresqlSelect({
        database: want.db,
        systemUser: want.login_unix_user,
        port: want.login_port,
        sql: want.unless ?? "select 1 as asked where false",
      }),
    }),
    diff: (want, { rows }): Change<undefined> => {
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
