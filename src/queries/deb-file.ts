import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, nothingAsked, notKnown } from "./query.ts";

/** What is in a package file, and what of it is installed. */
export type DebFile =
  | { exists: false }
  | {
      exists: true;
      name: string;
      version: string;
      /** undefined: not installed. */
      installed: string | undefined;
      /** The installed version is later than the one in the file. */
      isOlder: boolean;
    };

/** Package files on the host, as dpkg-deb(1) reads them. undefined: nothing is asked. */
export const debFile = defineQuery<string | undefined, DebFile>({
  name: "deb-file",
  recheck: nothingAsked,
  identify: (path) => path ?? "",
  script: (paths) => ({
    script: shellLines(
      ...paths.map((path, index) =>
        path === undefined
          ? undefined
          : shellLines(
              sh`index=${index}; path=${path}`,
              rawShell('if [ ! -e "$path" ]; then echo "$index none"; else'),
              rawShell(
                '  name=$(dpkg-deb -f "$path" Package) && version=$(dpkg-deb -f "$path" Version) && {',
              ),
              rawShell(
                "  installed=$(dpkg-query -W -f='${db:Status-Status} ${Version}' -- \"$name\" 2>/dev/null); case $installed in 'installed '*) installed=${installed#installed };; *) installed=-;; esac",
              ),
              rawShell(
                '  relation=other; if [ "$installed" != - ] && dpkg --compare-versions "$installed" gt "$version"; then relation=older; fi',
              ),
              rawShell('  echo "$index $name $version $installed $relation"; }; fi'),
            ),
      ),
      rawShell("exit 0"),
    ),
  }),
  parse: ({ stdout, stderr }, paths) => {
    const lines = stdout
      .toString()
      .split("\n")
      .map((line) => line.split(" "));
    return paths.map((path, at) => {
      if (path === undefined) return known({ exists: false });
      const [, name, version, installed, relation] = lines.find(([index]) => index === String(at)) ?? [];
      if (name === "none") return known({ exists: false });
      if (name === undefined || version === undefined)
        return notKnown(stderr.trim() || `dpkg-deb said nothing of ${path}`);
      return known({
        exists: true,
        name,
        version,
        installed: installed === "-" ? undefined : installed,
        isOlder: relation === "older",
      });
    });
  },
});
