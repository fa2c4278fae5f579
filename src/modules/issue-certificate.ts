import { isIP } from "node:net";
import {
  type CertificateWanted,
  makeAuthority,
  readAuthority,
  signRequest,
} from "./certificate-authority.ts";
import { installPairScript, newKeyScript, type PairPlace, requestScript } from "./install-pair.ts";
import { ModuleFailure } from "./module.ts";
import { ownerTrials } from "./owner-trial.ts";
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
      script: newKey ? newKeyScript(want) : requestScript(want),
      trials: ownerTrials(want),
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

function installStep(want: IssueWanted, certificate: string, newKey: boolean): Step {
  return {
    kind: "script",
    title: `install ${want.cert_path}`,
    stdin: Buffer.from(certificate),
    script: installPairScript(want, newKey ? "waiting" : "kept key"),
  };
}
