import { OPEN_SAFELY } from "../shell/safe-folder.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { type Answered, defineQuery, known, notKnown } from "./query.ts";

/** Files of a directory with their contents; undefined: there is no such directory. */
export type Fragments = ReadonlyMap<string, Buffer> | undefined;

/** The directory's own files, links to files too; none of what lies deeper. A question without directory costs nothing. */
export const fragments = defineQuery<string | undefined, { files: Fragments }>({
  name: "fragments",
  identify: (directory) => directory ?? "",
  script: (directories) => ({
    script: shellLines(
      OPEN_SAFELY,
      ...directories.map((directory, index) =>
        directory === undefined
          ? undefined
          : shellLines(
              sh`printf 'D %s\\n' ${index}; if [ -d ${directory} ]; then`,
              sh`  directory=${directory}; cd -- "$directory" && [ -r . ] || exit 1`,
              rawShell('  echo there; for one in * .[!.]* ..?*; do [ -f "$one" ] || continue'),
              rawShell(
                `    printf 'F '; printf '%s' "$one" | base64 -w0; printf ' '; { plumb_open "\${directory%/}/$one" && base64 -w0 <&8; } || exit 1; exec 8<&-; printf '\\n'`,
              ),
              rawShell("  done"),
              sh`elif [ -e ${directory} ]; then echo file; else echo absent; fi`,
            ),
      ),
    ),
  }),
  parse: (output, directories) => {
    if (output.exitCode !== 0)
      return directories.map(() => notKnown(output.stderr.trim() || `exit ${output.exitCode}`));
    const blocks = new Map(
      output.stdout
        .toString()
        .split(/^D /m)
        .slice(1)
        .map((block) => [Number(block.slice(0, block.indexOf("\n"))), block.split("\n").slice(1)]),
    );
    return directories.map((directory, index): Answered<{ files: Fragments }> => {
      if (directory === undefined) return known({ files: undefined });
      const [state, ...lines] = blocks.get(index) ?? [];
      if (state === "absent") return known({ files: undefined });
      if (state !== "there") return notKnown(`${directory} is no directory`);
      const files = lines.flatMap((line): [string, Buffer][] => {
        const [mark, name = "", content = ""] = line.split(" ");
        return mark === "F" ? [[Buffer.from(name, "base64").toString(), Buffer.from(content, "base64")]] : [];
      });
      return known({ files: new Map(files) });
    });
  },
});
