import { CONNECTION_SECTIONS, type Configuration, type Finding } from "./configuration.ts";
import { type SettingValue, settingProblem } from "./settings.ts";
import { type Capacity, ceilingOf, largestPoolSize } from "./sizing.ts";

export interface CheckOptions {
  /** undefined: not known yet, so what only some versions have is not refused. */
  version: string | undefined;
  /** What PostgreSQL leaves for this pooler; undefined: not said, so not checked. */
  capacity: Capacity | undefined;
}

/** Everything that is wrong with a configuration for a version, before anything is written. */
export function checkConfiguration(configuration: Configuration, options: CheckOptions): Finding[] {
  return [
    ...settingFindings(configuration, options.version),
    ...nameFindings(configuration),
    ...authenticationFindings(configuration.pgbouncer),
    ...tlsFindings(configuration.pgbouncer),
    ...poolFindings(configuration),
    ...capacityFindings(configuration, options.capacity),
  ];
}

function settingFindings(configuration: Configuration, version: string | undefined): Finding[] {
  const findings: Finding[] = [];
  const check = (
    section: "pgbouncer" | "databases" | "users" | "peers",
    path: readonly string[],
    name: string,
    value: SettingValue,
  ): void => {
    const problem = settingProblem(section, name, value, version);
    if (problem !== undefined) findings.push({ path: [...path, name], ...problem });
  };
  for (const [name, value] of Object.entries(configuration.pgbouncer))
    check("pgbouncer", ["pgbouncer"], name, value);
  for (const section of CONNECTION_SECTIONS) {
    for (const [entry, settings] of Object.entries(configuration[section])) {
      for (const [name, value] of Object.entries(settings)) check(section, [section, entry], name, value);
    }
  }
  return findings;
}

function nameFindings({ databases, users }: Configuration): Finding[] {
  const findings: Finding[] = [];
  for (const name of Object.keys(databases)) {
    if (name === "pgbouncer") {
      findings.push({
        path: ["databases", name],
        ofKey: true,
        message: "the database name `pgbouncer` is reserved for the admin console",
        hint: "leave the entry out: the console is there by itself",
      });
    } else if (!/^[A-Za-z0-9_.*-]+$/.test(name)) {
      findings.push({
        path: ["databases", name],
        ofKey: true,
        message: `the database name \`${name}\` can't stand in pgbouncer.ini`,
        hint: "letters, digits, `_`, `.`, `-`; give the real name with dbname=",
      });
    } else if (name.length > 63)
      findings.push({
        path: ["databases", name],
        ofKey: true,
        message: "a database name has at most 63 characters",
      });
  }
  for (const name of Object.keys(users)) {
    if (!/^[A-Za-z0-9_.*-]{1,127}$/.test(name))
      findings.push({
        path: ["users", name],
        ofKey: true,
        message: `the user name \`${name}\` can't stand in pgbouncer.ini`,
      });
  }
  return findings;
}

function authenticationFindings(settings: Configuration["pgbouncer"]): Finding[] {
  const findings: Finding[] = [];
  const has = (name: string): boolean =>
    settings[name] !== undefined && settings[name] !== null && settings[name] !== "";
  const type = String(settings["auth_type"] ?? "md5").toLowerCase();
  if (type === "trust" || type === "any") {
    findings.push({
      path: ["pgbouncer", "auth_type"],
      message: `auth_type ${type} lets everybody in, to the admin console too`,
      hint: "scram-sha-256 is what a careful setup has",
    });
  }
  if (has("auth_query") && !has("auth_user")) {
    findings.push({
      path: ["pgbouncer", "auth_query"],
      message: "auth_query does nothing without auth_user: PgBouncer would say `no such user`",
      hint: "set auth_user to the role that may call the function",
    });
  }
  if (has("auth_user") && !has("auth_file")) {
    findings.push({
      path: ["pgbouncer", "auth_user"],
      message: "auth_user needs its password in the auth_file, and there is none",
    });
  }
  if (type === "hba" && !has("auth_hba_file")) {
    findings.push({ path: ["pgbouncer", "auth_type"], message: "auth_type hba needs auth_hba_file" });
  }
  return findings;
}

function tlsFindings(settings: Configuration["pgbouncer"]): Finding[] {
  const findings: Finding[] = [];
  const client = String(settings["client_tls_sslmode"] ?? "disable");
  for (const name of ["client_tls_key_file", "client_tls_cert_file"]) {
    if (client !== "disable" && !settings[name])
      findings.push({
        path: ["pgbouncer", "client_tls_sslmode"],
        message: `client_tls_sslmode ${client} needs ${name}`,
      });
  }
  for (const side of ["client", "server"]) {
    const mode = String(settings[`${side}_tls_sslmode`] ?? "");
    if (mode.startsWith("verify") && !settings[`${side}_tls_ca_file`]) {
      findings.push({
        path: ["pgbouncer", `${side}_tls_sslmode`],
        message: `${side}_tls_sslmode ${mode} needs ${side}_tls_ca_file`,
      });
    }
  }
  return findings;
}

function poolFindings({ databases, pgbouncer }: Configuration): Finding[] {
  const findings: Finding[] = [];
  const number = (value: SettingValue | undefined): number | undefined =>
    value === undefined || value === null ? undefined : Number(value);
  const globalLimit = number(pgbouncer["max_db_connections"]) ?? 0;
  const globalSize = number(pgbouncer["default_pool_size"]) ?? 20;
  if (globalLimit > 0 && globalSize > globalLimit) {
    findings.push({
      path: ["pgbouncer", "default_pool_size"],
      message: `default_pool_size ${globalSize} is more than max_db_connections ${globalLimit} lets through`,
    });
  }
  for (const [name, settings] of Object.entries(databases)) {
    const size = number(settings["pool_size"]) ?? globalSize;
    const limit = number(settings["max_db_connections"]) ?? globalLimit;
    if (limit > 0 && size > limit && settings["pool_size"] !== undefined) {
      findings.push({
        path: ["databases", name, "pool_size"],
        message: `pool_size ${size} of \`${name}\` is more than its max_db_connections ${limit} lets through`,
      });
    }
  }
  return findings;
}

function capacityFindings(configuration: Configuration, capacity: Capacity | undefined): Finding[] {
  if (capacity === undefined) return [];
  const { connections, arithmetic } = ceilingOf(configuration, capacity);
  const left = capacity.maxConnections - capacity.reserved;
  if (connections <= left) return [];
  const largest = largestPoolSize(configuration, capacity);
  return [
    {
      path: ["pgbouncer", "default_pool_size"],
      message: `all pools together can open ${connections} server connections, and PostgreSQL leaves ${left}: ${arithmetic}`,
      hint: `lower default_pool_size, reserve_pool_size or max_db_connections, or raise PostgreSQL's max_connections${largest === undefined ? "" : `; default_pool_size ${largest} would fit`}`,
    },
  ];
}
