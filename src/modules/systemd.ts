import { z } from "zod";
import { type UnitState, unitName, unitState } from "../queries/unit-state.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { defineModule, ModuleFailure } from "./module.ts";

const params = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .regex(/^[A-Za-z0-9:_.@\\-]+$/, {
        error: "must be the name of a unit: letters, digits, `:_.@-`; others as systemd-escape writes them",
      })
      .optional()
      .describe("The unit; without an ending, a service."),
    state: z
      .enum(["started", "stopped", "restarted", "reloaded"])
      .optional()
      .describe("`restarted` and `reloaded` do so every time: they are for handlers."),
    enabled: z.boolean().optional().describe("Whether it starts when the host boots."),
    masked: z.boolean().optional().describe("Whether nothing may start it."),
    daemon_reload: z
      .boolean()
      .default(false)
      .describe("Have systemd read its units anew first, if any has changed."),
    daemon_reexec: z
      .boolean()
      .default(false)
      .describe("Have systemd start itself anew first, as after an update of it. Every time."),
    no_block: z
      .boolean()
      .default(false)
      .describe("Do not wait until it is up: what fails afterwards is not found out."),
    settle_seconds: z
      .number()
      .min(0)
      .max(600)
      .optional()
      .describe(
        "How long a service must have kept running for its start to count. Without it one second, and none for a start of what tells systemd itself that it is ready (`Type=` notify, dbus or oneshot) or is no service.",
      ),
    start_timeout: z
      .number()
      .int()
      .min(1)
      .max(3600)
      .default(90)
      .describe("Seconds within which it must be up."),
  })
  .refine((all) => all.name !== undefined || all.daemon_reload || all.daemon_reexec, {
    error: "give `name`, `daemon_reload: true` or `daemon_reexec: true`",
    path: ["name"],
  });

type Params = z.infer<typeof params>;

/** What systemctl has to be asked for, in order. */
type Verb =
  | "daemon-reexec"
  | "daemon-reload"
  | "unmask"
  | "mask"
  | "enable"
  | "disable"
  | "start"
  | "stop"
  | "restart"
  | "reload";

export const systemd = defineModule<Params, { at: ReturnType<typeof unitState> }, Verb[]>({
  name: "systemd",
  aliases: ["service", "systemd_service"],
  summary: "Services and other units: started, enabled, masked, restarted",
  description:
    "After a start, restart or reload it is waited until the unit is active and has stayed so for a moment; if it does not, the task fails with the last lines of its journal.",
  params,
  examples: [
    {
      title: "Running now and after a reboot",
      yaml: "- systemd:\n    name: pgbouncer\n    state: started\n    enabled: true\n",
    },
    {
      title: "For a handler",
      yaml: "- name: reload nginx\n  systemd:\n    name: nginx\n    state: reloaded\n",
    },
  ],
  returns: {
    active: "systemd's word for whether it runs.",
    enabled: "systemd's word for whether it starts at boot.",
  },
  queries: ({ name }) => ({ at: unitState(unitName(name ?? "init.scope")) }),
  diff: (want, { at }, situation) => {
    const name = unitName(want.name ?? "");
    const missing = want.name !== undefined && at.load === "not-found";
    if (missing && !situation.changesPending && (want.state !== "stopped" || want.enabled === true)) {
      throw new ModuleFailure(`there is no unit ${name}`, {
        hint: "is its package installed? A unit that an earlier task writes needs `daemon_reload: true`",
      });
    }
    const { verbs, differences } = compare(want, at, missing);
    const data = { active: at.active, enabled: at.file };
    if (verbs.length === 0)
      return {
        action: "none",
        reason: `${name} is ${at.active}${at.file === "" ? "" : `, ${at.file}`}`,
        data,
      };
    const acts =
      verbs.includes("restart") ||
      verbs.includes("reload") ||
      verbs.includes("daemon-reexec") ||
      // It need not be up yet when it is asked about.
      want.no_block;
    return {
      action: acts || want.name === undefined ? "run" : "update",
      summary: `${verbs.join(", ")} ${want.name === undefined ? "" : name}`.trim(),
      differences,
      detail: verbs,
      data,
    };
  },
  touches: ({ name }, change) => {
    if (name === undefined) return [];
    const unit = unitName(name);
    const verbs = change?.detail ?? [];
    // A unit that is not up any more has nothing to read anew.
    const again = verbs.includes("restart")
      ? "try-restart"
      : verbs.includes("reload")
        ? "try-reload-or-restart"
        : undefined;
    return [
      { kind: "unit", name: unit },
      ...(again === undefined
        ? []
        : [{ kind: "again" as const, title: `${again} ${unit}`, script: sh`systemctl ${again} -- ${unit}` }]),
    ];
  },
  steps: (change, want) => [
    {
      kind: "script",
      title: change.summary,
      script: systemctlScript(change.detail, unitName(want.name ?? ""), want),
      timeoutMs: (want.start_timeout + (want.settle_seconds ?? 1) + 120) * 1000,
    },
  ],
});

function compare(
  want: Params,
  at: UnitState,
  missing: boolean,
): { verbs: Verb[]; differences: Difference[] } {
  const verbs: Verb[] = [];
  const differences: Difference[] = [];
  const need = (verb: Verb, name: string, before: string, after: string): void => {
    verbs.push(verb);
    differences.push({ kind: "field", name, before, after });
  };
  if (want.daemon_reexec) verbs.push("daemon-reexec");
  if (want.daemon_reload && (at.needsDaemonReload || missing || want.name === undefined))
    verbs.push("daemon-reload");
  const isMasked = at.load === "masked" || at.file.startsWith("masked");
  if (want.masked === true && !isMasked) need("mask", "masked", "no", "yes");
  if (want.masked === false && isMasked) need("unmask", "masked", "yes", "no");
  const isEnabled = ["enabled", "enabled-runtime", "static", "generated", "alias", "indirect"].includes(
    at.file,
  );
  if (want.enabled === true && !isEnabled) need("enable", "enabled", at.file || "disabled", "enabled");
  if (want.enabled === false && ["enabled", "enabled-runtime"].includes(at.file))
    need("disable", "enabled", at.file, "disabled");
  const isUp = at.active === "active" || at.active === "reloading";
  if (want.state === "started" && !isUp) need("start", "state", at.active, "active");
  if (want.state === "stopped" && at.active !== "inactive" && at.active !== "failed")
    need("stop", "state", at.active, "inactive");
  if (want.state === "restarted") need("restart", "state", at.active, "restarted");
  if (want.state === "reloaded") need(isUp ? "reload" : "start", "state", at.active, "reloaded");
  if (verbs.length === 1 && verbs[0] === "daemon-reload" && want.name !== undefined) {
    differences.push({ kind: "field", name: "units", before: "changed on disk", after: "read by systemd" });
  }
  return { verbs, differences };
}

/**
 * A unit that failed and was tried again and again is not started any more for a while (systemd.unit(5), StartLimitBurst), also when what it failed of has been mended: that is for systemd's own
 * attempts.
 */
const FORGET_FAILURES = rawShell('systemctl reset-failed -- "$unit" 2>/dev/null || :');

function systemctlScript(verbs: readonly Verb[], unit: string, want: Params): ShellText {
  const starts = verbs.some((verb) => verb === "start" || verb === "restart" || verb === "reload");
  return shellLines(
    rawShell("set -u"),
    sh`unit=${unit}`,
    rawShell(
      'fail() { systemctl show --property=ActiveState,SubState,Result,ExecMainStatus -- "$unit" | tr "\\n" " " >&2; echo >&2; journalctl --no-pager -o cat -n 15 -u "$unit" >&2 2>/dev/null; exit 1; }',
    ),
    verbs.some((verb) => verb === "start" || verb === "restart") ? FORGET_FAILURES : undefined,
    ...verbs.map((verb) =>
      verb === "daemon-reload" || verb === "daemon-reexec"
        ? sh`systemctl ${verb} || exit 1`
        : starts && verb !== "enable" && verb !== "unmask"
          ? sh`systemctl ${want.no_block ? ["--no-block"] : []} ${verb} -- "$unit" || fail`
          : sh`systemctl ${verb} -- "$unit" || exit 1`,
    ),
    starts && !want.no_block ? awaitActive(want, verbs.includes("reload")) : undefined,
  );
}

/** A unit counts as up when it is active, and still is the same process a moment later. */
function awaitActive(want: Params, reload: boolean): ShellText {
  return shellLines(
    rawShell('state() { systemctl show --property=ActiveState --value -- "$unit"; }'),
    rawShell('restarts() { systemctl show --property=NRestarts --value -- "$unit"; }'),
    sh`left=${want.start_timeout * 5}`,
    rawShell("while :; do"),
    rawShell("  case $(state) in active) break;; failed|inactive) fail;; esac"),
    rawShell('  left=$((left-1)); [ "$left" -gt 0 ] || fail'),
    rawShell("  sleep 0.2"),
    rawShell("done"),
    want.settle_seconds === 0 ? undefined : keepsRunning(want.settle_seconds, reload),
  );
}

/**
 * That the unit is the same process after these seconds. Where none are given, it has not to prove it when systemctl has waited for what says itself that it is ready (systemd.service(5), Type=),
 * or when it is no service and has no process. Only Type=notify-reload says so of a reload as well: any other may end of what it has just read.
 */
function keepsRunning(seconds: number | undefined, reload: boolean): ShellText {
  const telling = rawShell(reload ? "notify-reload" : "notify|notify-reload|dbus|oneshot");
  return shellLines(
    seconds === undefined
      ? sh`case $(systemctl show --property=Type --value -- "$unit") in ''|${telling}) exit 0;; esac`
      : undefined,
    rawShell("before=$(restarts)"),
    sh`sleep ${seconds ?? 1}`,
    rawShell('[ "$(state)" = active ] && [ "$(restarts)" = "$before" ] || fail'),
  );
}
