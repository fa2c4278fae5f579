import { z } from "zod";
import type { Configuration, Finding } from "../pgbouncer/configuration.ts";
import { settingNamed, settingNames } from "../pgbouncer/settings.ts";

const value = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.union([z.string(), z.number()])),
]);
const settings = z.record(z.string(), value);

/** What pgbouncer.ini says, as parameters of every module that reads or writes it. */
export const configurationParams = {
  pgbouncer: settings.describe(
    "Settings of the section [pgbouncer]. Booleans are written as PgBouncer wants them.",
  ),
  overrides: settings.default({}).describe("Settings of [pgbouncer] that win over `pgbouncer`."),
  when_supported: settings
    .default({})
    .describe(
      "More settings of [pgbouncer], written only where the host's version has them. Where it lacks a `peer_id` that stands here, `peers` is left out too.",
    ),
  databases: z
    .record(z.string(), settings)
    .default({})
    .describe("Section [databases]: name, and its settings such as host, port, dbname, pool_size."),
  users: z.record(z.string(), settings).default({}).describe("Section [users]: limits of users."),
  peers: z
    .record(z.string(), settings)
    .default({})
    .describe("Section [peers]: other processes of the same pooler (1.19 and later)."),
};

const schema = z.strictObject(configurationParams);
type Params = z.infer<typeof schema>;

/** The configuration for a version. Without one (nothing is installed, and apt knows nothing) everything counts as supported. */
export function configurationOf(
  { pgbouncer, overrides, when_supported, databases, users, peers }: Params,
  version: string | undefined,
): Configuration {
  // Nothing as value takes a setting away: it keeps PgBouncer's default.
  const given = Object.fromEntries(
    Object.entries({ ...pgbouncer, ...overrides }).filter(([, setting]) => setting !== null),
  );
  const names = version === undefined ? undefined : new Set(settingNames("pgbouncer", version));
  const has = (name: string): boolean => names?.has(name) ?? true;
  const supported = Object.entries(when_supported).filter(([name]) => has(name) && given[name] === undefined);
  const peersLeftOut = when_supported["peer_id"] !== undefined && !has("peer_id");
  return {
    pgbouncer: { ...given, ...Object.fromEntries(supported) },
    databases,
    users,
    peers: peersLeftOut ? {} : peers,
  };
}

/** A setting that no version has is misspelt, and not merely unsupported here. */
export function misspelt({ when_supported }: Params): Finding[] {
  return Object.keys(when_supported)
    .filter((name) => settingNamed("pgbouncer", name) === undefined)
    .map((name) => ({
      path: ["when_supported", name],
      ofKey: true,
      message: `PgBouncer has no setting \`${name}\` in [pgbouncer]`,
    }));
}

/** A finding in [pgbouncer] is blamed on the parameter that its value came from. */
export function placedFinding(finding: Finding, { pgbouncer, overrides, when_supported }: Params): Finding {
  const [section, name = "", ...rest] = finding.path;
  if (section !== "pgbouncer") return finding;
  const parameter =
    overrides[name] !== undefined
      ? "overrides"
      : pgbouncer[name] === undefined && when_supported[name] !== undefined
        ? "when_supported"
        : "pgbouncer";
  return { ...finding, path: [parameter, name, ...rest] };
}
