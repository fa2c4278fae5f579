import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { type Answered, defineQuery, known, notKnown, type QueryOutput } from "./query.ts";

export type GroupState = { exists: false } | { exists: true; gid: number; members: readonly string[] };

/** `groupNames`: of all groups that the host knows. */
export type UserState =
  | { exists: false; groupNames: ReadonlySet<string> }
  | {
      exists: true;
      groupNames: ReadonlySet<string>;
      uid: number;
      gid: number;
      comment: string;
      home: string;
      shell: string;
      /** The name of the primary group. */
      group: string;
      /** Supplementary groups. */
      groups: readonly string[];
      /** The hash in the shadow file; undefined when it can't be read. */
      passwordHash: string | undefined;
      /** Days since 1970 when the account ends; undefined: never, or it can't be read. */
      expiresDay: number | undefined;
      /** Days: how long a password counts, must stay, and is warned about before; undefined: not set, or it can't be read. */
      passwordDays: { max: number | undefined; min: number | undefined; warn: number | undefined };
    };

/** Groups by name, or by number, from wherever the host has them: one getent(1). */
export const groupState = defineQuery<string, GroupState>({
  name: "group-state",
  identify: (name) => name,
  script: (names) => ({ script: groupScript(names) }),
  recheck: groupScript,
  parse: (output, names) => {
    const groups = groupLines(output.stdout.toString());
    const byNumber = new Map(
      [...groups.values()].flatMap((one) => (one.exists ? [[String(one.gid), one]] : [])),
    );
    return names.map((name) =>
      answer<GroupState>(output, groups.get(name) ?? byNumber.get(name) ?? { exists: false }),
    );
  },
});

function groupScript(names: readonly string[]): ShellText {
  return sh`getent group -- ${[...names]} || [ $? -eq 2 ]`;
}

/** Users by name, or by number, with the groups they are in. */
export const userState = defineQuery<string, UserState>({
  name: "user-state",
  identify: (name) => name,
  script: (names) => ({ script: userScript(names) }),
  recheck: userScript,
  parse: (output, names) => {
    // No account has an empty name, so that an empty line ends a part.
    const [passwd = "", group = "", shadowed = ""] = output.stdout.toString().split(/^\n/m);
    const groups = groupLines(group);
    if (groups.size === 0) return names.map(() => notKnown(`getent gave no groups: ${output.stderr.trim()}`));
    const users = passwd.split("\n").map((line) => line.split(":"));
    const shadow = new Map(shadowed.split("\n").map((line) => [line.split(":")[0], line.split(":")]));
    return names.map((name) => {
      const fields = users.find(([one]) => one === name) ?? users.find(([, , uid]) => uid === name);
      const groupNames = new Set(groups.keys());
      if (fields === undefined) return known({ exists: false, groupNames });
      const gid = Number(fields[3]);
      const nameOfGroup =
        [...groups].find(([, group]) => group.exists && group.gid === gid)?.[0] ?? String(gid);
      return known({
        exists: true,
        groupNames,
        uid: Number(fields[2]),
        gid,
        comment: fields[4] ?? "",
        home: fields[5] ?? "",
        shell: fields[6] ?? "",
        group: nameOfGroup,
        groups: [...groups]
          .filter(([, group]) => group.exists && group.members.includes(name))
          .map(([one]) => one)
          .sort(),
        passwordHash: shadow.get(name)?.[1],
        expiresDay: dayOf(shadow.get(name)?.[7]),
        passwordDays: {
          max: dayOf(shadow.get(name)?.[4]),
          min: dayOf(shadow.get(name)?.[3]),
          warn: dayOf(shadow.get(name)?.[5]),
        },
      });
    });
  },
});

function userScript(names: readonly string[]): ShellText {
  return shellLines(
    sh`set -- ${[...names]}`,
    rawShell(
      'getent passwd -- "$@"; echo; getent group; echo; [ ! -r /etc/shadow ] || getent shadow -- "$@"',
    ),
    rawShell("exit 0"),
  );
}

/** shadow(5): an empty field is no day. */
function dayOf(text: string | undefined): number | undefined {
  return text === undefined || text === "" ? undefined : Number(text);
}

function answer<Answer>(output: QueryOutput, value: Answer): Answered<Answer> {
  return output.exitCode === 0
    ? known(value)
    : notKnown(output.stderr.trim() || `getent: exit ${output.exitCode}`);
}

function groupLines(text: string): Map<string, GroupState> {
  const groups = new Map<string, GroupState>();
  for (const line of text.split("\n")) {
    const [name, , gid, members] = line.split(":");
    if (name === undefined || gid === undefined) continue;
    groups.set(name, { exists: true, gid: Number(gid), members: (members ?? "").split(",").filter(Boolean) });
  }
  return groups;
}
