import { isIP } from "node:net";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import {
  type CertificateWanted,
  makeAuthority,
  readAuthority,
  signRequest,
} from "./certificate-authority.ts";
import type { PairPlace } from "./given-certificate.ts";
import { attributeScript } from "./managed-file.ts";
import { ModuleFailure } from "./module.ts";
import type { Step } from "./step.ts";

/** A certificate that the authority of a folder on the controller issues, and where it goes. */
export interface IssueWanted extends PairPlace, Pick<CertificateWanted, "usage" | "days"> {
  common_name: string;
  subject_alt_names: readonly string[];
}

/** Has the key made on the host and signed here. @param newKey false: the one that is there is kept. */
export function issueSteps(want: IssueWanted, directory: string, newKey: boolean): Step[] {
  return [
    {
      kind: "script",
      title: `make a signing request for ${want.common_name}`,
      script: requestScript(want, newKey),
    },
    {
      kind: "controller",
      title: `sign the request for ${want.common_name}`,
      run: async (_host, outputs) => {
        const request = outputs.at(-1)?.exec?.stdout.toString() ?? "";
        if (!request.includes("-----BEGIN CERTIFICATE REQUEST-----"))
          throw new ModuleFailure("openssl on the host made no signing request");
        if (readAuthority(directory) === undefined)
          await makeAuthority({ directory, commonName: "Plumb internal CA", days: 3650 });
        const certificate = await signRequest(directory, request, {
          commonName: want.common_name,
          names: want.subject_alt_names.map((name) => `${isIP(name) === 0 ? "DNS" : "IP"}:${name}`),
          usage: want.usage,
          days: want.days,
        });
        return { next: [installStep(want, certificate, newKey)] };
      },
    },
  ];
}

/** A new key waits beside its place until its certificate is there. */
const waitingKey = ({ key_path }: IssueWanted): string => `${key_path}.new`;

function requestScript(want: IssueWanted, newKey: boolean): ShellText {
  const key = newKey ? waitingKey(want) : want.key_path;
  return shellLines(
    rawShell("set -eu; umask 077"),
    newKey ? sh`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ${key}` : undefined,
    sh`openssl req -new -key ${key} -subj ${"/CN=request"}`,
  );
}

function installStep(want: IssueWanted, certificate: string, newKey: boolean): Step {
  const owner = `${want.owner}:${want.group}`;
  return {
    kind: "script",
    title: `install ${want.cert_path}`,
    stdin: Buffer.from(certificate),
    script: shellLines(
      rawShell("set -eu; umask 077"),
      sh`new=${`${want.cert_path}.new`}`,
      rawShell('rm -f -- "$new"; set -C; cat > "$new"; set +C'),
      sh`chown -h -- ${owner} "$new"; chmod -- ${want.cert_mode} "$new"`,
      newKey
        ? sh`chown -h -- ${owner} ${waitingKey(want)}; chmod -- ${want.key_mode} ${waitingKey(want)}`
        : undefined,
      newKey
        ? sh`sync -- ${waitingKey(want)} "$new"; mv -f -- ${waitingKey(want)} ${want.key_path}`
        : rawShell('sync -- "$new"'),
      sh`mv -f -- "$new" ${want.cert_path}`,
      pairAttributesScript(want),
    ),
  };
}

/** Owner and mode of a key and its certificate. */
export function pairAttributesScript(want: PairPlace): ShellText {
  return shellLines(
    attributeScript({ path: want.key_path, owner: want.owner, group: want.group, mode: want.key_mode }),
    attributeScript({ path: want.cert_path, owner: want.owner, group: want.group, mode: want.cert_mode }),
  );
}
