import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
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
  /** The host's clock, seconds since 1970. */
  nowSeconds: number;
  hasOpenssl: boolean;
}

/** Keys and certificates on the host: the public half of a key is all that leaves it. */
export const keyPair = defineQuery<KeyPairQuestion, KeyPair>({
  name: "key-pair",
  restless: ["nowSeconds"],
  identify: ({ keyPath, certificatePath }) => `${keyPath}\0${certificatePath}`,
  script: (questions) => ({
    script: shellLines(
      rawShell("date '+N %s'; if command -v openssl >/dev/null; then echo O yes; else echo O no; fi"),
      ...questions.map(({ keyPath, certificatePath }, index) =>
        shellLines(
          sh`echo ${`== ${index}`}`,
          sh`[ ! -f ${keyPath} ] || openssl pkey -pubout -in ${keyPath} -passin pass: 2>/dev/null`,
          sh`[ ! -f ${certificatePath} ] || cat ${certificatePath}`,
        ),
      ),
      rawShell("exit 0"),
    ),
  }),
  parse: (output, questions) => {
    const [head = "", ...parts] = output.stdout.toString().split(/^== \d+$/m);
    const nowSeconds = Number(/^N (\d+)$/m.exec(head)?.[1]);
    return questions.map((_, index) => {
      const part = parts[index];
      if (part === undefined || !Number.isInteger(nowSeconds))
        return notKnown(output.stderr.trim() || "no answer");
      return known({
        publicKey: /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/.exec(part)?.[0],
        certificate: /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.exec(part)?.[0],
        nowSeconds,
        hasOpenssl: /^O yes$/m.test(head),
      });
    });
  },
});
