import { z } from "zod";
import { isScramVerifier, matchesScram, scramVerifier } from "../pgbouncer/scram.ts";
import { postgresqlSelect } from "../queries/postgresql-select.ts";
import type { ValueMap } from "../variables/value.ts";
import type { Difference } from "./change.ts";
import { defineModule } from "./module.ts";
import { postgresqlParams, sqlName, sqlStep, sqlText } from "./postgresql-login.ts";

const params = z.strictObject({
  name: z.string().min(1).max(63).describe("The role."),
  state: z.enum(["present", "absent"]).default("present").describe("Whether it should be there."),
  password: z
    .string()
    .min(1)
    .optional()
    .describe("Its password, or a SCRAM-SHA-256 verifier. A verifier that is there and fits stays."),
  login: z.boolean().default(true).describe("Whether it may log in."),
  superuser: z.boolean().default(false).describe("Whether it is a superuser."),
  createdb: z.boolean().default(false).describe("Whether it may make databases."),
  createrole: z.boolean().default(false).describe("Whether it may make roles."),
  replication: z.boolean().default(false).describe("Whether it may replicate."),
  conn_limit: z
    .number()
    .int()
    .min(-1)
    .default(-1)
    .describe("How many connections it may have; -1: any number."),
  expires: z
    .string()
    .refine(
      (text) =>
        text === "infinity" || /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d(:?\d\d)?)?)?$/.test(text),
      {
        error: "must be a time such as 2027-01-31T00:00:00Z, or `infinity`",
      },
    )
    .optional()
    .describe("When its password stops counting; `infinity`: never. A time without zone is the server's."),
  role_attr_flags: z
    .never({ error: "is not taken: write each by its name, such as `createdb: true` or `login: false`" })
    .optional()
    .describe("Not taken: see `login`, `superuser`, `createdb`, `createrole`, `replication`."),
  priv: z
    .never({
      error:
        "is not taken: `postgresql_query` with `grant …`, and with `unless` the question whether it is so already",
    })
    .optional()
    .describe("Not taken: see `postgresql_query`."),
  settings: z
    .record(z.string().regex(/^[a-z_.]+$/), z.union([z.string(), z.number()]))
    .default({})
    .describe(
      "Settings that its sessions start with, such as statement_timeout: through a transaction pooler only these arrive.",
    ),
  ...postgresqlParams,
});

type Params = z.infer<typeof params>;

const FLAGS = {
  login: "rolcanlogin",
  superuser: "rolsuper",
  createdb: "rolcreatedb",
  createrole: "rolcreaterole",
  replication: "rolreplication",
} as const;
const WORDS = {
  login: "LOGIN",
  superuser: "SUPERUSER",
  createdb: "CREATEDB",
  createrole: "CREATEROLE",
  replication: "REPLICATION",
} as const;

export const postgresqlUser = defineModule<
  Params,
  { rows: ReturnType<typeof postgresqlSelect> },
  Difference[]
>({
  name: "postgresql_user",
  summary: "Roles of PostgreSQL",
  params,
  secretParams: ["password"],
  examples: [
    {
      title: "An application's user, with a time limit that a pooler can't lose",
      yaml: '- postgresql_user:\n    name: app\n    password: "{{ app_password }}"\n    settings: {statement_timeout: 30s}\n',
    },
    { title: "Gone", yaml: "- postgresql_user:\n    name: old\n    state: absent\n" },
  ],
  queries: (want) => ({
    rows: postgresqlSelect({
      database: undefined,
      systemUser: want.login_unix_user,
      port: want.login_port,
      sql: `select rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolconnlimit, rolpassword, ${want.expires === undefined ? "true" : `coalesce(rolvaliduntil, 'infinity') = ${sqlText(want.expires)}::timestamptz`} as expires_so, coalesce(rolvaliduntil::text, 'infinity') as expires, coalesce((select setconfig from pg_db_role_setting where setrole = pg_authid.oid and setdatabase = 0), '{}') as settings from pg_authid where rolname = ${sqlText(want.name)}`,
    }),
  }),
  diff: (want, { rows }) => {
    const [row] = rows;
    if (want.state === "absent") {
      if (row === undefined) return { action: "none", reason: `there is no role ${want.name}` };
      return {
        action: "delete",
        summary: `drop the role ${want.name}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
        detail: [],
      };
    }
    const differences =
      row === undefined
        ? [{ kind: "field" as const, name: "state", before: "absent", after: "present" }]
        : roleDifferences(want, row);
    if (differences.length === 0) return { action: "none", reason: `the role ${want.name} is as wanted` };
    return {
      action: row === undefined ? "create" : "update",
      summary: `${row === undefined ? "make" : "change"} the role ${want.name}`,
      differences,
      detail: differences,
    };
  },
  steps: (change, want) => {
    if (change.action === "delete")
      return [sqlStep(change.summary, want, "postgres", `drop role ${sqlName(want.name)};`)];
    return [
      {
        kind: "controller",
        title: change.summary,
        // The salt of a verifier is random, so that it is made when it is needed and not before.
        run: async () => ({
          next: [
            sqlStep(
              change.summary,
              want,
              "postgres",
              roleSql(want, change.action === "create", change.detail),
            ),
          ],
        }),
      },
    ];
  },
});

function roleDifferences(want: Params, row: ValueMap): Difference[] {
  const differences: Difference[] = [];
  for (const name of Object.keys(FLAGS) as (keyof typeof FLAGS)[]) {
    if (row[FLAGS[name]] !== want[name])
      differences.push({ kind: "field", name, before: String(row[FLAGS[name]]), after: String(want[name]) });
  }
  if (row["rolconnlimit"] !== want.conn_limit)
    differences.push({
      kind: "field",
      name: "conn_limit",
      before: String(row["rolconnlimit"]),
      after: String(want.conn_limit),
    });
  if (row["expires_so"] !== true)
    differences.push({
      kind: "field",
      name: "expires",
      before: String(row["expires"]),
      after: want.expires ?? "",
    });
  const now = typeof row["rolpassword"] === "string" ? row["rolpassword"] : "";
  if (want.password !== undefined && !passwordFits(now, want.password))
    differences.push({ kind: "field", name: "password", secret: true });
  const settings = new Map(
    (Array.isArray(row["settings"]) ? row["settings"] : []).map(
      (one) => String(one).split(/=(.*)/s) as [string, string],
    ),
  );
  for (const [name, value] of Object.entries(want.settings)) {
    if (settings.get(name) !== String(value))
      differences.push({
        kind: "field",
        name: `setting ${name}`,
        before: settings.get(name) ?? "(none)",
        after: String(value),
      });
  }
  return differences;
}

function passwordFits(stored: string, wanted: string): boolean {
  return isScramVerifier(wanted) ? stored === wanted : matchesScram(stored, wanted);
}

function roleSql(want: Params, creating: boolean, differences: readonly Difference[]): string {
  const name = sqlName(want.name);
  const words = (Object.keys(WORDS) as (keyof typeof WORDS)[]).map(
    (flag) => `${want[flag] ? "" : "NO"}${WORDS[flag]}`,
  );
  const setsPassword =
    want.password !== undefined && (creating || differences.some((one) => one.name === "password"));
  const secret =
    want.password === undefined || isScramVerifier(want.password)
      ? want.password
      : scramVerifier(want.password);
  const password = setsPassword && secret !== undefined ? ` password ${sqlText(secret)}` : "";
  const settings = Object.entries(want.settings).map(
    ([key, value]) => `alter role ${name} set ${key} = ${sqlText(String(value))};`,
  );
  return [
    `${creating ? "create" : "alter"} role ${name} ${words.join(" ")} connection limit ${want.conn_limit}${password}${want.expires === undefined ? "" : ` valid until ${sqlText(want.expires)}`};`,
    ...settings,
  ].join("\n");
}
