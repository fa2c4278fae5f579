import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export interface LocaleState {
  /** Whether the host has locale-gen(8), of Debian's package locales. */
  canGenerate: boolean;
  /** Programs can use it now. */
  generated: boolean;
  /** Its line in /usr/share/i18n/SUPPORTED, such as "de_DE.UTF-8 UTF-8"; undefined: the host does not know how to make it. */
  supported: string | undefined;
}

/** Locales by name: one locale(1) and one grep(1) for all of them (glibc 2.36). */
export const localeState = defineQuery<string, LocaleState>({
  name: "locale-state",
  identify: (name) => name,
  script: (names) => ({
    script: shellLines(
      rawShell("if command -v locale-gen >/dev/null; then echo 'T yes'; fi"),
      rawShell("locale -a 2>/dev/null | sed 's/^/G /'"),
      rawShell("cat /usr/share/i18n/SUPPORTED /usr/local/share/i18n/SUPPORTED 2>/dev/null |"),
      sh`grep -F ${names.flatMap((name) => ["-e", name])} | sed 's/^/S /'`,
      rawShell("echo E"),
    ),
  }),
  parse: ({ stdout, stderr }, names) => {
    const lines = stdout.toString().trimEnd().split("\n");
    if (lines.at(-1) !== "E") return names.map(() => notKnown(stderr.trim() || "no answer"));
    const marked = (mark: string): string[] =>
      lines.filter((line) => line.startsWith(`${mark} `)).map((line) => line.slice(2));
    const generated = new Set(marked("G").map(normalised));
    const supported = marked("S");
    return names.map((name) =>
      known({
        canGenerate: marked("T").length > 0,
        generated: generated.has(normalised(name)),
        supported: supported.find((line) => line === name || line.split(/\s+/)[0] === name),
      }),
    );
  },
});

/** `locale -a` writes de_DE.utf8 for what everybody else writes de_DE.UTF-8. */
function normalised(name: string): string {
  const [, language = "", charset, modifier = ""] = /^([^.@ ]+)(?:\.([^@ ]+))?(@[^ ]+)?/.exec(name) ?? [];
  const short = charset?.toLowerCase().replace(/[^a-z0-9]/g, "");
  return `${language}${short === undefined ? "" : `.${short}`}${modifier}`;
}
