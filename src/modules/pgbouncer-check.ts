import { z } from "zod";
import { checkConfiguration } from "../pgbouncer/check-configuration.ts";
import { checkLogins, type PlacedRule, type UserlistForm, weakLogins } from "../pgbouncer/check-logins.ts";
import type { Finding } from "../pgbouncer/configuration.ts";
import { pgbouncerVersion } from "../queries/pgbouncer-version.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { configurationOf, configurationParams, misspelt, placedFinding } from "./pgbouncer-configuration.ts";
import { hbaRule } from "./pgbouncer-hba.ts";
import { userlistEntry } from "./pgbouncer-userlist.ts";

const params = z.strictObject({
  ...configurationParams,
  userlist: z
    .array(userlistEntry)
    .default([])
    .describe("Entries of the userlist, as `pgbouncer_userlist` takes them."),
  more_userlist: z.array(userlistEntry).default([]).describe("More of them, written elsewhere."),
  hba: z.array(hbaRule).default([]).describe("Rules of the HBA file, as `pgbouncer_hba` takes them."),
  more_hba: z.array(hbaRule).default([]).describe("More of them, written elsewhere."),
});

type Params = z.infer<typeof params>;

export const pgbouncerCheck = defineModule<Params, { version: ReturnType<typeof pgbouncerVersion> }>({
  name: "pgbouncer_check",
  summary: "Whether a configuration of PgBouncer can work, before anything is touched",
  description:
    "Looks at settings, databases, userlist and HBA rules together: settings that the version lacks or that contradict each other, and combinations that let a client in and then fail at the server. Whatever is wrong is told with the line where it stands. Changes nothing.",
  params,
  secretParams: [
    "userlist.password",
    "userlist.verifier",
    "more_userlist.password",
    "more_userlist.verifier",
    "databases.password",
  ],
  examples: [
    {
      title: "Before the role touches anything",
      yaml: '- pgbouncer_check:\n    pgbouncer: {auth_type: scram-sha-256, auth_file: /etc/pgbouncer/userlist.txt, auth_user: pgb_auth, auth_query: "select * from f($1)"}\n    databases:\n      app: {host: 10.0.0.2}\n    userlist:\n      - {user: pgb_auth, password: "{{ pgbouncer_auth_password }}", form: plain}\n',
    },
    {
      title: "A forced user needs a password",
      yaml: '- pgbouncer_check:\n    pgbouncer: {auth_type: scram-sha-256}\n    databases:\n      reports: {host: 10.0.0.2, user: report, password: "{{ report_password }}"}\n',
    },
  ],
  queries: () => ({ version: pgbouncerVersion("own") }),
  diff: (want, { version }) => {
    const configuration = configurationOf(want, version.version);
    const logins = { version: version.version, configuration, userlist: formsOf(want), hba: rulesOf(want) };
    const findings = [
      ...misspelt(want),
      ...checkConfiguration(configuration, { version: version.version, capacity: undefined }),
      ...checkLogins(logins),
    ];
    if (findings.length > 0) {
      throw new ModuleFailure(
        `the configuration is refused: ${findings.map(({ message }) => message).join("; ")}`,
        { findings: findings.map((finding) => placedFinding(finding, want)) },
      );
    }
    const warnings = weakLogins(logins).map((finding: Finding) => placedFinding(finding, want));
    return {
      action: "none",
      reason: "the configuration can work",
      ...(warnings.length === 0 ? {} : { warnings }),
    };
  },
  steps: () => [],
});

function formsOf({ userlist, more_userlist }: Params): UserlistForm[] {
  const forms = (name: string, entries: Params["userlist"]): UserlistForm[] =>
    entries.map(({ user, form, verifier }, index) => ({
      user,
      form: verifier === undefined ? form : verifier.startsWith("md5") ? "md5" : "scram-sha-256",
      copied: verifier !== undefined,
      path: [name, String(index)],
    }));
  return [...forms("userlist", userlist), ...forms("more_userlist", more_userlist)];
}

function rulesOf({ hba, more_hba }: Params): PlacedRule[] {
  const rules = (name: string, list: Params["hba"]): PlacedRule[] =>
    list.map((rule, index) => ({ ...rule, path: [name, String(index)] }));
  return [...rules("hba", hba), ...rules("more_hba", more_hba)];
}
