import { z } from "zod";
import { didYouMean } from "../diagnostics/did-you-mean.ts";
import { postgresqlSelect } from "../queries/postgresql-select.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { postgresqlParams, sqlText } from "./postgresql-login.ts";

const params = z.strictObject({
  users: z.array(z.string().min(1)).min(1).describe("Roles that have a password."),
  ...postgresqlParams,
});

/** SCRAM verifiers of roles, as PostgreSQL keeps them (pg_authid): with PostgreSQL's own salt a pooler can pass a login through (docs/pgbouncer.md). */
export const postgresqlVerifiers = defineModule<
  z.infer<typeof params>,
  { rows: ReturnType<typeof postgresqlSelect> }
>({
  name: "postgresql_verifiers",
  summary: "SCRAM verifiers of roles, copied for PgBouncer's userlist",
  description:
    "Reads and changes nothing. What it returns is secret: asterisks stand for it wherever it would be shown. A role that has no password, or keeps it in another form, is an error.",
  params,
  secretReturns: ["entries.verifier"],
  examples: [
    {
      title: "From the server to a pooler's userlist; with delegate_to they are two hosts",
      yaml: "- postgresql_verifiers: {users: [app]}\n  register: copied\n- pgbouncer_userlist:\n    path: /etc/pgbouncer/copied.txt\n    entries: !expr copied.entries\n",
    },
    {
      title: "Several roles, of the server at a port",
      yaml: "- postgresql_verifiers: {users: [app, report], login_port: 5432}\n  register: copied\n",
    },
  ],
  returns: { entries: "For each role its `user` and `verifier`, as `pgbouncer_userlist` takes them." },
  queries: ({ users, login_unix_user: systemUser, login_port: port }) => ({
    rows: postgresqlSelect({
      database: undefined,
      systemUser,
      port,
      // Names of all, for the proposal; secrets of those that are wanted.
      sql: `select rolname, case when rolname in (${users.map(sqlText).join(", ")}) then rolpassword end as rolpassword from pg_catalog.pg_authid where rolcanlogin`,
    }),
  }),
  diff: ({ users }, { rows }) => {
    const entries = users.map((user) => {
      const found = rows.find(({ rolname }) => rolname === user);
      if (found === undefined) {
        const meant = didYouMean(
          user,
          rows.map(({ rolname }) => String(rolname)),
        );
        throw new ModuleFailure(`PostgreSQL has no role \`${user}\` that may log in`, {
          hint: meant === undefined ? "make it with postgresql_user before" : `did you mean \`${meant}\`?`,
        });
      }
      const { rolpassword } = found;
      if (typeof rolpassword !== "string" || !rolpassword.startsWith("SCRAM-SHA-256$"))
        throw new ModuleFailure(
          `the role \`${user}\` ${rolpassword === null ? "has no password" : "keeps its password as md5"}`,
          { hint: "set its password anew, with password_encryption = scram-sha-256" },
        );
      return { user, verifier: rolpassword };
    });
    return { action: "none", reason: `read ${users.join(", ")}`, data: { entries } };
  },
  steps: () => [],
});
