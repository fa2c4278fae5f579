import { z } from "zod";
import { groupState } from "../queries/account-state.ts";
import type { Trial } from "../queries/trial.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { accountName } from "./parameter-types.ts";

const params = z
  .strictObject({
    name: accountName.describe("The group."),
    state: z.enum(["present", "absent"]).default("present").describe("Whether it should be there."),
    gid: z.number().int().min(0).optional().describe("Its number."),
    non_unique: z.boolean().default(false).describe("With `gid`: another group may have it too."),
    system: z.boolean().default(false).describe("When it is made: with a number of the system's range."),
  })
  .refine((all) => !all.non_unique || all.gid !== undefined, {
    error: "is about a number: give `gid`",
    path: ["non_unique"],
  });

export const group = defineModule({
  name: "group",
  summary: "Groups of the host",
  params,
  examples: [
    { title: "A system group", yaml: "- group:\n    name: pgbouncer\n    system: true\n" },
    { title: "Gone", yaml: "- group:\n    name: old\n    state: absent\n" },
  ],
  returns: { gid: "Its number." },
  queries: ({ name, gid }) => ({ at: groupState(name), numbered: groupState(String(gid ?? name)) }),
  diff: (want, { at, numbered }, { changesPending }) => {
    if (want.state === "absent") {
      if (!at.exists) return { action: "none", reason: `there is no group ${want.name}` };
      return {
        action: "delete",
        summary: `remove the group ${want.name}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
        detail: undefined,
      };
    }
    const has = at.exists ? at.gid : undefined;
    if (want.gid !== undefined && has !== want.gid && numbered.exists && !want.non_unique && !changesPending)
      throw new ModuleFailure(`the number ${want.gid} is another group's`, {
        findings: [{ path: ["gid"], message: "is another group's" }],
        hint: "`non_unique: true` gives it to both",
      });
    if (!at.exists) {
      return {
        action: "create",
        summary: `make the group ${want.name}`,
        differences: [{ kind: "field", name: "state", before: "absent", after: "present" }],
        detail: undefined,
      };
    }
    if (want.gid === undefined || want.gid === at.gid)
      return { action: "none", reason: `the group ${want.name} is there`, data: { gid: at.gid } };
    return {
      action: "update",
      summary: `renumber the group ${want.name}`,
      differences: [{ kind: "field", name: "gid", before: String(at.gid), after: String(want.gid) }],
      detail: undefined,
    };
  },
  touches: ({ name }) => [{ kind: "group", name }],
  steps: (change, want) => {
    const gid =
      want.gid === undefined ? [] : ["--gid", want.gid, ...(want.non_unique ? ["--non-unique"] : [])];
    const script =
      change.action === "delete"
        ? sh`groupdel -- ${want.name}`
        : change.action === "create"
          ? sh`groupadd ${[...(want.system ? ["--system"] : []), ...gid]} -- ${want.name}`
          : sh`groupmod ${gid} -- ${want.name}`;
    const trials = change.action === "delete" ? [unusedTrial(want.name)] : [];
    return [{ kind: "script", title: change.summary, script, trials }];
  },
});

/** groupdel(8) leaves the primary group of a user alone; a task before may remove the user. */
function unusedTrial(name: string): Trial {
  const script = shellLines(
    sh`gid=$(getent group -- ${name} | cut -d: -f3)`,
    rawShell("getent passwd | while IFS=: read -r user _ _ has _; do"),
    rawShell(
      `  [ "$has" != "$gid" ] || { echo "groupdel: cannot remove the primary group of user '$user'" >&2; exit 8; }`,
    ),
    rawShell("done"),
  );
  return { script, mayBeMade: true };
}
