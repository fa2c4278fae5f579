import { OPEN_SAFELY } from "../shell/safe-folder.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** A small text file below the home directory of whoever asks. */
export interface HomeFile {
  path: string;
  exists: boolean;
  text: string;
}

/** Files by absolute path, or by a path that starts with `~/`: the home directory comes from the account, whatever HOME says. */
export const homeFile = defineQuery<string, HomeFile>({
  name: "home-file",
  identify: (path) => path,
  script: (paths) => ({
    script: shellLines(
      OPEN_SAFELY,
      rawShell('home=$(getent passwd "$(id -u)" | cut -d: -f6)'),
      sh`set -- ${[...paths]}`,
      rawShell(`for path; do
  case $path in '~/'*) path=$home/\${path#??};; esac
  printf '%s\\0' "$path"
  if [ -f "$path" ]; then if plumb_open "$path" && base64 -w0 <&8; then printf '\\0F\\0'; else printf '\\0U\\0'; fi
  elif [ -e "$path" ]; then printf '\\0O\\0'
  else printf '\\0A\\0'; fi
  exec 8<&-
done`),
    ),
  }),
  parse: ({ stdout, stderr }, paths) => {
    const fields = stdout.toString().split("\0");
    return paths.map((_, index) => {
      const [path = "", encoded = "", mark] = fields.slice(3 * index, 3 * index + 3);
      if (mark === "A") return known({ path, exists: false, text: "" });
      if (mark === "F") return known({ path, exists: true, text: Buffer.from(encoded, "base64").toString() });
      return notKnown(mark === "O" ? `${path} is no file` : stderr.trim() || "no answer");
    });
  },
});
