import { z } from "zod";
import { checkConfiguration } from "../pgbouncer/check-configuration.ts";
import type { Finding } from "../pgbouncer/configuration.ts";
import { effectOf, parseIni, renderIni } from "../pgbouncer/ini.ts";
import { pathState } from "../queries/path-state.ts";
import { pgbouncerVersion } from "../queries/pgbouncer-version.ts";
import { quote } from "../shell/shell-text.ts";
import {
  diffManagedFile,
  type FileChange,
  type ManagedFile,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";
import { configurationOf, configurationParams, misspelt, placedFinding } from "./pgbouncer-configuration.ts";

const params = z.strictObject({
  path: absolutePath.default("/etc/pgbouncer/pgbouncer.ini").describe("The configuration file."),
  ...configurationParams,
  owner: accountName
    .default("root")
    .describe("Owner of the file. Not the service's user: it need not rewrite its own configuration."),
  group: accountName.default("pgbouncer").describe("Group of the file: the service's."),
  mode: fileMode.default("0640").describe("Mode of the file."),
  service_user: accountName
    .default("pgbouncer")
    .describe("The user as whom PgBouncer runs; the candidate is checked as this user."),
  check_with_binary: z
    .boolean()
    .default(true)
    .describe("Have the host's own PgBouncer read the candidate before it replaces the file."),
  capacity: z
    .strictObject({
      max_connections: z.number().int().min(1).describe("PostgreSQL's max_connections."),
      reserved: z.number().int().min(0).default(3).describe("Connections that the pooler must leave."),
      users: z
        .union([z.number().int().min(1), z.array(z.string()).min(1)])
        .default(1)
        .describe("Users who connect through the pooler: how many, or their names."),
      processes: z
        .number()
        .int()
        .min(1)
        .default(1)
        .describe("PgBouncer processes in front of the same PostgreSQL."),
    })
    .optional()
    .describe(
      "What PostgreSQL can take: pools that could open more connections are refused, with the arithmetic.",
    ),
});

type Params = z.infer<typeof params>;

export const pgbouncerIni = defineModule<
  Params,
  { at: ReturnType<typeof pathState>; version: ReturnType<typeof pgbouncerVersion> },
  FileChange & { text: string }
>({
  name: "pgbouncer_ini",
  summary: "pgbouncer.ini, checked against the host's version of PgBouncer",
  description:
    "Before anything is written, every setting is checked against the version that the host has or will get: unknown settings, settings that are too new, types, ranges, and contradictions. Then the host's own PgBouncer reads the candidate; only if it finds nothing wrong, the file is replaced. The result says whether a RELOAD is enough.",
  params,
  examples: [
    {
      title: "A pool in transaction mode",
      yaml: "- pgbouncer_ini:\n    pgbouncer:\n      listen_addr: 10.0.0.5\n      auth_type: scram-sha-256\n      auth_file: /etc/pgbouncer/userlist.txt\n      pool_mode: transaction\n    databases:\n      app: {host: 10.0.0.2, port: 5432}\n  notify: apply the pgbouncer configuration\n",
    },
    {
      title: "Pools that PostgreSQL can take",
      yaml: "- pgbouncer_ini:\n    pgbouncer: {default_pool_size: 20}\n    databases: {app: {host: 10.0.0.2}}\n    capacity: {max_connections: 100, users: 3}\n",
    },
  ],
  returns: {
    version: "PgBouncer's version on the host.",
    restart_needed: "Whether only a restart applies the change.",
    restart_for: "The settings that need it.",
  },
  queries: ({ path }) => ({
    at: pathState({ path, sha256: true, content: true }),
    version: pgbouncerVersion("own"),
  }),
  diff: (want, { at, version }, situation) => {
    if (version.version === undefined && !situation.changesPending) {
      throw new ModuleFailure("PgBouncer is neither installed, nor does apt know it", {
        hint: "install the package pgbouncer first",
      });
    }
    // Without a version (check mode, before the package is there) the settings are taken for those of the oldest.
    const release = version.version ?? "1.18";
    const configuration = configurationOf(want, release);
    refuse(
      [
        ...misspelt(want),
        ...checkConfiguration(configuration, { version: release, capacity: capacityOf(want) }),
      ].map((finding) => placedFinding(finding, want)),
    );
    const text = renderIni(configuration);
    const before = at.type === "file" ? (at.content?.toString() ?? "") : "";
    const { restartFor } = effectOf(parseIni(before), parseIni(text));
    const change = diffManagedFile(fileOf(want, text), at, situation);
    const data = {
      version: version.version ?? null,
      restart_needed: restartFor.length > 0 && at.type === "file",
      restart_for: [...restartFor],
    };
    if (change.action === "none") return { ...change, data };
    const effect =
      !change.detail.rewrite || at.type === "absent"
        ? ""
        : restartFor.length === 0
          ? " (a RELOAD applies it)"
          : ` (needs a restart: ${restartFor.join(", ")})`;
    return { ...change, summary: `${change.summary}${effect}`, detail: { ...change.detail, text }, data };
  },
  steps: (change, want) => managedFileSteps(fileOf(want, change.detail.text), change.detail),
});

function capacityOf({ capacity }: Params) {
  if (capacity === undefined) return undefined;
  const { max_connections: maxConnections, reserved, users, processes } = capacity;
  return { maxConnections, reserved, users, processes };
}

/** @throws ModuleFailure with every finding at its line. */
function refuse(findings: readonly Finding[]): void {
  if (findings.length === 0) return;
  throw new ModuleFailure(
    `the configuration is refused: ${findings.map(({ message }) => message).join("; ")}`,
    { findings },
  );
}

function fileOf(want: Params, text: string): ManagedFile {
  return {
    path: want.path,
    content: textContent(text),
    owner: want.owner,
    group: want.group,
    mode: want.mode,
    validate: want.check_with_binary ? binaryCheck(want.service_user) : undefined,
    validateTitle: "PgBouncer itself",
  };
}

/**
 * PgBouncer has no --check. A candidate that may listen nowhere reads its configuration, userlist, HBA file and TLS files, and then ends with exactly `FATAL nowhere to
 * listen on`; every other error or warning is a finding. The running instance is not touched (tried on 1.18 and 1.24).
 */
function binaryCheck(user: string): string {
  const overrides = ["listen_addr =", "unix_socket_dir =", "logfile =", "pidfile =", "user ="];
  return [
    '[ -x /usr/sbin/pgbouncer ] || { echo "PgBouncer is not installed: install its package before"; exit 127; }',
    "folder=$(mktemp -d) && trap 'rm -rf \"$folder\"' EXIT",
    `{ cat %s; ${overrides.map((line) => `echo ${quote(line)}`).join("; ")}; } > "$folder/candidate.ini"`,
    `chmod 0711 "$folder" && chown ${quote(user)} "$folder/candidate.ini" && chmod 0400 "$folder/candidate.ini"`,
    `runuser -u ${quote(user)} -- /usr/sbin/pgbouncer "$folder/candidate.ini" > "$folder/said" 2>&1`,
    `grep -E ' (ERROR|WARNING|FATAL) ' "$folder/said" | grep -v -i -e 'nowhere to listen on' -e 'kernel file descriptor limit' > "$folder/wrong"`,
    'if [ -s "$folder/wrong" ]; then sed "s|$folder/candidate.ini|pgbouncer.ini|g" "$folder/wrong"; exit 1; fi',
    'grep -q "nowhere to listen on" "$folder/said" || { cat "$folder/said"; exit 1; }',
  ].join("; ");
}
