import { z } from "zod";
import { type Crontab, crontab } from "../queries/crontab.ts";
import type { PathState } from "../queries/path-state.ts";
import type { QueryMap } from "../queries/query.ts";
import { sh } from "../shell/shell-text.ts";
import type { Change } from "./change.ts";
import { isIdle, withJob, withoutJob, withoutVariable, withVariable } from "./crontab-text.ts";
import { editedFileQuery } from "./edited-file.ts";
import { textContent } from "./managed-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { accountName } from "./parameter-types.ts";
import type { Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const DAYS = "sun mon tue wed thu fri sat".split(" ");

/** A field of crontab(5): numbers or names in a range, with `-`, `,`, `/` and `*`. */
function timeField(lowest: number, highest: number, names: readonly string[] = []): z.ZodType<string> {
  const isIn = (text: string): boolean =>
    names.includes(text.toLowerCase()) ||
    (/^\d+$/.test(text) && Number(text) >= lowest && Number(text) <= highest);
  const isPart = (part: string): boolean => {
    const [, range = "", step] = /^([^/]+)(?:\/(\d+))?$/.exec(part) ?? [];
    if (step !== undefined && Number(step) === 0) return false;
    return range === "*" || (range.split("-").length <= 2 && range.split("-").every(isIn));
  };
  return z
    .union([z.string(), z.number()])
    .transform(String)
    .refine((text) => text.split(",").every(isPart), {
      error: `must be as in crontab(5): numbers from ${lowest} to ${highest}${names.length === 0 ? "" : ` or names such as ${names[1]}`}, with * - , and /`,
    });
}

const line = z
  .string()
  .min(1)
  .regex(/^[^\n]+$/, { error: "must be one line" });

const params = z
  .strictObject({
    name: line.describe(
      "What the job is called in a comment before it, as Ansible does; with `env`, the variable.",
    ),
    job: line
      .optional()
      .describe(
        "The command, run by sh; cron takes a `%` for a line end unless `\\` stands before it. With `env`, the value.",
      ),
    state: z.enum(["present", "absent"]).default("present").describe("Whether it is there."),
    user: accountName
      .optional()
      .describe(
        "Whose crontab; with `cron_file`, as whom the job runs. Without it the user as whom the task acts.",
      ),
    cron_file: z
      .string()
      .regex(/^(\/etc\/cron\.d\/)?[A-Za-z0-9_-]+$/, {
        error: "must be the name of a file in /etc/cron.d: letters, digits, `_` and `-`; cron ignores others",
      })
      .optional()
      .describe("A file in /etc/cron.d, instead of a user's crontab."),
    minute: timeField(0, 59).default("*").describe("Minutes: 0 to 59."),
    hour: timeField(0, 23).default("*").describe("Hours: 0 to 23."),
    day: timeField(1, 31).default("*").describe("Days of the month: 1 to 31."),
    month: timeField(1, 12, MONTHS).default("*").describe("Months: 1 to 12, or jan to dec."),
    weekday: timeField(0, 7, DAYS)
      .default("*")
      .describe("Days of the week: 0 to 7 (0 and 7 are Sunday), or sun to sat."),
    special_time: z
      .enum(["reboot", "yearly", "annually", "monthly", "weekly", "daily", "hourly"])
      .optional()
      .describe("Instead of the fields."),
    disabled: z.boolean().default(false).describe("The job stands in a comment."),
    env: z.boolean().default(false).describe("A variable at the top, instead of a job."),
    insertafter: line.optional().describe("With `env`: behind this variable."),
    insertbefore: line.optional().describe("With `env`: before this variable."),
  })
  .refine(({ state, job }) => state === "absent" || job !== undefined, {
    error: "give the `job`",
    path: ["job"],
  })
  .refine(
    ({ special_time, minute, hour, day, month, weekday }) =>
      special_time === undefined || [minute, hour, day, month, weekday].every((field) => field === "*"),
    { error: "can't be with fields such as `minute`", path: ["special_time"] },
  )
  .refine(({ env, name }) => !env || /^[A-Za-z_][A-Za-z0-9_]*$/.test(name), {
    error: "must be the name of a variable",
    path: ["name"],
  });

type Params = z.infer<typeof params>;

interface CronChange {
  text: string;
}

const pathOf = ({ cron_file }: Params): string | undefined =>
  cron_file === undefined ? undefined : `/etc/cron.d/${cron_file.replace(/^.*\//, "")}`;

export const cron = defineModule<Params, QueryMap, CronChange>({
  name: "cron",
  summary: "Jobs of cron, in users' crontabs and in /etc/cron.d",
  description:
    "A job is found again by the comment before it, the same that Ansible writes: jobs that Ansible has made go on to be managed, and other lines are left alone. A user's crontab is put in place by crontab(1), which refuses what cron could not read. A file in /etc/cron.d in which nothing is left is removed. `systemd_timer` is the better cron on hosts with systemd.",
  params,
  examples: [
    {
      title: "Each night",
      yaml: '- cron:\n    name: vacuum\n    user: postgres\n    minute: "30"\n    hour: "3"\n    job: vacuumdb --all --analyze\n',
    },
    {
      title: "In a file of its own, with a variable",
      yaml: "- cron:\n    cron_file: backup\n    name: MAILTO\n    env: true\n    job: ops@example.com\n- cron:\n    cron_file: backup\n    name: backup\n    user: root\n    special_time: daily\n    job: /usr/local/bin/backup\n",
    },
    { title: "Gone", yaml: "- cron:\n    name: vacuum\n    user: postgres\n    state: absent\n" },
  ],
  returns: { cron_file: "The file in /etc/cron.d, if it is one." },
  queries: (want) => {
    const path = pathOf(want);
    return {
      crontab: crontab(path === undefined ? (want.user ?? "") : ""),
      ...(path === undefined ? {} : { file: editedFileQuery(path) }),
    };
  },
  diff: (want, answers, situation): Change<CronChange> => {
    const own = answers["crontab"] as Crontab;
    const file = answers["file"] as PathState | undefined;
    const missing = missingFor(want, own);
    if (missing !== undefined) {
      if (!situation.changesPending) throw missing;
      // An earlier task may bring it, and what it brings may be there by then: nobody can say what this would change.
      return {
        action: "run",
        summary: `set ${want.name}, if an earlier task brings what is missing: ${missing.message}`,
        differences: [],
        detail: { text: "" },
      };
    }
    const before = file === undefined ? own.text : textOf(file);
    const text = edited(want, before);
    const path = pathOf(want);
    const data = { cron_file: path ?? null };
    if (text === before)
      return {
        action: "none",
        reason: `${want.name} is ${want.state === "absent" ? "not there" : "as wanted"}`,
        data,
      };
    return {
      action: want.state === "absent" ? "delete" : before === "" ? "create" : "update",
      summary: `${want.state === "absent" ? "remove" : "set"} ${want.name} in ${path ?? `the crontab of ${want.user ?? "the task's user"}`}`,
      differences: [{ kind: "text", name: path ?? "crontab", before, after: text }],
      detail: { text },
      data,
    };
  },
  touches: (want) => {
    const path = pathOf(want);
    return path === undefined
      ? [{ kind: "lost", what: `the crontab of ${want.user ?? "the task's user"}` }]
      : pathsTouched(path);
  },
  steps: ({ detail, summary }, want): Step[] => {
    const path = pathOf(want);
    if (path === undefined) {
      // Only root may name a user, even if it is the same.
      const whose = sh`set --; [ ${want.user ?? ""} = "" ] || [ ${want.user ?? ""} = "$(id -un)" ] || set -- -u ${want.user ?? ""}; `;
      return [
        {
          kind: "script",
          title: summary,
          script: detail.text === "" ? sh`${whose}crontab "$@" -r` : sh`${whose}crontab "$@" -`,
          stdin: Buffer.from(detail.text),
        },
      ];
    }
    if (detail.text === "") return [{ kind: "script", title: summary, script: sh`rm -f -- ${path}` }];
    const content = textContent(detail.text);
    return [
      { kind: "write-file", title: summary, path, content, owner: "root", group: "root", mode: "0644" },
    ];
  },
});

/** Without which there can be no job. */
function missingFor(want: Params, { hasCron, hasUser }: Crontab): ModuleFailure | undefined {
  if (want.state === "absent") return undefined;
  if (!hasCron)
    return new ModuleFailure("the host has no cron", {
      hint: "install the package cron, or use `systemd_timer`",
    });
  return hasUser ? undefined : new ModuleFailure(`there is no user ${want.user ?? ""}`);
}

/** @throws ModuleFailure when the variable beside which it should stand is not there. */
function edited(want: Params, before: string): string {
  const { name, job = "", env, insertafter, insertbefore } = want;
  if (want.state === "absent") {
    const text = env ? withoutVariable(before, name) : withoutJob(before, name);
    return text !== before && isIdle(text) && !text.includes("#") ? "" : text;
  }
  if (!env) return withJob(before, name, jobLine(want));
  const text = withVariable(before, name, job, { after: insertafter, before: insertbefore });
  if (text === undefined)
    throw new ModuleFailure(
      `there is no variable ${insertafter ?? insertbefore ?? ""} to put ${name} beside`,
    );
  return text;
}

function jobLine(want: Params): string {
  const time =
    want.special_time === undefined
      ? [want.minute, want.hour, want.day, want.month, want.weekday].join(" ")
      : `@${want.special_time}`;
  const user = want.cron_file === undefined ? [] : [want.user ?? "root"];
  return `${want.disabled ? "#" : ""}${[time, ...user, want.job ?? ""].join(" ")}`;
}

function textOf(file: PathState): string {
  if (file.type === "absent") return "";
  if (file.type !== "file" || file.content === undefined)
    throw new ModuleFailure("the file in /etc/cron.d is no file");
  return file.content.toString();
}
