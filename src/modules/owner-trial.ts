import type { Trial } from "../queries/trial.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";

interface Ownership {
  owner?: string | undefined;
  group?: string | undefined;
}

/** As chown(1) takes it. */
export function ownerText(owner: string | undefined, group: string | undefined): string {
  return `${owner ?? ""}${group === undefined ? "" : `:${group}`}`;
}

/** Whether the task's user can give a file to these: chown(1) itself says it in check mode, in the words in which it would say it in the run. */
export function ownerTrials({ owner, group }: Ownership): readonly Trial[] {
  const script = tryOwnerScript({ owner, group });
  return script === undefined ? [] : [{ script, mayBeMade: true }];
}

/** Shell text that fails where chown(1) would; undefined where nobody is named. */
export function tryOwnerScript({ owner, group }: Ownership): ShellText | undefined {
  const wanted = ownerText(owner, group);
  return wanted === ""
    ? undefined
    : shellLines(rawShell("set -e; : > content"), sh`chown -- ${wanted} content`);
}
