/** What a program that was not run says of it, behind its name: see `quiet-programs.ts`. */
export const NOT_RUN =
  " was not run: a secret stands in a path, and every user of the host can read its arguments (keep the path out of the vault)";

/** What of stderr says that a program was not run, because it would have shown a secret; undefined where nothing does. */
export function refusedProgram(stderr: string): string | undefined {
  return stderr.split("\n").find((line) => line.includes(NOT_RUN));
}
