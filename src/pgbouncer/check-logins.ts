import { compareVersions } from "./compare-versions.ts";
import type { Configuration, Finding } from "./configuration.ts";
import type { HbaRule } from "./hba.ts";
import type { SettingValue } from "./settings.ts";

/** An entry of userlist.txt as far as it matters here: never the secret itself. */
export interface UserlistForm {
  user: string;
  form: "scram-sha-256" | "md5" | "plain";
  /** A SCRAM verifier that is PostgreSQL's own: the same salt, so that the pooler can log in with it. */
  copied: boolean;
  /** Where it stands in the parameters. */
  path: readonly string[];
}

export interface PlacedRule extends HbaRule {
  path: readonly string[];
}

export interface Logins {
  /** Of the host's PgBouncer; undefined: not known. */
  version: string | undefined;
  configuration: Configuration;
  userlist: readonly UserlistForm[];
  hba: readonly PlacedRule[];
}

type Settings = Readonly<Record<string, SettingValue>>;

/**
 * Combinations that let a client in and then fail at the server, or leave it hanging (each tried on 1.18 and 1.24 against PostgreSQL with SCRAM).
 */
export function checkLogins(logins: Logins): Finding[] {
  return [
    ...authUserFindings(logins),
    ...consoleFindings(logins),
    ...forcedUserFindings(logins),
    ...clientFindings(logins),
    ...methodFindings(logins),
    ...limitedUserFindings(logins),
  ];
}

/** What works and is weak. */
export function weakLogins({ configuration, userlist, hba }: Logins): Finding[] {
  const weak: Finding[] = [];
  const hint = "scram-sha-256 works on every release; md5 can be broken by whoever reads it once";
  if (typeOf(configuration) === "md5")
    weak.push({ path: ["pgbouncer", "auth_type"], message: "auth_type md5 takes md5 from clients", hint });
  for (const { method, path } of hba) {
    if (method === "md5")
      weak.push({ path: [...path, "method"], message: "an HBA rule takes md5 from clients", hint });
  }
  for (const { user, form, path } of userlist) {
    if (form === "md5")
      weak.push({ path: [...path, "form"], message: `the secret of \`${user}\` is kept as md5`, hint });
  }
  return weak;
}

function authUserFindings({ configuration: { pgbouncer, databases }, userlist }: Logins): Finding[] {
  const places: { user: string; path: string[] }[] = [];
  if (isSet(pgbouncer["auth_user"]))
    places.push({ user: String(pgbouncer["auth_user"]), path: ["pgbouncer", "auth_user"] });
  for (const [name, settings] of Object.entries(databases)) {
    if (isSet(settings["auth_user"]))
      places.push({ user: String(settings["auth_user"]), path: ["databases", name, "auth_user"] });
  }
  return places.flatMap(({ user, path }) => {
    const entry = userlist.find((one) => one.user === user);
    if (entry?.form === "plain" || logsInByCertificate(pgbouncer)) return [];
    return [
      {
        path: entry === undefined ? path : [...entry.path, "form"],
        message:
          entry === undefined
            ? `auth_user \`${user}\` has no entry in the userlist: PgBouncer could not log in to ask for passwords`
            : `auth_user \`${user}\` has only a ${entry.form} secret in the userlist: clients would hang until they give up`,
        hint: "PgBouncer logs in as this user itself, so it needs the password: form: plain",
      },
    ];
  });
}

/** On 1.18 a console user that only auth_query would know hangs at login, on 1.24 it is a `bouncer config error`. */
function consoleFindings({ configuration: { pgbouncer }, userlist }: Logins): Finding[] {
  if (!isSet(pgbouncer["auth_query"])) return [];
  return ["admin_users", "stats_users"].flatMap((setting) =>
    namesIn(pgbouncer[setting])
      .filter((name) => !userlist.some(({ user }) => user === name))
      .map((name) => ({
        path: ["pgbouncer", setting],
        message: `the console's user \`${name}\` has no entry in the userlist, and auth_query does not serve the console`,
        hint: "add it to the userlist; a SCRAM verifier is enough there",
      })),
  );
}

/** `user=` in a database: nobody's SCRAM keys are there to log in with. */
function forcedUserFindings({ configuration: { pgbouncer, databases }, userlist }: Logins): Finding[] {
  if (logsInByCertificate(pgbouncer)) return [];
  return Object.entries(databases).flatMap(([name, settings]) => {
    if (!isSet(settings["user"]) || isSet(settings["password"])) return [];
    const user = String(settings["user"]);
    const entry = userlist.find((one) => one.user === user);
    if (entry?.form === "plain") return [];
    const why =
      entry === undefined
        ? "has no password anywhere"
        : entry.form === "md5"
          ? "has only an md5 secret, which a server with SCRAM refuses (`wrong password type`)"
          : "has only a SCRAM verifier, which is not enough to log in with (`did not provide SCRAM keys`)";
    return [
      {
        path: ["databases", name, "user"],
        message: `everybody in \`${name}\` is to be \`${user}\` at the server, and \`${user}\` ${why}`,
        hint: "give the database a password=, or the user an entry with form: plain in the userlist",
      },
    ];
  });
}

/** Users of the userlist who are neither administrators nor PgBouncer itself: applications. */
function clientFindings({ configuration, userlist, hba }: Logins): Finding[] {
  const { pgbouncer, databases } = configuration;
  const own = new Set([
    ...namesIn(pgbouncer["admin_users"]),
    ...namesIn(pgbouncer["stats_users"]),
    ...(isSet(pgbouncer["auth_user"]) ? [String(pgbouncer["auth_user"])] : []),
  ]);
  const takesMd5 = typeOf(configuration) === "md5" || hba.some(({ method }) => method === "md5");
  // Where every database has a user of its own at the server, the client's secret is never used there.
  const passesThrough = Object.values(databases).some(({ user }) => !isSet(user));
  const findings: Finding[] = [];
  for (const { user, form, copied, path } of userlist) {
    if (form === "md5" && !takesMd5)
      findings.push({
        path: [...path, "form"],
        message: `\`${user}\` has an md5 secret, and clients log in by SCRAM: \`user has MD5 secret\``,
        hint: "form: scram-sha-256, or a verifier copied from PostgreSQL",
      });
    if (own.has(user) || !passesThrough || logsInByCertificate(pgbouncer)) continue;
    if (form === "md5" && takesMd5)
      findings.push({
        path: [...path, "form"],
        message: `\`${user}\` would get in with md5 and then fail: a server with SCRAM says \`wrong password type\``,
        hint: "form: plain, or a verifier copied from PostgreSQL",
      });
    if (form === "scram-sha-256" && !copied)
      findings.push({
        path: [...path, "password"],
        message: `\`${user}\` would get in and then fail at the server: a verifier made here has another salt than PostgreSQL's`,
        hint: "leave the user to auth_query, or give `verifier` with what pg_authid has (plumb pgbouncer userlist makes one for both)",
      });
  }
  return findings;
}

/** Methods by which PgBouncer learns nothing that it could log in to the server with. */
function methodFindings({ configuration, hba }: Logins): Finding[] {
  const { pgbouncer, databases } = configuration;
  if (logsInByCertificate(pgbouncer)) return [];
  const without = Object.entries(databases)
    .filter(([, settings]) => !isSet(settings["user"]))
    .map(([name]) => name);
  const methods: { method: string; databases: readonly string[]; path: readonly string[] }[] =
    typeOf(configuration) === "hba"
      ? hba.map((rule) => ({ ...rule, path: [...rule.path, "method"] }))
      : [{ method: typeOf(configuration), databases: ["all"], path: ["pgbouncer", "auth_type"] }];
  return methods
    .filter(({ method }) => ["cert", "peer", "trust"].includes(method))
    .flatMap(({ method, databases: names, path }) => {
      const failing = without.filter((name) => names.includes("all") || names.includes(name));
      if (failing.length === 0) return [];
      return [
        {
          path,
          message: `who logs in by ${method} gets in and then fails at the server: there is no password to log in to ${failing.join(", ")} with`,
          hint: "give these databases a user= with a password, or let the pooler log in to PostgreSQL by certificate (server_tls_cert_file)",
        },
      ];
    });
}

/**
 * Up to 1.22 an entry in [users] makes the user known, without a password: auth_query is never asked for it, and the login fails (`SASL authentication failed` on 1.18;
 * works on 1.24).
 */
function limitedUserFindings({ configuration, userlist, version }: Logins): Finding[] {
  if (version === undefined || compareVersions(version, "1.23") >= 0) return [];
  if (!isSet(configuration.pgbouncer["auth_query"])) return [];
  return Object.keys(configuration.users)
    .filter((name) => !userlist.some(({ user }) => user === name))
    .map((name) => ({
      path: ["users", name],
      message: `PgBouncer ${version} asks PostgreSQL for no user that stands in [users]: \`${name}\` could not log in`,
      hint: "give it an entry in the userlist too, with the verifier that PostgreSQL has",
    }));
}

/** Then PostgreSQL may take the pooler's certificate instead of a password. */
function logsInByCertificate(pgbouncer: Settings): boolean {
  return isSet(pgbouncer["server_tls_cert_file"]) && isSet(pgbouncer["server_tls_key_file"]);
}

function typeOf({ pgbouncer }: Configuration): string {
  return String(pgbouncer["auth_type"] ?? "md5").toLowerCase();
}

function isSet(value: SettingValue | undefined): boolean {
  return value !== undefined && value !== null && value !== "";
}

function namesIn(value: SettingValue | undefined): string[] {
  if (!isSet(value)) return [];
  const list = Array.isArray(value) ? value.map(String) : String(value).split(",");
  return list.map((name) => name.trim()).filter((name) => name !== "");
}
