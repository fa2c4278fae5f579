import type { Trial } from "../queries/trial.ts";
import { enterFolderOf } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { VALIDATION_FAILED, validationOf } from "../shell/validation.ts";
import { ownerText, ownerTrials } from "./owner-trial.ts";

/** A file whose content comes into being on the host itself. */
export interface PlacedFile {
  target: string;
  /** Prints the content. */
  make: ShellText;
  owner?: string | undefined;
  group?: string | undefined;
  mode?: string | undefined;
  /** Mode of a new file without `mode`; a path starting with `/`: that of the file there. */
  modeWhenNew: string;
  validate?: string | undefined;
  backup?: boolean | undefined;
}

/** Shell text that makes a file beside its place and moves it there when it is whole, with its owner and mode, checked and synced to disk. */
export function placeFileScript(file: PlacedFile): ShellText {
  return shellLines(
    rawShell("set -eu; umask 077"),
    enterFolderOf(file.target),
    rawShell("plumb_work || exit 1"),
    rawShell('plumb_before "$name"'),
    makeScript(file),
    rawShell("sync -- content"),
    file.backup === true ? rawShell('plumb_backup "$name"') : undefined,
    rawShell('mv -fT -- content "../$name"; sync -- ..'),
  );
}

/** What check mode tries of it: all but putting it in place. `make` must do no more than print. */
export function placeFileTrials(file: PlacedFile): readonly Trial[] {
  if (file.validate === undefined) return ownerTrials({ owner: file.owner, group: file.group });
  const before = shellLines(
    rawShell("set -eu"),
    sh`before=$(stat -L -c %u:%g:%a -- ${file.target} 2>/dev/null) || before=`,
    rawShell("owner=${before%:*}; mode=${before##*:}"),
  );
  return [{ script: shellLines(before, makeScript(file)) }];
}

/** Makes the file `content` in the folder where it is, as it should be. */
function makeScript(file: PlacedFile): ShellText {
  const owner = ownerText(file.owner, file.group);
  return shellLines(
    rawShell("( set -eu"),
    file.make,
    rawShell(") > content"),
    rawShell('[ -z "$owner" ] || chown -- "$owner" content'),
    file.modeWhenNew.startsWith("/")
      ? sh`if [ -n "$mode" ]; then chmod -- "$mode" content; else chmod --reference=${file.modeWhenNew} -- content; fi`
      : sh`chmod -- "\${mode:-${file.modeWhenNew}}" content`,
    owner === "" ? undefined : sh`chown -- ${owner} content`,
    file.mode === undefined ? undefined : sh`chmod -- ${file.mode} content`,
    file.validate === undefined
      ? undefined
      : rawShell(`${validationOf(file.validate).shell} || exit ${VALIDATION_FAILED}`),
  );
}
