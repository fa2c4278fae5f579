import { z } from "zod";
import { type AclAnswer, aclEntries } from "../queries/acl-entries.ts";
import type { Trial } from "../queries/trial.ts";
import { goToFolderOf, OPEN_SAFELY, SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Change, NeededChange } from "./change.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import type { Step } from "./step.ts";

const params = z
  .strictObject({
    path: absolutePath.describe("The file or folder."),
    state: z
      .enum(["query", "present", "absent"])
      .default("query")
      .describe(
        "`query` only tells what is there. `present`: the entry is so. `absent`: there is none for this user or group.",
      ),
    etype: z.enum(["user", "group", "mask", "other"]).optional().describe("Whom the entry is about."),
    entity: z
      .string()
      .regex(/^[^\s:,]*$/, { error: "must be one name or number" })
      .default("")
      .describe("The user or group; without it the file's own."),
    permissions: z
      .string()
      .regex(/^(?=.)r?-?w?-?x?-?$/, { error: "must be of r, w, x and -, such as rwX without X: r-x" })
      .optional()
      .describe("What is allowed: r, w, x, such as `rx` or `r-x`."),
    default: z
      .boolean()
      .default(false)
      .describe("What is made in the folder from now on gets the entry; the folder itself does not."),
    recursive: z.boolean().default(false).describe("Everything below as well, except what links lead to."),
  })
  .refine(({ state, etype }) => state === "query" || etype !== undefined, {
    error: "say whom the entry is about",
    path: ["etype"],
  })
  .refine(({ state, permissions }) => state !== "present" || permissions !== undefined, {
    error: "say what is allowed",
    path: ["permissions"],
  })
  .refine(
    ({ state, etype, entity }) =>
      state !== "absent" || etype === "mask" || (entity !== "" && etype !== "other"),
    {
      error: "is needed: the entries of the file's own user, group and others can't be taken away",
      path: ["entity"],
    },
  );

type Params = z.infer<typeof params>;

export const acl = defineModule<Params, { at: ReturnType<typeof aclEntries> }, undefined>({
  name: "acl",
  summary: "Entries of a file's access control list",
  description:
    "One entry a task; the others stay. The mask follows, as setfacl reckons it. The host needs Debian's package `acl`.",
  params,
  examples: [
    {
      title: "One more reader, of what is there and of what will be",
      yaml: "- acl:\n    path: /srv/reports\n    etype: group\n    entity: auditors\n    permissions: rx\n    recursive: true\n    state: present\n- acl:\n    path: /srv/reports\n    etype: group\n    entity: auditors\n    permissions: rx\n    default: true\n    state: present\n",
    },
    {
      title: "What is there?",
      yaml: "- acl:\n    path: /srv/reports\n  register: reports\n- debug:\n    var: reports.acl\n",
    },
    {
      title: "No longer",
      yaml: "- acl:\n    path: /srv/reports\n    etype: group\n    entity: auditors\n    state: absent\n",
    },
  ],
  returns: { acl: "The entries before, such as `user:ana:r-x`." },
  queries: (want) => ({
    at: aclEntries({
      path: want.path,
      ...(want.recursive && want.state !== "query"
        ? { below: { entry: entryOf(want), wanted: want.state === "present" } }
        : {}),
    }),
  }),
  diff: (want, { at }, { changesPending }): Change<undefined> => {
    if (!at.exists) {
      if (want.state === "present" && changesPending)
        return { action: "update", summary: `allow ${entryOf(want)}`, differences: [], detail: undefined };
      if (want.state === "absent") return { action: "none", reason: `${want.path} is not there` };
      throw new ModuleFailure(`${want.path} is not there`);
    }
    if (want.default && !at.isDirectory)
      throw new ModuleFailure(`${want.path} is no folder: only folders have default entries`);
    const data = { acl: [...at.entries] };
    if (want.state === "query")
      return { action: "none", reason: `${want.path} has ${at.entries.length} entries`, data };
    const change = changeOf(want, at);
    return { ...change, data };
  },
  steps: ({ action, summary }, want): Step[] => [
    {
      kind: "script",
      title: summary,
      script: setfacl(want, action === "delete"),
      trials: entityTrials(want, action),
    },
  ],
});

function changeOf(want: Params, at: Extract<AclAnswer, { exists: true }>): Change<undefined> {
  const isAbsent = want.state === "absent";
  const entry = entryOf(want);
  const begin = `${whoOf(want)}:`;
  const before = at.entries.find((one) => one.startsWith(begin));
  const isSo = isAbsent ? before === undefined : before === entry;
  const others = at.differing.filter((path) => path !== want.path);
  if (isSo && others.length === 0)
    return {
      action: "none",
      reason: isAbsent ? `there is no entry for ${whoOf(want)}` : `${entry} is there`,
    };
  return {
    action: isAbsent ? "delete" : "update",
    summary: `${isAbsent ? "take away" : "allow"} ${isAbsent ? whoOf(want) : entry} on ${want.path}`,
    differences: [
      ...(isSo
        ? []
        : [
            {
              kind: "field" as const,
              name: want.path,
              before: before ?? `no entry for ${whoOf(want)}`,
              after: isAbsent ? `no entry for ${whoOf(want)}` : entry,
            },
          ]),
      ...(others.length === 0
        ? []
        : [{ kind: "field" as const, name: "below", before: shownOf(others), after: "the same" }]),
    ],
    detail: undefined,
  };
}

const shownOf = (paths: readonly string[]): string =>
  paths.length <= 3 ? paths.join(", ") : `${paths.slice(0, 3).join(", ")} and ${paths.length - 3} more`;

const whoOf = (want: Params): string =>
  `${want.default ? "default:" : ""}${want.etype ?? "user"}:${want.entity}`;

/** As getfacl writes it; of `absent` only the beginning. */
function entryOf(want: Params): string {
  if (want.state !== "present") return `${whoOf(want)}:`;
  const given = want.permissions ?? "";
  return `${whoOf(want)}:${[..."rwx"].map((one) => (given.includes(one) ? one : "-")).join("")}`;
}

/** Whether there is such a user or group: setfacl(1) itself says it. */
function entityTrials(want: Params, action: NeededChange["action"]): readonly Trial[] {
  if (action === "delete") return [];
  return [{ script: sh`mkdir probe && setfacl -m ${entryOf(want)} -- probe`, mayBeMade: true }];
}

/**
 * A file or directory is opened and looked at before, and what is set is set on what was opened. Of anything else that is no way, and a name has to do: in a folder where nobody else can change what it means.
 *
 * Default entries of a tree are set folder by folder: setfacl would complain about each file.
 */
function setfacl(want: Params, remove: boolean): ShellText {
  const option = remove ? ["-x", whoOf(want)] : ["-m", entryOf(want)];
  const tree = !want.recursive
    ? undefined
    : want.default
      ? sh`if [ -d "$it" ]; then cd "$it" && find . -type d -exec setfacl ${option} -- {} +; exit; fi`
      : sh`if [ -d "$it" ]; then cd "$it" && setfacl -R -P ${option} -- .; exit; fi`;
  return shellLines(
    OPEN_SAFELY,
    SAFE_FOLDER,
    sh`it=/proc/self/fd/8; if [ ! -f ${want.path} ] && [ ! -d ${want.path} ] || [ ! -r ${want.path} ]; then`,
    goToFolderOf(want.path),
    rawShell(
      'it=$name; owner=$(stat -c %u .); [ "$owner" = 0 ] || [ -O . ] && [ ! -L "$name" ] || { echo "$target is no file, and lies where somebody else can put another thing" >&2; exit 1; }',
    ),
    sh`else plumb_open ${want.path} || exit 1; fi`,
    tree,
    sh`setfacl ${option} -- "$it"`,
  );
}
