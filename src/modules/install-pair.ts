import { goToFolderOf, SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { attributeScript } from "./managed-file.ts";
import { tryOwnerScript } from "./owner-trial.ts";

/** Where a key and its certificate are, and who may read them. */
export interface PairPlace {
  key_path: string;
  cert_path: string;
  owner: string;
  group: string;
  key_mode: string;
  cert_mode: string;
}

/** Where a new key waits beside its place until its certificate is there. */
const waitingKey = ({ key_path }: PairPlace): string => `${key_path}.new`;

/** Makes a key that waits, and prints a signing request for it. Neither is ever an argument, and no name is opened that somebody else could have laid. */
export function newKeyScript(place: PairPlace): ShellText {
  return shellLines(
    rawShell("set -eu; umask 077"),
    SAFE_FOLDER,
    ownersFirst(place),
    goToFolderOf(waitingKey(place)),
    rawShell("key=$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)"),
    rawShell(`rm -f -- "$name"; set -C; printf '%s\\n' "$key" > "$name"; set +C`),
    requestFrom(rawShell("/dev/stdin")),
  );
}

/** Prints a signing request for the key that is there. */
export function requestScript(place: PairPlace): ShellText {
  return shellLines(
    rawShell("set -eu; umask 077"),
    SAFE_FOLDER,
    ownersFirst(place),
    goToFolderOf(place.key_path),
    rawShell('key=$(cat -- "$name")'),
    requestFrom(rawShell("/dev/stdin")),
  );
}

/** Before a key is made that nobody could be given. */
function ownersFirst(place: PairPlace): ShellText {
  return shellLines(
    rawShell('( tried=$(mktemp -d); trap \'rm -rf -- "$tried"\' EXIT; cd -- "$tried"'),
    tryOwnerScript(place),
    rawShell(")"),
  );
}

function requestFrom(key: ShellText): ShellText {
  return sh`printf '%s\\n' "$key" | openssl req -new -key ${key} -subj ${"/CN=request"}`;
}

/** What of a pair is put in place. `waiting`: the key that `newKeyScript` has made. `given`: both are on standard input, a line of base64 each; otherwise the certificate is. */
export type PairSource = "waiting" | "kept key" | "given";

/**
 * `set -e` holds in a subshell as long as nobody asks how it ended: what fails in one ends the script.
 *
 * Puts both in place, one behind the other, when both are whole and on the disk: made in folders of our own beside their places, which nobody else can get into.
 */
export function installPairScript(place: PairPlace, source: PairSource): ShellText {
  const owner = `${place.owner}:${place.group}`;
  const finish = (mode: string): ShellText =>
    sh`chown -h -- ${owner} content; chmod -- ${mode} content; sync -- content`;
  const key =
    source === "given"
      ? rawShell(`printf %s "$line" | base64 -d > content`)
      : shellLines(
          sh`mv -fT -- "../$name".new content`,
          // Who owns the folder could have laid something else there, but nothing of ours.
          rawShell(
            `[ -f content ] && [ ! -L content ] && [ -O content ] && [ "$(stat -c %h content)" = 1 ] || { echo "the new key beside $target was swapped by somebody" >&2; exit 1; }`,
          ),
        );
  return shellLines(
    rawShell("set -eu; umask 077"),
    SAFE_FOLDER,
    source === "given" ? rawShell("IFS= read -r line") : undefined,
    rawShell("("),
    goToFolderOf(place.cert_path),
    rawShell("plumb_work || exit 1"),
    source === "given"
      ? rawShell(`IFS= read -r second; printf %s "$second" | base64 -d > content`)
      : rawShell("cat > content"),
    finish(place.cert_mode),
    ...(source === "kept key"
      ? []
      : [
          rawShell("("),
          goToFolderOf(place.key_path),
          rawShell("plumb_work || exit 1"),
          key,
          finish(place.key_mode),
          rawShell('mv -fT -- content "../$name"; sync -- ..'),
          rawShell(")"),
        ]),
    rawShell('mv -fT -- content "../$name"; sync -- ..'),
    rawShell(")"),
    pairAttributesScript(place),
  );
}

/** Owner and mode of a key and its certificate. */
export function pairAttributesScript(place: PairPlace): ShellText {
  const { owner, group } = place;
  return shellLines(
    attributeScript({ path: place.key_path, owner, group, mode: place.key_mode }),
    attributeScript({ path: place.cert_path, owner, group, mode: place.cert_mode }),
  );
}

/** Takes files away, each from the folder where it really is. */
export function removeScript(...paths: readonly string[]): ShellText {
  return shellLines(
    rawShell("set -eu"),
    SAFE_FOLDER,
    ...paths.flatMap((path) => [
      // Where there is no folder there is no file in it.
      sh`if [ -e ${path} ] || [ -L ${path} ]; then (`,
      goToFolderOf(path),
      rawShell('rm -f -- "$name"'),
      rawShell(") || exit 1; fi"),
    ]),
  );
}
