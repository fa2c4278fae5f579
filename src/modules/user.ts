import { z } from "zod";
import { type UserState, userState } from "../queries/account-state.ts";
import type { Trial } from "../queries/trial.ts";
import { userKey } from "../queries/user-key.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath, accountName } from "./parameter-types.ts";

const params = z.strictObject({
  name: accountName.describe("The user."),
  state: z.enum(["present", "absent"]).default("present").describe("Whether the user should be there."),
  uid: z.number().int().min(0).optional().describe("The user's number."),
  group: accountName.optional().describe("The primary group."),
  groups: z.array(accountName).optional().describe("Supplementary groups."),
  append: z.boolean().default(false).describe("Keep other supplementary groups."),
  comment: z
    .string()
    .regex(/^[^:\n]*$/, { error: "must not contain a colon or a line end" })
    .optional()
    .describe("The full name or what the user is for."),
  home: absolutePath.optional().describe("The home directory."),
  create_home: z.boolean().default(true).describe("Make the home directory when the user is made."),
  shell: absolutePath.optional().describe("The login shell."),
  system: z
    .boolean()
    .default(false)
    .describe(
      "When the user is made: with a number of the system's range, and no home directory unless asked for.",
    ),
  password: z
    .string()
    .regex(/^[^:\n]*$/, { error: "must be a hash, without colon or line end" })
    .optional()
    .describe("The hash of the password, as in the shadow file (mkpasswd makes one); `*` for none."),
  update_password: z
    .enum(["always", "on_create"])
    .default("always")
    .describe("Whether an existing user's password is changed."),
  password_lock: z
    .boolean()
    .optional()
    .describe("Whether the password is locked: nobody logs in with it, keys count as before."),
  expires: z
    .number()
    .optional()
    .describe("When the account ends: seconds since 1970, counted in whole days; negative: never."),
  password_expire_max: z
    .number()
    .int()
    .min(-1)
    .optional()
    .describe("Days after which a password has to be changed; -1: never."),
  password_expire_min: z
    .number()
    .int()
    .min(-1)
    .optional()
    .describe("Days before which it can't be changed again; -1: none."),
  password_expire_warn: z
    .number()
    .int()
    .min(-1)
    .optional()
    .describe("Days before its end from which the user is warned; -1: none."),
  generate_ssh_key: z
    .boolean()
    .default(false)
    .describe(
      "Make a key pair for SSH on the host, unless it is there. The private key never leaves the host.",
    ),
  ssh_key_file: z
    .string()
    .regex(/^(\/|[A-Za-z0-9._-])[^\n\0]*$/, { error: "must be a path" })
    .optional()
    .describe("Where; relative to the home directory. Without: .ssh/id_TYPE."),
  ssh_key_type: z.enum(["ed25519", "rsa", "ecdsa"]).default("ed25519").describe("What kind of key."),
  ssh_key_bits: z.number().int().min(256).max(16384).optional().describe("Its length, of rsa and ecdsa."),
  ssh_key_comment: z
    .string()
    .regex(/^[^\n]*$/, { error: "must be one line" })
    .optional()
    .describe("What stands behind the public key; without: user@host."),
  move_home: z.boolean().default(false).describe("When `home` changes, take along what is in the old one."),
  non_unique: z.boolean().default(false).describe("With `uid`: another user may have it too."),
  skeleton: absolutePath.optional().describe("Directory that a new home directory is a copy of."),
  remove: z.boolean().default(false).describe("With `absent`: the home directory and mail too."),
});

type Params = z.infer<typeof params>;

export const user = defineModule({
  name: "user",
  summary: "Users of the host",
  params,
  secretParams: ["password"],
  examples: [
    {
      title: "A system user without login",
      yaml: "- user:\n    name: pgbouncer\n    group: pgbouncer\n    system: true\n    create_home: false\n    home: /nonexistent\n    shell: /usr/sbin/nologin\n",
    },
    {
      title: "With a key to log in elsewhere, told to those who let it in",
      yaml: "- user:\n    name: dumper\n    generate_ssh_key: true\n    ssh_key_comment: dumps of db1\n  register: dumper\n- debug:\n    var: dumper.ssh_public_key\n  when: has(dumper.ssh_public_key)\n",
    },
    { title: "One more group", yaml: "- user:\n    name: deploy\n    groups: [docker]\n    append: true\n" },
    {
      title: "Gone, with its home",
      yaml: "- user:\n    name: leaver\n    state: absent\n    remove: true\n",
    },
  ],
  returns: {
    uid: "The user's number.",
    home: "The home directory.",
    ssh_public_key: "With `generate_ssh_key`: the public key. `ssh_key_file`: where the private one is.",
  },
  queries: (want) => ({
    at: userState(want.name),
    numbered: userState(String(want.uid ?? want.name)),
    key: userKey(
      want.generate_ssh_key && want.state === "present"
        ? { user: want.name, file: keyFileOf(want) }
        : undefined,
    ),
  }),
  diff: (want, { at, numbered, key }, { changesPending }) => {
    if (want.state === "absent") {
      if (!at.exists) return { action: "none", reason: `there is no user ${want.name}` };
      if (at.uid === 0) throw new ModuleFailure(`${want.name} is the superuser, and stays`);
      return {
        action: "delete",
        summary: `remove the user ${want.name}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
        detail: undefined,
      };
    }
    if (!changesPending) {
      requireGroups(want, at);
      refuseTaken(want, at, numbered);
    }
    const differences = userDifferences(want, at);
    if (want.generate_ssh_key && key.publicKey === undefined)
      differences.push({ kind: "field", name: "ssh_key", before: "absent", after: keyFileOf(want) });
    if (!at.exists)
      return { action: "create", summary: `make the user ${want.name}`, differences, detail: undefined };
    if (differences.length === 0)
      return {
        action: "none",
        reason: `the user ${want.name} is as wanted`,
        data: {
          uid: at.uid,
          home: at.home,
          ...(key.publicKey === undefined
            ? {}
            : { ssh_public_key: key.publicKey, ssh_key_file: key.path ?? keyFileOf(want) }),
        },
      };
    return { action: "update", summary: `change the user ${want.name}`, differences, detail: undefined };
  },
  touches: ({ name, remove, generate_ssh_key: makesKey }, change) => [
    { kind: "user", name },
    ...(change?.action === "delete" && remove
      ? [{ kind: "lost" as const, what: `the home directory of ${name}, which was removed with the user` }]
      : change?.action === "create"
        ? [{ kind: "lost" as const, what: `the home directory of ${name} stays, if one was made` }]
        : makesKey && change?.differences.some((one) => one.name === "ssh_key") === true
          ? [{ kind: "lost" as const, what: `the SSH key of ${name} stays` }]
          : []),
  ],
  steps: (change, want) => {
    const { action, summary, differences } = change;
    if (action === "delete")
      return [
        {
          kind: "script",
          title: summary,
          script: sh`userdel ${want.remove ? ["--remove"] : []} -- ${want.name}`,
          trials: [idleTrial("userdel", want.name, 8)],
        },
      ];
    const program = action === "create" ? "useradd" : "usermod";
    const setsPassword = want.password !== undefined && differences.some(({ name }) => name === "password");
    const password = setsPassword ? sh`&& chpasswd --encrypted` : NOTHING;
    // A new hash takes the lock away: it is set behind it.
    const locks = want.password_lock ?? (setsPassword ? false : undefined);
    const lock =
      locks === true
        ? sh`&& usermod --lock -- ${want.name}`
        : locks === false && differences.some(({ name }) => name === "password_lock")
          ? sh`&& usermod --unlock -- ${want.name}`
          : NOTHING;
    const changes = (name: string): boolean => differences.some((one) => one.name === name);
    const ages = [
      ...(changes("password_expire_max") ? ["--maxdays", String(want.password_expire_max)] : []),
      ...(changes("password_expire_min") ? ["--mindays", String(want.password_expire_min)] : []),
      ...(changes("password_expire_warn") ? ["--warndays", String(want.password_expire_warn)] : []),
    ];
    const options = argumentsOf(want, action === "create");
    return [
      {
        kind: "script",
        title: summary,
        script: shellLines(
          action === "create" || options.length > 0 || password !== NOTHING || lock !== NOTHING
            ? sh`${options.length > 0 || action === "create" ? [program, ...options, "--", want.name] : ["true"]} ${password} ${lock} || exit 1`
            : undefined,
          ages.length === 0 ? undefined : sh`chage ${ages} -- ${want.name} || exit 1`,
          changes("ssh_key") ? makeKeyScript(want) : undefined,
        ),
        ...(action === "update" && (changes("uid") || changes("home"))
          ? { trials: [idleTrial("usermod", want.name, 1)] }
          : {}),
        ...(setsPassword ? { stdin: Buffer.from(`${want.name}:${want.password ?? ""}\n`) } : {}),
      },
    ];
  },
});

const NOTHING = sh``;

/** Relative to the home directory, unless it starts with a slash. */
function keyFileOf({ ssh_key_file: file, ssh_key_type: type }: Params): string {
  return file ?? `.ssh/id_${type}`;
}

/** As the user: a home directory full of links must not lead root anywhere. */
function makeKeyScript(want: Params): ShellText {
  const make = [
    'umask 077; cd ~ && mkdir -p -- "$(dirname -- "$1")" || exit 1',
    '[ ! -e "$1" ] || { ssh-keygen -y -P "" -f "$1" > "$1.pub.new" </dev/null && mv -f -- "$1.pub.new" "$1.pub"; exit; }',
    'file=$1; comment=$2; shift 2; exec ssh-keygen -q -N "" -C "${comment:-$(id -un)@$(uname -n)}" -f "$file" "$@" </dev/null',
  ].join("\n");
  const bits = want.ssh_key_bits === undefined ? [] : ["-b", want.ssh_key_bits];
  return sh`runuser -u ${want.name} -- /bin/sh -c ${make} sh ${keyFileOf(want)} ${want.ssh_key_comment ?? ""} -t ${want.ssh_key_type} ${bits} || exit 1`;
}

/** @throws ModuleFailure */
function requireGroups({ group, groups = [] }: Params, { groupNames }: UserState): void {
  const missing = (name: string): boolean => !groupNames.has(name) && !/^\d+$/.test(name);
  for (const [path, name] of [["group", group], ...groups.map((one) => ["groups", one])] as const)
    if (path !== undefined && name !== undefined && missing(name))
      throw new ModuleFailure(`there is no group ${name}`, {
        findings: [{ path: [path], message: `there is no group ${name}` }],
        hint: "`group` makes it",
      });
}

/** @throws ModuleFailure */
function refuseTaken({ name, uid, non_unique: shared }: Params, at: UserState, numbered: UserState): void {
  const has = at.exists ? at.uid : undefined;
  if (uid === undefined || has === uid || !numbered.exists || shared) return;
  throw new ModuleFailure(`the number ${uid} is another user's`, {
    findings: [{ path: ["uid"], message: "is another user's" }],
    hint: `\`non_unique: true\` gives it to ${name} too`,
  });
}

/** userdel(8) and usermod(8) leave a user alone as whom something runs; a task before may end it. */
function idleTrial(program: string, name: string, exitCode: number): Trial {
  const script = shellLines(
    sh`uid=$(id -u -- ${name}) || exit 1; exec 9>&2`,
    rawShell("for one in /proc/[0-9]*/status; do"),
    rawShell("  while read -r key real effective saved rest; do"),
    rawShell('    if [ "$key $real $effective $saved" = "Uid: $uid $uid $uid" ]; then'),
    rawShell("      one=${one%/status}"),
    sh`      echo ${`${program}: user ${name} is currently used by process `}"\${one##*/}" >&9; exit ${exitCode}`,
    rawShell("    fi"),
    rawShell('  done 2>/dev/null < "$one"'),
    rawShell("done"),
  );
  return { script, mayBeMade: true };
}

function userDifferences(want: Params, at: UserState): Difference[] {
  if (!at.exists) {
    const password: Difference[] =
      want.password === undefined ? [] : [{ kind: "field", name: "password", secret: true }];
    if (want.password_lock === true) password.push({ kind: "field", name: "password_lock", after: "true" });
    password.push(...ageDifferences(want, {}));
    return [{ kind: "field", name: "state", before: "absent", after: "present" }, ...password];
  }
  const differences: Difference[] = [];
  const compare = (name: string, before: string | number, after: string | number | undefined): void => {
    if (after !== undefined && String(after) !== String(before))
      differences.push({ kind: "field", name, before: String(before), after: String(after) });
  };
  compare("uid", at.uid, want.uid);
  compare("group", at.group, want.group);
  compare("comment", at.comment, want.comment);
  compare("home", at.home, want.home);
  compare("shell", at.shell, want.shell);
  if (want.groups !== undefined) {
    const wanted = want.append ? [...new Set([...at.groups, ...want.groups])] : want.groups;
    compare("groups", at.groups.join(","), [...wanted].sort().join(","));
  }
  const isLocked = at.passwordHash?.startsWith("!") === true;
  const unlocked = at.passwordHash?.replace(/^!+/, "");
  const has =
    want.password_lock === undefined && want.password?.startsWith("!") === true ? at.passwordHash : unlocked;
  if (want.password !== undefined && want.update_password === "always" && has !== want.password)
    differences.push({ kind: "field", name: "password", secret: true });
  if (want.password_lock !== undefined && want.password_lock !== isLocked)
    compare("password_lock", String(isLocked), String(want.password_lock));
  if (want.expires !== undefined) compare("expires", dayText(at.expiresDay), dayText(dayOf(want.expires)));
  differences.push(...ageDifferences(want, at.passwordDays));
  return differences;
}

/** chage(1) takes a setting away with -1: it is written as an empty field. */
function ageDifferences(
  want: Params,
  at: { max?: number | undefined; min?: number | undefined; warn?: number | undefined },
): Difference[] {
  return (["max", "min", "warn"] as const).flatMap((age): Difference[] => {
    const name = `password_expire_${age}` as const;
    const after = want[name];
    const before = at[age] ?? -1;
    if (after === undefined || after === before) return [];
    return [
      {
        kind: "field",
        name,
        before: before === -1 ? "not set" : `${before} days`,
        after: after === -1 ? "not set" : `${after} days`,
      },
    ];
  });
}

/** shadow(5) counts days; usermod(8) takes a date, and an empty one for never. */
function dayOf(seconds: number): number | undefined {
  return seconds < 0 ? undefined : Math.floor(seconds / 86_400);
}

function dayText(day: number | undefined): string {
  return day === undefined ? "" : new Date(day * 86_400_000).toISOString().slice(0, 10);
}

function argumentsOf(want: Params, creating: boolean): string[] {
  const option = (flag: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [flag, String(value)];
  const groups =
    want.groups === undefined
      ? []
      : [...(want.append && !creating ? ["--append"] : []), "--groups", want.groups.join(",")];
  const home = creating
    ? want.create_home && !(want.system && want.home === undefined)
      ? ["--create-home"]
      : ["--no-create-home"]
    : [];
  return [
    ...(creating && want.system ? ["--system"] : []),
    ...home,
    ...option("--uid", want.uid),
    ...(want.uid !== undefined && want.non_unique ? ["--non-unique"] : []),
    ...option("--gid", want.group),
    ...option("--comment", want.comment),
    ...option(creating ? "--home-dir" : "--home", want.home),
    ...(!creating && want.home !== undefined && want.move_home ? ["--move-home"] : []),
    ...option("--shell", want.shell),
    ...(creating ? option("--skel", want.create_home ? want.skeleton : undefined) : []),
    ...(want.expires === undefined ? [] : ["--expiredate", dayText(dayOf(want.expires))]),
    ...groups,
  ];
}
