import { z } from "zod";
import type { pathState } from "../queries/path-state.ts";
import { unitState } from "../queries/unit-state.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import {
  diffManagedFile,
  type ManagedFile,
  managedFileQuery,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { defineLoadingModule } from "./module.ts";
import { accountName } from "./parameter-types.ts";
import type { Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";
import { hardeningSettings } from "./systemd-hardening.ts";
import { section, sectionsText, type UnitSection, verifyCommand } from "./systemd-unit-text.ts";

const line = z
  .string()
  .min(1)
  .regex(/^[^\n]+$/, { error: "must be one line" });
const lines = z.union([line, z.array(line).min(1)]);

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9:_.-]+$/, { error: "must be the name of a unit, without its ending" })
      .refine((name) => !/\.(timer|service)$/.test(name), { error: "must be without its ending" })
      .describe("The timer, and the service that it starts, without ending."),
    description: line.optional().describe("What it is for."),
    command: lines
      .optional()
      .describe(
        "What runs, with absolute paths; several run one after another. No shell: write `/bin/sh -c '…'` for one.",
      ),
    on_calendar: lines
      .optional()
      .describe("When, as systemd.time(7) has it: `daily`, `Mon..Fri 04:00`, `*-*-* *:0/15`."),
    on_boot_sec: line.optional().describe("So long after boot, such as 15min."),
    on_unit_active_sec: line.optional().describe("So long after it was started last, such as 1h."),
    persistent: z
      .boolean()
      .default(true)
      .describe("What was missed while the host was down is made up for (of `on_calendar`)."),
    randomized_delay_sec: line
      .optional()
      .describe("Put off by a random time up to this, so that a fleet does not start as one."),
    user: accountName.optional().describe("As whom the command runs; without it, root."),
    hardening: z
      .enum(["none", "default", "strict"])
      .default("none")
      .describe("Restrictions for the service, as of `systemd_unit`."),
    service: section.default({}).describe("More settings of the section [Service] of the service."),
    timer: section.default({}).describe("More settings of the section [Timer]."),
    enabled: z.boolean().default(true).describe("Whether it is started, now and at boot."),
    state: z.enum(["present", "absent"]).default("present").describe("Whether it should be there."),
  })
  .refine(({ state, command }) => state === "absent" || command !== undefined, {
    error: "give the `command`",
    path: ["command"],
  })
  .refine(
    ({ state, on_calendar, on_boot_sec, on_unit_active_sec, timer }) =>
      state === "absent" ||
      (on_calendar ?? on_boot_sec ?? on_unit_active_sec) !== undefined ||
      Object.keys(timer).length > 0,
    { error: "say when: `on_calendar`, `on_boot_sec` or `on_unit_active_sec`", path: ["on_calendar"] },
  );

type Params = z.infer<typeof params>;

interface Input {
  want: Params;
  service: ManagedFile;
  timer: ManagedFile;
}

interface TimerChange {
  service: boolean;
  timer: boolean;
}

export const systemdTimer = defineLoadingModule<
  Params,
  Input,
  {
    service: ReturnType<typeof pathState>;
    timer: ReturnType<typeof pathState>;
    unit: ReturnType<typeof unitState>;
  },
  TimerChange
>({
  name: "systemd_timer",
  summary: "A command that systemd runs at certain times",
  description:
    "One task in the place of a line of cron: it makes the service and the timer, checks times and units before they are put in place (a time that systemd can't read would only be ignored by it), and starts the timer. What the command says is in the journal (`journalctl -u NAME`), two runs never overlap, and its restrictions are those of any service. For units of another form there are `systemd_unit` and `systemd`. Ansible has no such module.",
  params,
  examples: [
    {
      title: "A nightly job",
      yaml: "- systemd_timer:\n    name: prune-archive\n    command: /usr/bin/find /srv/archive -mtime +30 -delete\n    on_calendar: '*-*-* 03:00'\n    randomized_delay_sec: 30min\n    user: archive\n    hardening: default\n",
    },
    { title: "Gone", yaml: "- systemd_timer:\n    name: prune-archive\n    state: absent\n" },
  ],
  returns: { timer: "The timer's full name.", next: "Whether it is started: `active` or not." },
  load: async (want) => ({ want, service: fileOf(want, "service"), timer: fileOf(want, "timer") }),
  queries: ({ want, service, timer }, situation) => ({
    service: managedFileQuery(service.path, false, situation),
    timer: managedFileQuery(timer.path, false, situation),
    unit: unitState(`${want.name}.timer`),
  }),
  diff: ({ want, service, timer }, answers, situation) => {
    const { unit } = answers;
    const data = { timer: `${want.name}.timer`, next: unit.active };
    const isThere = answers.service.type !== "absent" || answers.timer.type !== "absent";
    if (want.state === "absent") {
      if (!isThere) return { action: "none", reason: `there is no timer ${want.name}`, data };
      return {
        action: "delete",
        summary: `remove the timer ${want.name}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
        detail: { service: true, timer: true },
      };
    }
    const changes = [
      diffManagedFile(service, answers.service, situation),
      diffManagedFile(timer, answers.timer, situation),
    ];
    const differences: Difference[] = changes.flatMap((change) =>
      change.action === "none" ? [] : change.differences,
    );
    const compare = (name: string, before: boolean): void => {
      if (before !== want.enabled)
        differences.push({ kind: "field", name, before: String(before), after: String(want.enabled) });
    };
    compare("started", unit.active === "active");
    compare("enabled", unit.file === "enabled");
    if (unit.needsDaemonReload)
      differences.push({
        kind: "field",
        name: "read by systemd",
        before: "an older version",
        after: "this one",
      });
    if (differences.length === 0)
      return { action: "none", reason: `the timer ${want.name} is as wanted`, data };
    return {
      action: isThere ? "update" : "create",
      summary: `set up the timer ${want.name}`,
      differences,
      detail: { service: changes[0]?.action !== "none", timer: changes[1]?.action !== "none" },
      data,
    };
  },
  touches: ({ want, service, timer }) => [
    { kind: "unit", name: `${want.name}.timer` },
    ...pathsTouched(service.path, timer.path),
  ],
  steps: (change, { want, service, timer }): Step[] => {
    const name = `${want.name}.timer`;
    if (change.action === "delete")
      return [
        {
          kind: "script",
          title: change.summary,
          script: shellLines(
            rawShell("set -e"),
            sh`[ ! -e ${timer.path} ] || systemctl --quiet disable --now ${name}`,
            sh`rm -f -- ${service.path} ${timer.path}`,
            rawShell("systemctl daemon-reload"),
          ),
        },
      ];
    const calendars = [want.on_calendar ?? []].flat();
    const timesScript = sh`systemd-analyze calendar -- ${calendars} >/dev/null`;
    const everything = { rewrite: true, attributes: true };
    return [
      ...(calendars.length === 0
        ? []
        : [
            {
              kind: "script" as const,
              title: "check the times",
              script: timesScript,
              trials: [{ script: timesScript }],
            },
          ]),
      ...(change.detail.service ? managedFileSteps(service, everything) : []),
      ...(change.detail.timer ? managedFileSteps(timer, everything) : []),
      {
        kind: "script",
        title: change.summary,
        script: shellLines(
          rawShell("set -e; systemctl daemon-reload"),
          want.enabled
            ? sh`systemctl --quiet enable ${name}; systemctl --quiet restart ${name}`
            : sh`systemctl --quiet disable --now ${name}`,
        ),
      },
    ];
  },
});

function fileOf(want: Params, kind: "service" | "timer"): ManagedFile {
  const unit = `${want.name}.${kind}`;
  return {
    path: `/etc/systemd/system/${unit}`,
    content: textContent(kind === "service" ? serviceText(want) : timerText(want)),
    owner: "root",
    group: "root",
    mode: "0644",
    // A timer without its service would be refused.
    validate:
      kind === "service"
        ? verifyCommand(unit)
        : verifyCommand(unit, { name: `${want.name}.service`, text: serviceText(want) }),
    validateTitle: "systemd-analyze verify",
  };
}

const descriptionOf = ({ description, name }: Params): UnitSection => ({ Description: description ?? name });

function serviceText(want: Params): string {
  return sectionsText([
    ["Unit", descriptionOf(want)],
    [
      "Service",
      {
        ...(hardeningSettings(want.hardening) as UnitSection),
        Type: "oneshot",
        ExecStart: want.command ?? "",
        ...(want.user === undefined ? {} : { User: want.user }),
        ...want.service,
      },
    ],
  ]);
}

function timerText(want: Params): string {
  const given: [string, string | string[] | boolean | undefined][] = [
    ["OnCalendar", want.on_calendar],
    ["OnBootSec", want.on_boot_sec],
    ["OnUnitActiveSec", want.on_unit_active_sec],
    ["Persistent", want.on_calendar === undefined ? undefined : want.persistent],
    ["RandomizedDelaySec", want.randomized_delay_sec],
  ];
  const settings = Object.fromEntries(
    given.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  return sectionsText([
    ["Unit", descriptionOf(want)],
    ["Timer", { ...settings, ...want.timer }],
    ["Install", { WantedBy: "timers.target" }],
  ]);
}
