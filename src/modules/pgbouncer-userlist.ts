import { z } from "zod";
import { isScramVerifier, matchesScram, md5Secret, scramVerifier } from "../pgbouncer/scram.ts";
import { parseUserlist, renderUserlist, type UserlistEntry } from "../pgbouncer/userlist.ts";
import { type PathState, pathState } from "../queries/path-state.ts";
import { sh } from "../shell/shell-text.ts";
import {
  diffManagedFile,
  type FileChange,
  type ManagedFile,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { defineModule } from "./module.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";

/** Written when a process that is older than it has to be restarted: `pgbouncer_admin: apply` compares their times. Gone after a reboot, as the process is. */
export const RESTART_NEEDED = "/run/plumb-pgbouncer-userlist";

/** An entry of the userlist, as parameter. */
export const userlistEntry = z
  .strictObject({
    user: z.string().min(1).max(127).describe("The user."),
    password: z.string().min(1).optional().describe("The password."),
    verifier: z
      .string()
      .refine((text) => isScramVerifier(text) || /^md5[0-9a-f]{32}$/.test(text), {
        error: "must be a SCRAM-SHA-256 verifier or md5 and 32 hexadecimal digits",
      })
      .optional()
      .describe("The secret as PostgreSQL keeps it."),
    form: z
      .enum(["scram-sha-256", "md5", "plain"])
      .default("scram-sha-256")
      .describe(
        "How a password is kept. `plain` for users as whom PgBouncer itself logs in to PostgreSQL (auth_user); `md5` only for servers that still need it.",
      ),
  })
  .refine((all) => (all.password === undefined) !== (all.verifier === undefined), {
    error: "give either `password` or `verifier`",
    path: ["password"],
  });

const params = z.strictObject({
  path: absolutePath.default("/etc/pgbouncer/userlist.txt").describe("The file (auth_file)."),
  entries: z
    .array(userlistEntry)
    .describe("Who may log in to PgBouncer itself: administrators, auth_user, users without auth_query."),
  owner: accountName.default("root").describe("Owner of the file."),
  group: accountName.default("pgbouncer").describe("Group of the file: the service's."),
  mode: fileMode.default("0640").describe("Mode of the file."),
  restart_without: z
    .boolean()
    .default(false)
    .describe(
      "Where `auth_query` is used: when a user is taken out, `pgbouncer_admin: apply` restarts PgBouncer. After a RELOAD it would go on knowing the name, without a password, and never ask PostgreSQL for it.",
    ),
});

type Params = z.infer<typeof params>;
type Entry = z.infer<typeof userlistEntry>;

export const pgbouncerUserlist = defineModule<
  Params,
  { at: ReturnType<typeof pathState> },
  FileChange & { kept: UserlistEntry[]; restart: boolean }
>({
  name: "pgbouncer_userlist",
  summary: "userlist.txt with SCRAM verifiers",
  description:
    "A password becomes a SCRAM-SHA-256 verifier with a salt of its own; a verifier that is there already and fits the password stays, so that a second run changes nothing.",
  params,
  secretParams: ["entries.password", "entries.verifier"],
  examples: [
    {
      title: "An administrator, and the user that runs auth_query",
      yaml: '- pgbouncer_userlist:\n    entries:\n      - {user: pgb_admin, password: "{{ pgbouncer_admin_password }}"}\n      - {user: pgb_auth, password: "{{ pgbouncer_auth_password }}", form: plain}\n  notify: apply the pgbouncer configuration\n',
    },
    {
      title: "A verifier copied from PostgreSQL",
      yaml: '- pgbouncer_userlist:\n    entries:\n      - {user: app, verifier: "{{ app_verifier }}"}\n',
    },
  ],
  returns: { dest: "The path.", checksum: "SHA-256 of the content." },
  queries: ({ path }) => ({ at: pathState({ path, sha256: true, content: true }) }),
  diff: (want, { at }, situation) => {
    const kept = keptEntries(want, at);
    // Only what fits is compared: an entry that has to be made gets its salt in the step.
    const complete = kept.length === want.entries.length;
    const change = diffManagedFile(fileOf(want, complete ? kept : []), at, situation);
    if (change.action === "none")
      return { action: "none", reason: `${want.path} has all ${kept.length} entries` };
    const gone = removedUsers(want, at);
    const warnings = gone.map((user) => ({
      path: ["entries"],
      message: want.restart_without
        ? `\`${user}\` is taken out of the userlist: PgBouncer is restarted for it, because it would not ask PostgreSQL for a name that it has known`
        : `\`${user}\` is taken out of the userlist: it is refused from now on, but who is logged in stays; PgBouncer asks PostgreSQL for such a user only after a restart`,
    }));
    return {
      ...change,
      detail: { ...change.detail, kept, restart: want.restart_without && gone.length > 0 },
      ...(warnings.length === 0 ? {} : { warnings }),
    };
  },
  steps: (change, want) => [
    // Before the file: an interrupted run must not lose it.
    ...(change.detail.restart
      ? [
          {
            kind: "script" as const,
            title: "remember that a restart is needed",
            script: sh`touch -- ${RESTART_NEEDED}`,
          },
        ]
      : []),
    {
      kind: "random",
      make: () =>
        managedFileSteps(
          fileOf(
            want,
            want.entries.map((one) => keptOrMade(one, change.detail.kept)),
          ),
          change.detail,
        ),
    },
  ],
});

/** Seen on 1.18 and 1.24: the process keeps the name, without a password, and auth_query is not asked for names that it has. */
function removedUsers(want: Params, at: PathState): string[] {
  const present = at.type === "file" ? parseUserlist(at.content?.toString() ?? "") : [];
  return present.map(({ user }) => user).filter((user) => !want.entries.some((one) => one.user === user));
}

/** Entries of the file that are as wanted, in the wanted order. */
function keptEntries(want: Params, at: PathState): UserlistEntry[] {
  const present = at.type === "file" ? parseUserlist(at.content?.toString() ?? "") : [];
  return want.entries.flatMap((one) => {
    const found = present.find(({ user }) => user === one.user);
    return found !== undefined && fits(one, found.secret) ? [found] : [];
  });
}

function fits(wanted: Entry, secret: string): boolean {
  if (wanted.verifier !== undefined) return secret === wanted.verifier;
  const password = wanted.password ?? "";
  switch (wanted.form) {
    case "plain":
      return secret === password;
    case "md5":
      return secret === md5Secret(wanted.user, password);
    case "scram-sha-256":
      return isScramVerifier(secret) && matchesScram(secret, password);
  }
}

function keptOrMade(wanted: Entry, kept: readonly UserlistEntry[]): UserlistEntry {
  const found = kept.find(({ user }) => user === wanted.user);
  if (found !== undefined) return found;
  const password = wanted.password ?? "";
  const made =
    wanted.form === "plain"
      ? password
      : wanted.form === "md5"
        ? md5Secret(wanted.user, password)
        : scramVerifier(password);
  return { user: wanted.user, secret: wanted.verifier ?? made };
}

function fileOf(want: Params, entries: readonly UserlistEntry[]): ManagedFile {
  return {
    path: want.path,
    content: textContent(renderUserlist(entries), true),
    owner: want.owner,
    group: want.group,
    mode: want.mode,
  };
}
