import { tryOwnerScript } from "../modules/owner-trial.ts";
import type { WriteFileStep } from "../modules/step.ts";
import { enterFolderOf } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { VALIDATION_FAILED, validationOf } from "../shell/validation.ts";

/** Exit code of a shell that does not find a program (POSIX 2.8.2). */
export const NOT_FOUND = 127;
/** Exit code when not all of the content arrived (sysexits.h EX_IOERR). */
export const CONTENT_INCOMPLETE = 74;

/** Where the content of a file comes from: all of standard input, its next bytes, or a file that was uploaded before. */
export type ContentSource = "input" | "next" | { uploadedAs: string };

/**
 * Shell text that replaces a file as a whole or not at all.
 *
 * The temporary file lies in a directory of its own beside the target: that is the same file system, so that the rename is atomic, and a user
 * who may write beside the target can't swap the file, or a folder on the way to it, for a link (`shell/safe-folder.ts`). Temporary directories there from a run that was
 * cut off by a power failure are removed: the host's lock says that nobody else is writing.
 *
 * @param keep saves what is there now, right before it is replaced.
 */
export function writeFileScript(
  step: WriteFileStep,
  sizeBytes: number,
  source: ContentSource,
  isPrivate: boolean,
  keep?: ShellText,
): ShellText {
  return shellLines(
    rawShell("set -eu"),
    rawShell("umask 077"),
    enterFolderOf(step.path),
    rawShell('if [ -d "$name" ]; then echo "$target is a directory" >&2; exit 1; fi'),
    rawShell("rm -rf -- ./.plumb-write.*"),
    rawShell("plumb_work || exit 1"),
    source === "input"
      ? rawShell("cat > content")
      : source === "next"
        ? sh`head -c ${sizeBytes} > content`
        : sh`cat -- ${source.uploadedAs} > content; rm -f -- ${source.uploadedAs}`,
    sh`if [ "$(wc -c < content)" -ne ${sizeBytes} ]; then echo "only $(wc -c < content) of ${sizeBytes} bytes arrived" >&2; exit ${CONTENT_INCOMPLETE}; fi`,
    rawShell('plumb_before "$name"'),
    ownerText(step),
    modeText(step, isPrivate),
    step.validate === undefined ? undefined : validateText(step.validate),
    rawShell("sync -- content"),
    keep,
    step.backup === true ? rawShell('plumb_backup "$name"') : undefined,
    rawShell('mv -fT -- content "../$name"'),
    rawShell("sync -- .."),
  );
}

/**
 * Shell text that finds out, in a folder of its own, whether the file could be written: its content comes on standard input, gets its owner and mode, and is validated. It
 * ends as `writeFileScript` would, but for a program that is not there: that may come with an earlier task. Without `validate` it is only about owner and group, and needs no content.
 *
 * @returns undefined where there is nothing to find out.
 */
export function tryFileScript(step: WriteFileStep, isPrivate: boolean): ShellText | undefined {
  if (step.validate === undefined) return tryOwnerScript(step);
  return shellLines(
    rawShell("set -eu; cat > content"),
    sh`before=$(stat -L -c %u:%g:%a -- ${step.path} 2>/dev/null) || before=`,
    rawShell("owner=${before%:*}; mode=${before##*:}"),
    ownerText(step),
    modeText(step, isPrivate),
    rawShell(
      `${validationOf(step.validate).shell} || { [ $? -ne ${NOT_FOUND} ] || exit ${NOT_FOUND}; exit ${VALIDATION_FAILED}; }`,
    ),
  );
}

/** Programs name the file that they were shown, in a folder that is gone when somebody reads it. */
export function withoutWorkFolder(said: string, path: string): string {
  return said.replaceAll(/[^\s:'"`]*\/(?:\.plumb-write\.\w{8}|tmp\.\w{10}\/alone)\/content\b/g, path);
}

/** What is said when the script ends otherwise than it should. @param said with the colon before it, or nothing. */
export function describeRefusal(step: WriteFileStep, exitCode: number, said: string): string {
  const head = `${step.path} was not replaced`;
  const reason = withoutWorkFolder(said, step.path);
  if (exitCode === CONTENT_INCOMPLETE) return `${head}: the content did not arrive whole${reason}`;
  if (exitCode !== VALIDATION_FAILED && exitCode !== NOT_FOUND) return `${head}${reason}`;
  const validator = step.validateTitle ?? `\`${step.validate ?? ""}\``;
  return `${head}: ${validator} refused the new content${reason}`;
}

function ownerText(step: WriteFileStep): ShellText {
  const rest =
    step.owner === undefined && step.group === undefined
      ? '[ -z "$owner" ] || chown -- "$owner" content'
      : step.owner === undefined
        ? '[ -z "$owner" ] || chown -- "${owner%:*}" content'
        : step.group === undefined
          ? '[ -z "$owner" ] || chgrp -- "${owner#*:}" content'
          : undefined;
  const wanted = `${step.owner ?? ""}${step.group === undefined ? "" : `:${step.group}`}`;
  return shellLines(
    rest === undefined ? undefined : rawShell(rest),
    wanted === "" ? undefined : sh`chown -- ${wanted} content`,
  );
}

function modeText(step: WriteFileStep, isPrivate: boolean): ShellText {
  if (step.mode !== undefined) return sh`chmod -- ${step.mode} content`;
  return sh`chmod -- "\${mode:-${isPrivate ? "0600" : "0644"}}" content`;
}

function validateText(command: string): ShellText {
  return rawShell(`${validationOf(command).shell} || exit ${VALIDATION_FAILED}`);
}
