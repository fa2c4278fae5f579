import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export interface CertificateFiles {
  /** PEM texts of each file; an empty list for a file that is not there or holds none. */
  certificates: ReadonlyMap<string, readonly string[]>;
}

/** Certificates in files of the host. A file that is there and can't be read is an error. */
export const certificateFiles = defineQuery<readonly string[], CertificateFiles>({
  name: "certificate-files",
  identify: (paths) => paths.join("\0"),
  script: (questions) => ({
    script: shellLines(
      sh`set -- ${[...new Set(questions.flat())]}`,
      rawShell(
        'count=$#; for path; do [ -e "$path" ] || continue; [ -f "$path" ] || { echo "$path is no file" >&2; exit 1; }; set -- "$@" "$path"; done; shift "$count"',
      ),
      rawShell('[ $# -eq 0 ] || tail -v -n +1 -- "$@" || exit 1'),
      rawShell("exit 0"),
    ),
  }),
  parse: (output, questions) => {
    const text = output.stdout.toString();
    if (output.exitCode !== 0) return questions.map(() => notKnown(output.stderr.trim() || "no answer"));
    const certificates = new Map<string, string[]>();
    for (const part of text.split(/^==> /m).slice(1)) {
      const end = part.indexOf(" <==\n");
      const pems = part.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
      certificates.set(part.slice(0, end), [...pems]);
    }
    return questions.map(() => known({ certificates }));
  },
});
