import { lstatSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { inputError } from "./diagnostic.ts";

const everybodyWrites = (is: Stats | undefined): boolean => is !== undefined && (is.mode & 0o002) !== 0;
const isSticky = (is: Stats | undefined): boolean => is !== undefined && (is.mode & 0o1000) !== 0;

/**
 * Sees to it that what is about to be run or obeyed on the controller can't have been put there by any user of the machine: neither it nor the folder it is in may be
 * writable for everybody. In a folder such as /tmp (sticky) each thing is its owner's, who must be us or root. What is not there is no matter.
 *
 * @param what it is, in words, for the message.
 * @throws DiagnosticsError file-open-to-others
 */
export function refuseOpenToOthers(file: string, what: string): void {
  const itself = statSync(file, { throwIfNoEntry: false });
  if (itself === undefined) return;
  const folder = path.dirname(path.resolve(file));
  const around = statSync(folder, { throwIfNoEntry: false });
  const open =
    everybodyWrites(itself) && !isSticky(itself)
      ? file
      : everybodyWrites(around) && !isSticky(around)
        ? folder
        : undefined;
  if (open !== undefined) {
    throw inputError(
      "file-open-to-others",
      `${what} ${file} is not used: every user of this machine can write to ${open}`,
      {
        hint: `chmod o-w ${open}`,
      },
    );
  }
  // Of a link it counts who has laid it.
  const { uid } = lstatSync(file);
  if (everybodyWrites(around) && uid !== 0 && uid !== process.getuid?.()) {
    throw inputError(
      "file-open-to-others",
      `${what} ${file} is not used: it belongs to another user, in a folder in which everybody may make files`,
      { hint: "work in a folder of your own" },
    );
  }
}
