import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";

/** A file whose content comes into being on the host itself. */
export interface PlacedFile {
  target: string;
  /** Writes `$work/content`. */
  make: ShellText;
  owner?: string | undefined;
  group?: string | undefined;
  mode?: string | undefined;
  /** Mode of a new file without `mode`; a path starting with `/`: that of the file there. */
  modeWhenNew: string;
  validate?: string | undefined;
  backup?: boolean | undefined;
}

/** Exit code when the `validate` command refused the new content (sysexits.h EX_DATAERR). */
const VALIDATION_FAILED = 65;

/** Shell text that makes a file beside its place and moves it there when it is whole, with its owner and mode, checked and synced to disk. */
export function placeFileScript(file: PlacedFile): ShellText {
  const owner = `${file.owner ?? ""}${file.group === undefined ? "" : `:${file.group}`}`;
  return shellLines(
    rawShell("set -eu; umask 077"),
    sh`target=${file.target}; directory=$(dirname -- "$target")`,
    rawShell('[ -d "$directory" ] || { echo "the directory $directory is not there" >&2; exit 1; }'),
    rawShell('work=$(mktemp -d -- "$directory/.plumb-write.XXXXXXXX")'),
    rawShell(`trap 'rm -rf -- "$work"' EXIT; trap 'exit 1' HUP INT TERM`),
    file.make,
    file.modeWhenNew.startsWith("/")
      ? sh`reference=${file.modeWhenNew}; new() { chmod --reference="$reference" -- "$work/content"; }`
      : sh`new() { chmod ${file.modeWhenNew} -- "$work/content"; }`,
    rawShell(
      'if [ -f "$target" ]; then chown --reference="$target" -- "$work/content"; chmod --reference="$target" -- "$work/content"; else new; fi',
    ),
    owner === "" ? undefined : sh`chown -- ${owner} "$work/content"`,
    file.mode === undefined ? undefined : sh`chmod -- ${file.mode} "$work/content"`,
    file.validate === undefined
      ? undefined
      : rawShell(
          `( ${file.validate.replaceAll("%s", '"$work"/content')} ) </dev/null >&2 || exit ${VALIDATION_FAILED}`,
        ),
    rawShell('sync -- "$work/content"'),
    file.backup === true
      ? rawShell('if [ -f "$target" ]; then cp -p -- "$target" "$target.$(date +%Y-%m-%dT%H:%M:%S)~"; fi')
      : undefined,
    rawShell('mv -fT -- "$work/content" "$target"; sync -- "$directory"'),
  );
}
