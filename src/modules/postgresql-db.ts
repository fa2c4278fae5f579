import { z } from "zod";
import { postgresqlSelect } from "../queries/postgresql-select.ts";
import type { ValueMap } from "../variables/value.ts";
import type { Difference } from "./change.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { postgresqlParams, sqlName, sqlStep, sqlText } from "./postgresql-login.ts";

const params = z.strictObject({
  name: z.string().min(1).max(63).describe("The database."),
  state: z
    .enum(["present", "absent"], {
      error:
        "must be `present` or `absent`: `command: pg_dump` and `pg_restore`, with `become_user: postgres`, dump and restore, and `postgresql_query` with `alter database … rename to …` renames",
    })
    .default("present")
    .describe("Whether it should be there. `absent` throws its data away."),
  owner: z.string().optional().describe("The role that owns it."),
  encoding: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, { error: "must be the name of an encoding, such as UTF8" })
    .optional()
    .describe("Encoding, when it is made; without: UTF8. A database that is there can't be given another."),
  template: z.string().default("template0").describe("Template, when it is made."),
  lc_collate: z
    .string()
    .min(1)
    .optional()
    .describe("Order of text, when it is made; without: the template's. Can't be changed later either."),
  lc_ctype: z.string().min(1).optional().describe("What counts as a letter, when it is made."),
  conn_limit: z
    .number()
    .int()
    .min(-1)
    .optional()
    .describe("How many connections may be open to it; -1: any number."),
  force: z
    .boolean()
    .default(false)
    .describe("With `absent`: end the connections that are open to it. Without, it stays while it is used."),
  ...postgresqlParams,
});

export const postgresqlDb = defineModule({
  name: "postgresql_db",
  summary: "Databases of PostgreSQL",
  params,
  examples: [
    { title: "An application's database", yaml: "- postgresql_db:\n    name: app\n    owner: app_owner\n" },
    { title: "Gone", yaml: "- postgresql_db:\n    name: scratch\n    state: absent\n" },
  ],
  queries: (want) => ({
    rows: postgresqlSelect({
      database: undefined,
      systemUser: want.login_unix_user,
      port: want.login_port,
      sql: `select pg_get_userbyid(datdba) as owner, pg_encoding_to_char(encoding) as encoding, datcollate, datctype, datconnlimit from pg_database where datname = ${sqlText(want.name)}`,
    }),
  }),
  diff: (want, { rows }) => {
    const [row] = rows;
    if (want.state === "absent") {
      if (row === undefined) return { action: "none", reason: `there is no database ${want.name}` };
      return {
        action: "delete",
        summary: `drop the database ${want.name}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
        detail: undefined,
      };
    }
    if (row === undefined) {
      return {
        action: "create",
        summary: `make the database ${want.name}`,
        differences: [{ kind: "field", name: "state", before: "absent", after: "present" }],
        detail: undefined,
      };
    }
    refuseOthers(want, row);
    const differences: Difference[] = [];
    if (want.owner !== undefined && row["owner"] !== want.owner)
      differences.push({ kind: "field", name: "owner", before: String(row["owner"]), after: want.owner });
    if (want.conn_limit !== undefined && row["datconnlimit"] !== want.conn_limit)
      differences.push({
        kind: "field",
        name: "conn_limit",
        before: String(row["datconnlimit"]),
        after: String(want.conn_limit),
      });
    if (differences.length === 0) return { action: "none", reason: `the database ${want.name} is there` };
    return {
      action: "update",
      summary: `change ${differences.map((one) => one.name).join(" and ")} of ${want.name}`,
      differences,
      detail: undefined,
    };
  },
  steps: (change, want) => {
    const name = sqlName(want.name);
    const owner = want.owner === undefined ? "" : ` owner ${sqlName(want.owner)}`;
    const limit = want.conn_limit === undefined ? "" : ` connection limit ${want.conn_limit}`;
    const locale = [
      ...(want.lc_collate === undefined ? [] : [` lc_collate ${sqlText(want.lc_collate)}`]),
      ...(want.lc_ctype === undefined ? [] : [` lc_ctype ${sqlText(want.lc_ctype)}`]),
    ].join("");
    const sql =
      change.action === "delete"
        ? `drop database ${name}${want.force ? " with (force)" : ""};`
        : change.action === "create"
          ? `create database ${name} encoding ${sqlText(want.encoding ?? "UTF8")} template ${sqlName(want.template)}${locale}${owner}${limit};`
          : [
              owner === "" ? "" : `alter database ${name}${owner.replace(" owner", " owner to")};`,
              limit === "" ? "" : `alter database ${name}${limit};`,
            ].join("\n");
    return [sqlStep(change.summary, want, "postgres", sql, { inTransaction: false })];
  },
});

/** What a database is made with, it has for good. @throws ModuleFailure */
function refuseOthers(want: z.infer<typeof params>, row: ValueMap): void {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const fixed = [
    ["encoding", want.encoding, row["encoding"]],
    ["lc_collate", want.lc_collate, row["datcollate"]],
    ["lc_ctype", want.lc_ctype, row["datctype"]],
  ] as const;
  for (const [name, wanted, has] of fixed) {
    if (wanted === undefined || plain(wanted) === plain(String(has))) continue;
    throw new ModuleFailure(`the database ${want.name} has ${name} ${String(has)}, which can't be changed`, {
      findings: [{ path: [name], message: `it has ${String(has)}` }],
      hint: "make another database, and bring the data there by pg_dump and pg_restore",
    });
  }
}
