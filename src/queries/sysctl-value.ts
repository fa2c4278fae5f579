import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known } from "./query.ts";

/** The value of a kernel setting, blanks made single; undefined when the kernel has no such setting. */
export const sysctlValue = defineQuery<string, { value: string | undefined }>({
  name: "sysctl-value",
  identify: (name) => name,
  script: (names) => ({ script: valuesScript(names) }),
  recheck: valuesScript,
  parse: (output, names) => {
    const lines = output.stdout.toString().split("\n");
    return names.map((_, index) => {
      const line = lines[index] ?? "";
      return known({ value: line.startsWith("V ") ? line.slice(2).trim().replace(/\s+/g, " ") : undefined });
    });
  },
});

function valuesScript(names: readonly string[]): ShellText {
  return shellLines(
    ...names.map((name) => {
      const file = `/proc/sys/${name.replaceAll(".", "/")}`;
      return sh`if [ -e ${file} ]; then printf 'V '; cat ${file}; else echo A; fi`;
    }),
    rawShell("exit 0"),
  );
}
