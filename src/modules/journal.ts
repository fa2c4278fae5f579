import { z } from "zod";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import type { Value, ValueMap } from "../variables/value.ts";
import { defineModule, ModuleFailure } from "./module.ts";

const PRIORITIES = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] as const;

const word = z
  .string()
  .min(1)
  .regex(/^[^\0\n]+$/, { error: "must be one line" });
const oneOrMore = z.union([word, z.array(word).min(1)]);
const time = word.describe(
  "A time as journalctl(1) takes it: `-1h`, `today`, `2026-01-31 12:00`, `@1767225600`.",
);

const params = z.strictObject({
  unit: oneOrMore.optional().describe("Only what this unit, or one of these, wrote or had written about it."),
  identifier: oneOrMore.optional().describe("Only what was written under this name (syslog identifier)."),
  since: time.optional().describe("From when: `-1h`, `today`, `2026-01-31 12:00`, `@1767225600`."),
  until: time.optional().describe("Until when."),
  boot: z
    .union([z.boolean(), z.number().int()])
    .optional()
    .describe("Only since the last start of the host; a number names another one: -1 is the one before."),
  priority: z
    .union([
      z.enum(PRIORITIES),
      z.number().int().min(0).max(7),
      z.string().regex(/^[a-z0-9]+\.\.[a-z0-9]+$/, {
        error:
          "must be a priority from emerg to debug, a number from 0 to 7, or two with .. between them, such as err..crit",
      }),
    ])
    .optional()
    .describe(
      "This important or more: emerg, alert, crit, err, warning, notice, info, debug. A range: `err..warning`.",
    ),
  match: z
    .record(
      z.string().regex(/^[A-Z0-9_]+$/, { error: "must be a field of the journal, such as _PID" }),
      z.union([word, z.number(), z.array(word)]),
    )
    .default({})
    .describe("Fields of the journal and their values: `_UID: 1000`."),
  grep: word
    .optional()
    .describe("Only messages that match this regular expression (PCRE); all lower case: in either case."),
  lines: z.number().int().min(1).max(10_000).default(100).describe("The last so many entries."),
  fields: z
    .array(z.string().regex(/^[A-Z0-9_]+$/, { error: "must be a field of the journal, such as _PID" }))
    .default([])
    .describe("More fields of each entry, by their names in the journal; they stand in `fields`."),
});

type Params = z.infer<typeof params>;

export const journal = defineModule({
  name: "journal",
  summary: "Entries of the host's journal",
  description:
    "It only reads, in check mode too. With `failed_when` it is a check: that a service has said nothing bad since it was started. What is found depends on the task's user: root sees all.",
  params,
  inCheckMode: "run",
  examples: [
    {
      title: "Has the pooler complained in the last ten minutes?",
      yaml: "- journal:\n    unit: pgbouncer\n    since: -10min\n    priority: warning\n  register: complaints\n  failed_when: complaints.count > 0\n",
    },
    {
      title: "Wait for a line",
      yaml: "- journal:\n    unit: app\n    boot: true\n    grep: ready to serve\n  register: ready\n  until: ready.count > 0\n  retries: 10\n  delay: 1\n",
    },
  ],
  returns: {
    entries:
      "From the oldest to the youngest: time (ISO 8601), timestamp (microseconds since 1970), unit, identifier, pid, priority (a word), message, fields.",
    count: "How many.",
    messages: "The messages alone.",
  },
  queries: () => ({}),
  diff: ({ unit }) => ({
    action: "run",
    summary: unit === undefined ? "read the journal" : `read the journal of ${[unit].flat().join(", ")}`,
    differences: [],
    detail: undefined,
  }),
  steps: (change, want) => [
    {
      kind: "script",
      title: change.summary,
      succeedsWith: "any",
      script: shellLines(
        rawShell(
          'command -v journalctl >/dev/null || { echo "there is no journalctl: only hosts with systemd have a journal" >&2; exit 127; }',
        ),
        sh`exec journalctl ${argumentsOf(want)}`,
      ),
    },
  ],
  result: (want, outputs) => {
    const exec = outputs[0]?.exec;
    const said = exec?.stderr.toString().trim() ?? "";
    const text = exec?.stdout.toString() ?? "";
    // Without a match `--grep` ends with 1, and says nothing.
    if (exec === undefined || (exec.exitCode !== 0 && !(exec.exitCode === 1 && text === "" && said === "")))
      throw new ModuleFailure(`the journal could not be read: ${said || "journalctl did not end"}`);
    if (exec.truncated)
      throw new ModuleFailure("that is more than 16 MiB", { hint: "ask for fewer `lines`" });
    const entries = text.split("\n").flatMap((line) => entryOf(line, want.fields));
    return {
      changed: false,
      message: `${entries.length} entries`,
      data: { entries, count: entries.length, messages: entries.map(({ message }) => message ?? null) },
    };
  },
});

const FIELDS = [
  "_SYSTEMD_UNIT",
  "UNIT",
  "SYSLOG_IDENTIFIER",
  "_COMM",
  "_PID",
  "SYSLOG_PID",
  "PRIORITY",
  "MESSAGE",
];

function argumentsOf(want: Params): string[] {
  const option = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [`--${name}=${value}`];
  const each = (name: string, values: string | readonly string[] | undefined): string[] =>
    [values ?? []].flat().flatMap((value) => option(name, value));
  const boot = want.boot === true ? ["--boot"] : typeof want.boot === "number" ? [`--boot=${want.boot}`] : [];
  return [
    ...["--no-pager", "--quiet", "--output=json", "--all", `--lines=${want.lines}`],
    `--output-fields=${[...FIELDS, ...want.fields].join(",")}`,
    ...each("unit", want.unit),
    ...each("identifier", want.identifier),
    ...option("since", want.since),
    ...option("until", want.until),
    ...boot,
    ...option("priority", want.priority),
    ...option("grep", want.grep),
    ...Object.entries(want.match).flatMap(([name, values]) =>
      [values].flat().map((value) => `${name}=${value}`),
    ),
  ];
}

/** One line of `--output=json`; a field that is no UTF-8 is a list of bytes, one that stands several times a list of texts. */
function entryOf(line: string, more: readonly string[]): ValueMap[] {
  if (line.trim() === "") return [];
  const fields = JSON.parse(line) as Record<string, Value>;
  const text = (name: string): string | undefined => {
    const value = fields[name];
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) return String(value);
    return value.every((byte) => typeof byte === "number")
      ? Buffer.from(value).toString()
      : value.map(String).join("\n");
  };
  const microseconds = Number(text("__REALTIME_TIMESTAMP"));
  const pid = text("_PID") ?? text("SYSLOG_PID");
  return [
    {
      time: new Date(microseconds / 1000).toISOString(),
      timestamp: microseconds,
      // What systemd itself says of a unit names it in UNIT.
      unit: text("UNIT") ?? text("_SYSTEMD_UNIT") ?? null,
      identifier: text("SYSLOG_IDENTIFIER") ?? text("_COMM") ?? null,
      pid: pid === undefined ? null : Number(pid),
      priority: PRIORITIES[Number(text("PRIORITY") ?? 6)] ?? null,
      message: text("MESSAGE") ?? "",
      ...(more.length === 0
        ? {}
        : { fields: Object.fromEntries(more.map((name) => [name, text(name) ?? null])) }),
    },
  ];
}
