import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { PRINT_PUBLIC_POINT, publicKeyOfPoint } from "./public-point.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export interface KeyPairQuestion {
  keyPath: string;
  certificatePath: string;
}

export interface KeyPair {
  /** Public half of the key, PEM; undefined: no key, or one that can't be read. */
  publicKey: string | undefined;
  /** PEM; undefined: no certificate. */
  certificate: string | undefined;
  hasOpenssl: boolean;
}

/** Keys and certificates on the host: the public half of a key is all that leaves it. */
export const keyPair = defineQuery<KeyPairQuestion, KeyPair>({
  name: "key-pair",
  identify: ({ keyPath, certificatePath }) => `${keyPath}\0${certificatePath}`,
  script: (questions) => ({
    script: shellLines(
      rawShell("if command -v openssl >/dev/null; then echo O yes; else echo O no; fi"),
      PRINT_PUBLIC_POINT,
      ...questions.map(({ keyPath }, index) =>
        shellLines(
          sh`echo ${`== ${index}`}`,
          sh`[ ! -f ${keyPath} ] || print_public_point ${keyPath} 2>/dev/null || openssl pkey -pubout -in ${keyPath} -passin pass: 2>/dev/null`,
        ),
      ),
      // All certificates by one process, each behind its name.
      rawShell("echo '== certificates'"),
      sh`set -- ${[...new Set(questions.map(({ certificatePath }) => certificatePath))]}`,
      rawShell('count=$#; for path; do [ ! -f "$path" ] || set -- "$@" "$path"; done; shift "$count"'),
      rawShell('[ $# -eq 0 ] || tail -v -n +1 -- "$@"'),
      rawShell("exit 0"),
    ),
  }),
  parse: (output, questions) => {
    const [keys = "", files = ""] = output.stdout.toString().split(/^== certificates$/m);
    const [head = "", ...parts] = keys.split(/^== \d+$/m);
    const certificates = new Map(
      files.split(/^==> /m).map((file) => {
        const end = file.indexOf(" <==\n");
        return [file.slice(0, end), file.slice(end)];
      }),
    );
    return questions.map(({ certificatePath }, index) => {
      const part = parts[index];
      const file = certificates.get(certificatePath) ?? "";
      if (part === undefined) return notKnown(output.stderr.trim() || "no answer");
      return known({
        publicKey:
          publicKeyOfPoint(part) ?? /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/.exec(part)?.[0],
        certificate: /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.exec(file)?.[0],
        hasOpenssl: /^O yes$/m.test(head),
      });
    });
  },
});
