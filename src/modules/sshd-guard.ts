import { GUARD_FOLDER } from "../queries/sshd-settings.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { confirmStep, type Guard, guarded } from "./connection-guard.ts";
import type { Step } from "./step.ts";

/** A change of sshd's settings that can't lock anybody out. */
export interface GuardedChange {
  /** The file that is written or removed. */
  path: string;
  /** Where the new file waits; undefined: the file is removed. */
  candidate: string | undefined;
  guardSeconds: number;
}

export const sshdGuard = (seconds: number): Guard => ({
  folder: GUARD_FOLDER,
  unit: "plumb-sshd-guard",
  before: "the old settings",
  seconds,
});

/** Debian calls the service ssh, others sshd. A host whose sshd is started by a socket reads its files anew for each connection. */
const RELOAD =
  'for unit in ssh.service sshd.service; do if systemctl -q is-active "$unit"; then systemctl reload "$unit" || exit 1; fi; done';

/** Steps that put the file in place and confirm it. */
export function guardedSteps({ path, candidate, guardSeconds }: GuardedChange): Step[] {
  const guard = sshdGuard(guardSeconds);
  const old = `${GUARD_FOLDER}/old`;
  const incoming = `${path}.plumb-new`;
  const script = guarded(guard, {
    putAside: sh`if [ -f ${path} ]; then cp -p -- ${path} ${old}; fi`,
    restore: shellLines(
      sh`if [ -f ${old} ]; then cp -p -- ${old} ${incoming} && mv -fT -- ${incoming} ${path}; else rm -f -- ${path}; fi || exit 1`,
      rawShell(`(${RELOAD})`),
    ),
    make: shellLines(
      candidate === undefined
        ? sh`rm -f -- ${path}`
        : sh`cp -- ${candidate} ${incoming} && chown root:root ${incoming} && chmod 0644 ${incoming} && sync -- ${incoming} && mv -fT -- ${incoming} ${path}`,
      rawShell('said=$(sshd -t 2>&1) || put_back "sshd -t: $said"'),
      rawShell(`said=$( (${RELOAD}) 2>&1) || put_back "reload: $said"`),
    ),
  });
  return [
    { kind: "script", title: "load the settings of sshd", script },
    confirmStep(
      guard,
      "log in anew",
      "is the user still allowed in, by the key and on the port of the inventory?",
    ),
  ];
}
