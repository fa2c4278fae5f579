import type { WriteFileStep } from "../modules/step.ts";
import { quote, rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";

/** Exit code when the `validate` command refused the new content (sysexits.h EX_DATAERR). */
export const VALIDATION_FAILED = 65;
/** Exit code when not all of the content arrived (sysexits.h EX_IOERR). */
export const CONTENT_INCOMPLETE = 74;

/**
 * Shell text that replaces a file as a whole or not at all. The content comes on standard input, or from a file that was uploaded before.
 *
 * The temporary file lies in a directory of its own beside the target: that is the same file system, so that the rename is atomic, and a user
 * who may write beside the target can't swap the file for a link before it has its owner and mode. Temporary directories there from a run that was
 * cut off by a power failure are removed: the host's lock says that nobody else is writing.
 *
 * @param keep saves what is there now, right before it is replaced.
 */
export function writeFileScript(
  step: WriteFileStep,
  sizeBytes: number,
  uploadedAs: string | undefined,
  isPrivate: boolean,
  keep?: ShellText,
): ShellText {
  return shellLines(
    rawShell("set -eu"),
    rawShell("umask 077"),
    sh`target=${step.path}`,
    rawShell('directory=$(dirname -- "$target")'),
    rawShell('if [ -d "$target" ]; then echo "$target is a directory" >&2; exit 1; fi'),
    rawShell('if [ ! -d "$directory" ]; then echo "the directory $directory does not exist" >&2; exit 1; fi'),
    rawShell('rm -rf -- "$directory"/.plumb-write.*'),
    rawShell('work=$(mktemp -d -- "$directory/.plumb-write.XXXXXXXX")'),
    rawShell(`trap 'rm -rf -- "$work"' EXIT`),
    rawShell("trap 'exit 1' HUP INT TERM"),
    rawShell('cd -- "$work"'),
    uploadedAs === undefined
      ? rawShell("cat > content")
      : sh`cat -- ${uploadedAs} > content; rm -f -- ${uploadedAs}`,
    sh`if [ "$(wc -c < content)" -ne ${sizeBytes} ]; then echo "only $(wc -c < content) of ${sizeBytes} bytes arrived" >&2; exit ${CONTENT_INCOMPLETE}; fi`,
    ownerText(step),
    modeText(step, isPrivate),
    step.validate === undefined ? undefined : validateText(step.validate),
    rawShell("sync -- content"),
    keep,
    step.backup === true
      ? rawShell('if [ -f "$target" ]; then cp -p -- "$target" "$target.$(date +%Y-%m-%dT%H:%M:%S)~"; fi')
      : undefined,
    rawShell('mv -fT -- content "$target"'),
    rawShell('sync -- "$directory"'),
  );
}

function ownerText(step: WriteFileStep): ShellText {
  if (step.owner === undefined && step.group === undefined) {
    return rawShell('if [ -f "$target" ]; then chown --reference="$target" -- content; fi');
  }
  const owner = `${step.owner ?? ""}${step.group === undefined ? "" : `:${step.group}`}`;
  const rest =
    step.owner === undefined
      ? 'if [ -f "$target" ]; then chown "$(stat -c %u -- "$target")" -- content; fi; '
      : step.group === undefined
        ? 'if [ -f "$target" ]; then chgrp "$(stat -c %g -- "$target")" -- content; fi; '
        : "";
  return rawShell(`${rest}chown -- ${quote(owner)} content`);
}

function modeText(step: WriteFileStep, isPrivate: boolean): ShellText {
  if (step.mode !== undefined) return sh`chmod -- ${step.mode} content`;
  const whenNew = isPrivate ? "0600" : "0644";
  return sh`if [ -f "$target" ]; then chmod --reference="$target" -- content; else chmod -- ${whenNew} content; fi`;
}

function validateText(command: string): ShellText {
  const withPath = command.replaceAll("%s", '"$work"/content');
  return rawShell(`( ${withPath} ) </dev/null >&2 || exit ${VALIDATION_FAILED}`);
}
