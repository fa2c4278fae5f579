import { z } from "zod";
import type { pathState } from "../queries/path-state.ts";
import { quote, sh } from "../shell/shell-text.ts";
import {
  diffManagedFile,
  type FileChange,
  type ManagedFile,
  managedFileQuery,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { defineModule } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import { pathsTouched } from "./subject.ts";

const size = z.union([
  z.number().int().min(0),
  z.string().regex(/^\d+[kMG]?$/, { error: "must be a size such as 100k, 100M or 1G" }),
]);
const commands = z
  .string()
  .min(1)
  .refine((text) => !/^\s*endscript\s*$/m.test(text), { error: "must not contain the line `endscript`" });
const oneLine = z.string().regex(/^[^\n]+$/, { error: "must be one line" });
const count = z.number().int().min(-1);

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, {
        error: "must be letters, digits, `_` and `-`: logrotate skips other names",
      })
      .describe("Name of the file in /etc/logrotate.d."),
    state: z.enum(["present", "absent"]).default("present").describe("Whether the file should be there."),
    paths: z
      .union([absolutePath, z.array(absolutePath).min(1)])
      .optional()
      .describe("The logs; `*` is a pattern."),
    frequency: z
      .enum(["hourly", "daily", "weekly", "monthly", "yearly"])
      .default("daily")
      .describe("How often. `hourly` needs logrotate to be run so often."),
    rotate: count.default(14).describe("How many old logs are kept; -1: all, until `maxage`."),
    maxage: z.number().int().min(0).optional().describe("Days after which an old log is removed."),
    size: size.optional().describe("Rotated when it is larger, whatever the time."),
    minsize: size.optional().describe("Not rotated before it is larger."),
    maxsize: size.optional().describe("Rotated before its time when it is larger."),
    compress: z.boolean().default(true).describe("Old logs are compressed."),
    delaycompress: z
      .boolean()
      .default(false)
      .describe("The youngest old log is not: its writer may still have it open."),
    missingok: z.boolean().default(true).describe("A log that is not there is no error."),
    notifempty: z.boolean().default(true).describe("An empty log stays."),
    copytruncate: z
      .boolean()
      .default(false)
      .describe(
        "Copy the log and empty it, for programs that can't open it anew. Lines in between are lost.",
      ),
    create: z
      .union([
        z.literal(false),
        z.string().regex(/^0?[0-7]{3}( \S+ \S+)?$/, { error: 'must be such as "0640 root adm"' }),
      ])
      .optional()
      .describe('Mode, owner and group of the new log, such as "0640 root adm"; `false`: none is made.'),
    su: z
      .string()
      .regex(/^\S+ \S+$/, { error: "must be a user and a group" })
      .optional()
      .describe("User and group who rotate; needed where others may write to the log's directory."),
    dateext: z.boolean().default(false).describe("Old logs end with a date instead of a number."),
    dateformat: oneLine.optional().describe("What the date looks like."),
    olddir: absolutePath.optional().describe("Where old logs go."),
    sharedscripts: z
      .boolean()
      .default(false)
      .describe("The scripts run once for all logs of `paths`, not once for each."),
    prerotate: commands.optional().describe("Commands before a log is rotated."),
    postrotate: commands.optional().describe("Commands after it."),
    firstaction: commands.optional().describe("Commands before all."),
    lastaction: commands.optional().describe("Commands after all."),
    options: z.array(oneLine).default([]).describe("More directives of logrotate(8), a line each."),
  })
  .refine((all) => all.state === "absent" || all.paths !== undefined, {
    error: "give the `paths`",
    path: ["paths"],
  })
  .refine((all) => !(all.copytruncate && typeof all.create === "string"), {
    error: "`copytruncate` keeps the log itself: `create` has no meaning",
    path: ["create"],
  });

type Params = z.infer<typeof params>;

const fileOf = (want: Params): ManagedFile => ({
  path: `/etc/logrotate.d/${want.name}`,
  content: textContent(textOf(want)),
  owner: "root",
  group: "root",
  mode: "0644",
  validate: validation(want.name),
  validateTitle: "`logrotate -d`",
});

export const logrotate = defineModule<Params, { at: ReturnType<typeof pathState> }, FileChange | undefined>({
  name: "logrotate",
  summary: "How logs are rotated",
  description:
    "One file in /etc/logrotate.d. `logrotate -d` reads it before it counts, together with the files that are there: a directive it does not know, a log that another file rotates already, and a directory that it would refuse to work in are errors. Parameters are named after logrotate's directives.",
  params,
  examples: [
    {
      title: "A log that its writer opens anew on a signal",
      yaml: '- logrotate:\n    name: app\n    paths: [/var/log/app.log]\n    rotate: 30\n    create: "0640 root adm"\n    postrotate: systemctl kill --signal=HUP app\n',
    },
    {
      title:
        "By size, and without a signal: to PgBouncer it is a RELOAD, and before 1.24 that renews its connections to PostgreSQL",
      yaml: "- logrotate:\n    name: pgbouncer\n    paths: /var/log/pgbouncer/*.log\n    size: 100M\n    copytruncate: true\n",
    },
    { title: "No longer", yaml: "- logrotate:\n    name: app\n    state: absent\n" },
  ],
  returns: { dest: "The file.", checksum: "SHA-256 of its content." },
  queries: (want, situation) => ({ at: managedFileQuery(fileOf(want).path, false, situation) }),
  diff: (want, { at }, situation) => {
    const file = fileOf(want);
    if (want.state === "present") return diffManagedFile(file, at, situation);
    if (at.type === "absent") return { action: "none", reason: `${file.path} is not there` };
    return {
      action: "delete",
      summary: `remove ${file.path}`,
      differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
      detail: undefined,
    };
  },
  steps: (change, want) =>
    change.detail === undefined
      ? [
          {
            kind: "script",
            title: change.summary,
            script: sh`rm -f -- ${fileOf(want).path}`,
            touches: pathsTouched(fileOf(want).path),
          },
        ]
      : managedFileSteps(fileOf(want), change.detail),
});

function textOf(want: Params): string {
  const lines = [
    want.frequency,
    `rotate ${want.rotate}`,
    ...valued("maxage", want.maxage),
    ...valued("size", want.size),
    ...valued("minsize", want.minsize),
    ...valued("maxsize", want.maxsize),
    want.compress ? "compress" : "nocompress",
    ...(want.delaycompress ? ["delaycompress"] : []),
    want.missingok ? "missingok" : "nomissingok",
    want.notifempty ? "notifempty" : "ifempty",
    ...(want.copytruncate ? ["copytruncate"] : []),
    ...(want.create === false ? ["nocreate"] : valued("create", want.create)),
    ...valued("su", want.su),
    ...(want.dateext ? ["dateext"] : []),
    ...valued("dateformat", want.dateformat),
    ...valued("olddir", want.olddir),
    ...(want.sharedscripts ? ["sharedscripts"] : []),
    ...want.options,
    ...script("firstaction", want.firstaction),
    ...script("prerotate", want.prerotate),
    ...script("postrotate", want.postrotate),
    ...script("lastaction", want.lastaction),
  ];
  return [
    "# Managed by Plumb: changes by hand are undone by the next run.",
    ...[want.paths ?? []]
      .flat()
      .map((path) => (/^[^\s"{}]+$/.test(path) ? path : `"${path.replaceAll('"', '\\"')}"`)),
    "{",
    ...lines.map((line) => `    ${line}`),
    "}",
    "",
  ].join("\n");
}

function valued(directive: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${directive} ${value}`];
}

function script(directive: string, text: string | undefined): string[] {
  if (text === undefined) return [];
  return [
    directive,
    ...text
      .trimEnd()
      .split("\n")
      .map((line) => `    ${line}`),
    "endscript",
  ];
}

/**
 * logrotate says `error:` and `warning:` and goes on; of some faults its exit code knows nothing. A log that is not there yet is no fault of the file.
 */
function validation(name: string): string {
  return [
    'command -v logrotate >/dev/null || { echo "logrotate is not installed: install its package before" >&2; exit 127; }',
    `set --; for one in /etc/logrotate.d/*; do case $one in */${quote(name)}) ;; *) [ ! -f "$one" ] || set -- "$@" "$one";; esac; done`,
    "own=$(logrotate -d %s 2>&1 | grep -E '^(error|warning): ' | grep -vE '^warning: logrotate in debug mode|^error: stat of .* failed: No such file') || true",
    "twice=$(logrotate -d \"$@\" %s 2>&1 | grep -E '^error: [^ ]*/content:[0-9]+ duplicate log entry') || true",
    `said=$(echo "$own"; echo "$twice"); said=$(echo "$said" | sed "s:[^ ]*/content\\:: line :" | sort -u | grep .) || exit 0`,
    'echo "$said" >&2; exit 1',
  ].join("\n");
}
