import { GUARD_FOLDER } from "../queries/sshd-settings.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { TransportError } from "../transport/transport.ts";
import { waitSeconds } from "./connect-through.ts";
import { ModuleFailure } from "./module.ts";
import type { Step, StepHost } from "./step.ts";

/**
 * A change of sshd's settings that can't lock anybody out. Before the new file counts, the old one is put aside and a timer of systemd is armed that puts
 * it back; the timer is taken away by a connection that was made after the reload, with everything the run logs in with. Whatever fails in between
 * (the login, the network, the controller), the old settings come back by themselves.
 */
export interface GuardedChange {
  /** The file that is written or removed. */
  path: string;
  /** Where the new file waits; undefined: the file is removed. */
  candidate: string | undefined;
  guardSeconds: number;
}

const GUARD_UNIT = "plumb-sshd-guard";
const RESTORE = `${GUARD_FOLDER}/restore`;

/** Debian calls the service ssh, others sshd. A host whose sshd is started by a socket reads its files anew for each connection. */
const RELOAD =
  'for unit in ssh.service sshd.service; do if systemctl -q is-active "$unit"; then systemctl reload "$unit" || exit 1; fi; done';

const SSHD_PATH = rawShell("PATH=$PATH:/usr/sbin:/sbin; export PATH");

/** A change that was not confirmed is taken back first: what counts as old must be what was known to work. */
export function settleUnconfirmed(): Step {
  return {
    kind: "script",
    title: "make room for the guard",
    script: shellLines(
      rawShell("set -eu; umask 077"),
      SSHD_PATH,
      sh`if [ -e ${RESTORE} ]; then systemctl stop ${`${GUARD_UNIT}.timer`} ${`${GUARD_UNIT}.service`} 2>/dev/null || true; /bin/sh ${RESTORE}; fi`,
      sh`rm -rf -- ${GUARD_FOLDER}; mkdir -p -- ${GUARD_FOLDER}`,
    ),
  };
}

/** Steps that put the file in place and confirm it. */
export function guardedSteps(change: GuardedChange): Step[] {
  return [
    { kind: "script", title: "load the settings of sshd", script: loadScript(change) },
    {
      kind: "controller",
      title: "log in anew",
      run: async (host) => {
        await confirm(host, change);
        return {};
      },
    },
  ];
}

function loadScript({ path, candidate, guardSeconds }: GuardedChange): ShellText {
  const incoming = `${path}.plumb-new`;
  return shellLines(
    rawShell("set -eu; umask 077"),
    SSHD_PATH,
    sh`if [ -f ${path} ]; then cp -p -- ${path} ${`${GUARD_FOLDER}/old`}; fi`,
    sh`printf '%s\n' ${restoreText(path)} > ${RESTORE}; sync -- ${RESTORE}`,
    sh`systemd-run --quiet --collect --unit=${GUARD_UNIT} --on-active=${`${guardSeconds}s`} --timer-property=AccuracySec=100ms /bin/sh ${RESTORE}`,
    rawShell("put_back() {"),
    rawShell("  said=$1"),
    sh`  systemctl stop ${`${GUARD_UNIT}.timer`} || true; /bin/sh ${RESTORE} || true`,
    rawShell('  printf "the old settings are back: %s\\n" "$said" >&2; exit 1'),
    rawShell("}"),
    candidate === undefined
      ? sh`rm -f -- ${path}`
      : sh`cp -- ${candidate} ${incoming} && chown root:root ${incoming} && chmod 0644 ${incoming} && sync -- ${incoming} && mv -fT -- ${incoming} ${path}`,
    rawShell('said=$(sshd -t 2>&1) || put_back "sshd -t: $said"'),
    rawShell(`said=$( (${RELOAD}) 2>&1) || put_back "reload: $said"`),
  );
}

/** Runs on the host alone, when nobody is there any more: it must not need anything. */
function restoreText(path: string): string {
  return shellLines(
    rawShell("#!/bin/sh"),
    rawShell(
      "# Made by Plumb: puts sshd's settings back when no new connection has confirmed the changed ones.",
    ),
    SSHD_PATH,
    sh`if [ -f ${`${GUARD_FOLDER}/old`} ]; then cp -p -- ${`${GUARD_FOLDER}/old`} ${`${path}.plumb-new`} && mv -fT -- ${`${path}.plumb-new`} ${path}; else rm -f -- ${path}; fi || exit 1`,
    rawShell(`(${RELOAD})`),
    sh`logger -t plumb -- ${`${path}: the change was not confirmed by a new connection; the old settings are back`} || true`,
    sh`rm -rf -- ${GUARD_FOLDER}`,
  ).shell;
}

/** @throws ModuleFailure when nobody could log in any more: the old settings are back then, or will be. */
async function confirm(host: StepHost, { guardSeconds }: GuardedChange): Promise<void> {
  // The machine that Plumb runs on is not reached through sshd.
  if (!host.transport.isLocal) await logInAnew(host, guardSeconds);
  const disarmed = await host.run(
    shellLines(
      sh`[ -e ${RESTORE} ] || exit 7`,
      sh`systemctl stop ${`${GUARD_UNIT}.timer`} && rm -rf -- ${GUARD_FOLDER}`,
    ),
  );
  if (disarmed.exitCode === 0) return;
  throw new ModuleFailure(
    disarmed.exitCode === 7
      ? `logging in anew took longer than ${guardSeconds} s, and the old settings are back`
      : `the guard could not be taken away: ${disarmed.stderr.toString().trim()}`,
    { hint: "give it more time: `guard_seconds`" },
  );
}

async function logInAnew(host: StepHost, guardSeconds: number): Promise<void> {
  try {
    await reconnect(host, Date.now() + Math.min(guardSeconds / 2, 10) * 1000);
    const result = await host.run(rawShell("true"));
    if (result.exitCode === 0) return;
    throw new Error("the shell on the new connection does not answer");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ModuleFailure(
      `with these settings Plumb could not log in any more, and ${await putBack(host, guardSeconds)} (${reason})`,
      { cause, hint: "is the user still allowed in, by the key and on the port of the inventory?" },
    );
  }
}

/** Over the old connection, if that is still there; otherwise the timer does it. @returns what has become of the old settings. */
async function putBack(host: StepHost, guardSeconds: number): Promise<string> {
  try {
    const result = await host.run(
      shellLines(sh`systemctl stop ${`${GUARD_UNIT}.timer`}`, sh`/bin/sh ${RESTORE}`),
    );
    if (result.exitCode === 0) return "the old settings are back";
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
  }
  return `the host puts the old settings back within ${guardSeconds} s`;
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
      if (!mayPass || Date.now() >= untilMs) throw error;
      await waitSeconds(0.2, host);
    }
  }
}
