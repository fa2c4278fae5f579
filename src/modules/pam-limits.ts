import { z } from "zod";
import {
  diffEditedFile,
  type EditChange,
  editedFileQuery,
  editedFileSteps,
  type FileEdit,
  joinLines,
  linesOf,
} from "./edited-file.ts";
import { defineModule } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

/** limits.conf(5) of Linux-PAM 1.5. */
const ITEMS = [
  "core",
  "data",
  "fsize",
  "memlock",
  "nofile",
  "rss",
  "stack",
  "cpu",
  "nproc",
  "as",
  "maxlogins",
  "maxsyslogins",
  "priority",
  "locks",
  "sigpending",
  "msgqueue",
  "nice",
  "rtprio",
  "chroot",
  "nonewprivs",
] as const;

const UNLIMITED = ["unlimited", "infinity", "-1"];

const params = z
  .strictObject({
    domain: z
      .string()
      .regex(/^\S+$/, { error: "must be a user, @group, %group, `*` or a range of numbers, without blanks" })
      .describe("For whom: a user, `@group`, `%group`, `*` or a range of numbers."),
    limit_type: z.enum(["hard", "soft", "-"]).describe("Which limit; `-` is both."),
    limit_item: z.enum(ITEMS).describe("What is limited."),
    value: z
      .union(
        [
          z.number().int(),
          z
            .string()
            .regex(/^(unlimited|infinity|-?\d+)$/, { error: "must be a number, `unlimited` or `infinity`" }),
        ],
        {
          error: "must be a number, `unlimited` or `infinity`",
        },
      )
      .transform(String)
      .optional()
      .describe("The limit: a number, `unlimited` or `infinity`."),
    state: z.enum(["present", "absent"]).default("present").describe("Whether there is such a limit."),
    use_max: z.boolean().default(false).describe("A higher limit that is there already stays."),
    use_min: z.boolean().default(false).describe("A lower limit that is there already stays."),
    comment: z
      .string()
      .regex(/^[^\n]*$/, { error: "must be one line" })
      .default("")
      .describe("A comment behind the limit."),
    dest: absolutePath
      .default("/etc/security/limits.conf")
      .describe("The file; those in /etc/security/limits.d are read after it."),
    backup: z
      .boolean()
      .default(false)
      .describe("Keep the replaced file beside it, with the date in its name."),
  })
  .refine(({ state, value }) => state === "absent" || value !== undefined, {
    error: "give the `value`",
    path: ["value"],
  })
  .refine(({ use_max, use_min }) => !use_max || !use_min, {
    error: "can't be with `use_max`: one of them",
    path: ["use_min"],
  });

type Params = z.infer<typeof params>;

export const pamLimits = defineModule<Params, { at: ReturnType<typeof editedFileQuery> }, EditChange>({
  name: "pam_limits",
  summary: "A limit of what a user's sessions may use",
  description:
    "Written into /etc/security/limits.conf; it counts for sessions that begin from then on. Services of systemd do not read it: they have LimitNOFILE and its like in their units (`systemd_unit`).",
  params,
  examples: [
    {
      title: "More open files",
      yaml: "- pam_limits:\n    domain: postgres\n    limit_type: '-'\n    limit_item: nofile\n    value: 65536\n",
    },
    {
      title: "No limit of ours any more",
      yaml: "- pam_limits:\n    domain: postgres\n    limit_type: '-'\n    limit_item: nofile\n    state: absent\n",
    },
  ],
  returns: { dest: "Path of the file.", checksum: "SHA-256 of its content." },
  queries: ({ dest }) => ({ at: editedFileQuery(dest) }),
  diff: (want, { at }, situation) => diffEditedFile(editOf(want), at, situation),
  steps: (change, want) => editedFileSteps(editOf(want), change.detail),
});

function editOf(want: Params): FileEdit {
  return {
    path: want.dest,
    create: true,
    backup: want.backup,
    edit: (text) => edited(want, text),
  };
}

/** The last line for the same thing is the one that counts: it is changed where it stands, and others before it go. */
function edited(want: Params, text: string): string {
  const lines = linesOf(text);
  const matches = lines.flatMap((line, index) => (concerns(want, line) ? [index] : []));
  const last = matches.at(-1);
  const kept = lines.filter((_, index) => !matches.includes(index) || index === last);
  if (want.state === "absent") return joinLines(lines.filter((_, index) => !matches.includes(index)));
  const limit = limitOf(want, last === undefined ? undefined : lines[last]);
  if (last === undefined) {
    // Debian's file ends with this remark.
    const end = kept.findIndex((line) => /^#\s*End of file/i.test(line));
    kept.splice(end === -1 ? kept.length : end, 0, limit);
    return joinLines(kept);
  }
  return joinLines(kept.map((line) => (line === lines[last] && concerns(want, line) ? limit : line)));
}

function concerns(want: Params, line: string): boolean {
  const [domain, type, item] = wordsOf(line);
  return domain === want.domain && type === want.limit_type && item === want.limit_item;
}

/** A line that says the same in other blanks stays as it is. */
function limitOf(want: Params, before: string | undefined): string {
  const current = before === undefined ? undefined : wordsOf(before)[3];
  const value = chosen(want, want.value ?? "", current);
  const comment = want.comment === "" ? "" : `\t# ${want.comment}`;
  if (
    before !== undefined &&
    current === value &&
    (want.comment === "" || before.endsWith(`# ${want.comment}`))
  )
    return before;
  return `${[want.domain, want.limit_type, want.limit_item, value].join("\t")}${comment}`;
}

function chosen({ use_max, use_min }: Params, value: string, current: string | undefined): string {
  if (current === undefined || (!use_max && !use_min)) return value;
  const size = (text: string): number => (UNLIMITED.includes(text) ? Number.POSITIVE_INFINITY : Number(text));
  const keeps = use_max ? size(current) >= size(value) : size(current) <= size(value);
  return keeps ? current : value;
}

function wordsOf(line: string): string[] {
  return line.replace(/#.*/, "").trim().split(/\s+/);
}
