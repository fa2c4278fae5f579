import { z } from "zod";
import { postgresqlSelect } from "../queries/postgresql-select.ts";
import type { Change } from "./change.ts";
import { defineModule } from "./module.ts";
import { postgresqlParams, sqlStep } from "./postgresql-login.ts";
import { sqlWithArguments } from "./sql-arguments.ts";

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const argument = z.union([scalar, z.array(scalar)]);

const params = z
  .strictObject({
    query: z.string().min(1).describe("SQL: one statement or several, run in one transaction."),
    db: z.string().min(1).default("postgres").describe("The database."),
    positional_args: z
      .array(argument)
      .optional()
      .describe("What stands in `query` for each `%s`, quoted as SQL wants it. A `%` is then written `%%`."),
    named_args: z.record(z.string(), argument).optional().describe("The same for each `%(name)s`."),
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
  .refine((all) => all.positional_args === undefined || all.named_args === undefined, {
    error: "give either `positional_args` or `named_args`",
    path: ["named_args"],
  })
  .superRefine((all, context) => {
    const sql = sqlWithArguments(all.query, all.positional_args ?? all.named_args);
    if (typeof sql !== "string") context.addIssue({ code: "custom", path: ["query"], message: sql.error });
  });

type Params = z.infer<typeof params>;

/** The SQL that runs. The schema has found that everything fits. */
function sqlOf(want: Params): string {
  const sql = sqlWithArguments(want.query, want.positional_args ?? want.named_args);
  if (typeof sql !== "string") throw new Error(sql.error);
  return sql;
}

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
