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
  no_password_changes: z
    .boolean()
    .default(false)
    .describe("A password that it has stays, whatever `password` says: somebody else may have changed it."),
  groups: z
    .array(z.string().min(1).max(63))
    .default([])
    .describe("Roles that it is a member of, such as pg_monitor. Others stay."),
  login: z.boolean().optional().describe("Whether it may log in. Without: true."),
  superuser: z.boolean().optional().describe("Whether it is a superuser. Without: false."),
  createdb: z.boolean().optional().describe("Whether it may make databases. Without: false."),
  createrole: z.boolean().optional().describe("Whether it may make roles. Without: false."),
  replication: z.boolean().optional().describe("Whether it may replicate. Without: false."),
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
    .record(
      z.string().regex(/^[a-z_.]+$/, { error: "must be the name of a setting, such as statement_timeout" }),
      z.union([z.string(), z.number()]),
    )
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

type Flag = keyof typeof FLAGS;

/** The attributes that are wanted: the first superuser keeps what nobody has written. */
function flagsOf(want: Params, isFirst: boolean): [Flag, boolean][] {
  return (Object.keys(FLAGS) as Flag[]).flatMap((flag): [Flag, boolean][] => {
    const written = want[flag];
    return written === undefined && isFirst ? [] : [[flag, written ?? flag === "login"]];
  });
}

interface RoleChange {
  differences: readonly Difference[];
  isFirst: boolean;
}

export const postgresqlUser = defineModule<Params, { rows: ReturnType<typeof postgresqlSelect> }, RoleChange>(
  {
    name: "postgresql_user",
    summary: "Roles of PostgreSQL",
    description:
      "A role has what is written and what the defaults say: one that has become a superuser by hand is none after the next run, unless `superuser: true` is written. The superuser that the server was made with keeps its attributes, whatever is not written.",
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
        sql: `select oid = 10 as is_first, array(select rolname from pg_roles join pg_auth_members on pg_roles.oid = roleid where member = pg_authid.oid) as groups, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolconnlimit, rolpassword, ${want.expires === undefined ? "true" : `coalesce(rolvaliduntil, 'infinity') = ${sqlText(want.expires)}::timestamptz`} as expires_so, coalesce(rolvaliduntil::text, 'infinity') as expires, coalesce((select setconfig from pg_db_role_setting where setrole = pg_authid.oid and setdatabase = 0), '{}') as settings from pg_authid where rolname = ${sqlText(want.name)}`,
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
          detail: { differences: [], isFirst: false },
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
        detail: { differences, isFirst: row?.["is_first"] === true },
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
  },
);

function roleDifferences(want: Params, row: ValueMap): Difference[] {
  const differences: Difference[] = [];
  for (const [name, after] of flagsOf(want, row["is_first"] === true)) {
    if (row[FLAGS[name]] !== after)
      differences.push({ kind: "field", name, before: String(row[FLAGS[name]]), after: String(after) });
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
  const stays = want.no_password_changes && now !== "";
  if (want.password !== undefined && !stays && !passwordFits(now, want.password))
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
  const groups = Array.isArray(row["groups"]) ? row["groups"] : [];
  for (const group of want.groups)
    if (!groups.includes(group))
      differences.push({ kind: "field", name: `member of ${group}`, before: "false", after: "true" });
  return differences;
}

function passwordFits(stored: string, wanted: string): boolean {
  return isScramVerifier(wanted) ? stored === wanted : matchesScram(stored, wanted);
}

function roleSql(want: Params, creating: boolean, { differences, isFirst }: RoleChange): string {
  const name = sqlName(want.name);
  const words = flagsOf(want, isFirst).map(([flag, has]) => `${has ? "" : "NO"}${WORDS[flag]}`);
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
    ...want.groups.map((group) => `grant ${sqlName(group)} to ${name};`),
  ].join("\n");
}
