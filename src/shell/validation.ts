import { type ShellText, sh } from "./shell-text.ts";

/** Exit code when the `validate` command refused the new content (sysexits.h EX_DATAERR). */
export const VALIDATION_FAILED = 65;

/** Looks at the file `content` in the folder where the shell is, as users have written it, `%s` being the file. A mistake in it, such as a parenthesis that is left open, ends it and nothing else. */
export function validationOf(command: string): ShellText {
  return sh`( eval ${command.replaceAll("%s", '"$PWD"/content')} ) </dev/null >&2`;
}
