import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { TransportError } from "../transport/transport.ts";
import { waitSeconds } from "./connect-through.ts";
import { ModuleFailure } from "./module.ts";
import type { Step, StepHost } from "./step.ts";

/**
 * A change that can't lock anybody out (of sshd's settings, of a firewall). Before it counts, what was before is put aside and a timer of systemd is armed that brings it back;
 * the timer is taken away by a connection that was made after the change, with everything the run logs in with. Whatever fails in between (the login, the network, the
 * controller), what was before comes back by itself.
 */
export interface Guard {
  /** Lies on the host until the change is confirmed. */
  folder: string;
  unit: string;
  /** What comes back, such as "the old settings". */
  before: string;
  seconds: number;
}

const PATH = rawShell("PATH=$PATH:/usr/sbin:/sbin; export PATH");

const restoreFile = ({ folder }: Guard): string => `${folder}/restore`;

/** A change that was not confirmed is taken back first: what counts as old must be what was known to work. */
export function settleUnconfirmed(guard: Guard): Step {
  const { folder, unit } = guard;
  return {
    kind: "script",
    title: "make room for the guard",
    touches: [],
    script: shellLines(
      rawShell("set -eu; umask 077"),
      PATH,
      sh`if [ -e ${restoreFile(guard)} ]; then systemctl stop ${`${unit}.timer`} ${`${unit}.service`} 2>/dev/null || true; /bin/sh ${restoreFile(guard)}; fi`,
      sh`rm -rf -- ${folder}; mkdir -p -- ${folder}`,
    ),
  };
}

/**
 * Shell text that makes the change under guard.
 *
 * @param change `putAside` saves what is there now into the guard's folder; `restore` brings that back, and runs on the host alone, when nobody is there any more; `make` makes the
 * change: where it says `|| put_back WHY`, everything is as before at once.
 */
export function guarded(
  guard: Guard,
  { putAside, restore, make }: { putAside: ShellText; restore: ShellText; make: ShellText },
): ShellText {
  const { folder, unit, seconds, before } = guard;
  const file = restoreFile(guard);
  const text = shellLines(
    rawShell("#!/bin/sh"),
    rawShell("# Made by Plumb: brings back what was before when no new connection has confirmed the change."),
    PATH,
    restore,
    sh`logger -t plumb -- ${`the change was not confirmed by a new connection: ${before} are back`} || true`,
    sh`rm -rf -- ${folder}`,
  ).shell;
  return shellLines(
    rawShell("set -eu; umask 077"),
    PATH,
    putAside,
    sh`printf '%s\n' ${text} > ${file}; sync -- ${file}`,
    sh`systemd-run --quiet --collect --unit=${unit} --on-active=${`${seconds}s`} --timer-property=AccuracySec=100ms /bin/sh ${file}`,
    rawShell("put_back() {"),
    rawShell("  said=$1"),
    sh`  systemctl stop ${`${unit}.timer`} || true; /bin/sh ${file} || true`,
    sh`  printf '%s are back: %s\n' ${before} "$said" >&2; exit 1`,
    rawShell("}"),
    make,
  );
}

/** Connects anew, and takes the guard away. */
export function confirmStep(guard: Guard, title: string, hint: string): Step {
  return {
    kind: "controller",
    title,
    run: async (host) => {
      // The machine that Plumb runs on is not reached over a network.
      if (!host.transport.isLocal) await connectAnew(host, guard, hint);
      await disarm(host, guard);
      return {};
    },
  };
}

/** @throws ModuleFailure when it was too late: what was before is back. */
async function disarm(host: StepHost, guard: Guard): Promise<void> {
  const { folder, unit, before, seconds } = guard;
  const disarmed = await host.run(
    shellLines(
      sh`[ -e ${restoreFile(guard)} ] || exit 7`,
      sh`systemctl stop ${`${unit}.timer`} && rm -rf -- ${folder}`,
    ),
  );
  if (disarmed.exitCode === 0) return;
  throw new ModuleFailure(
    disarmed.exitCode === 7
      ? `connecting anew took longer than ${seconds} s, and ${before} are back`
      : `the guard could not be taken away: ${disarmed.stderr.toString().trim()}`,
    { hint: "give it more time: `guard_seconds`" },
  );
}

/** @throws ModuleFailure when nobody could log in any more: what was before is back then, or will be. */
async function connectAnew(host: StepHost, guard: Guard, hint: string): Promise<void> {
  try {
    await reconnect(host, performance.now() + Math.min(guard.seconds / 2, 10) * 1000);
    const result = await host.run(rawShell("true"));
    if (result.exitCode === 0) return;
    throw new Error("the shell on the new connection does not answer");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ModuleFailure(
      `after the change Plumb could not log in any more, and ${await putBack(host, guard)} (${reason})`,
      { cause, hint },
    );
  }
}

/** Over the old connection, if that is still there; otherwise the timer does it. @returns what has become of it. */
async function putBack(host: StepHost, guard: Guard): Promise<string> {
  const { unit, before, seconds } = guard;
  try {
    const result = await host.run(
      shellLines(sh`systemctl stop ${`${unit}.timer`}`, sh`/bin/sh ${restoreFile(guard)}`),
    );
    if (result.exitCode === 0) return `${before} are back`;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
  }
  return `the host brings ${before} back within ${seconds} s`;
}

/** While sshd starts itself anew, for some tens of milliseconds nobody listens. What it refuses for another reason it refuses for good. */
async function reconnect(host: StepHost, untilMs: number): Promise<void> {
  for (;;) {
    try {
      await host.reconnect();
      return;
    } catch (error) {
      const mayPass =
        error instanceof TransportError && ["unreachable", "connection-lost"].includes(error.code);
      if (!mayPass || performance.now() >= untilMs) throw error;
      await waitSeconds(0.2, host);
    }
  }
}
