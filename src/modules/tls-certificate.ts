import { createPublicKey, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { z } from "zod";
import { type KeyPair, keyPair } from "../queries/key-pair.ts";
import { pathState } from "../queries/path-state.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { makeAuthority, parseCertificate, readAuthority, signRequest } from "./certificate-authority.ts";
import type { Difference } from "./change.ts";
import { attributeDifferences, attributeScript } from "./managed-file.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";
import type { Step } from "./step.ts";

const hostOrAddress = z.string().regex(/^[A-Za-z0-9.*:_-]+$/, { error: "must be a host name or an address" });

const params = z.strictObject({
  ca_directory: z
    .string()
    .min(1)
    .describe("Folder of the authority on the controller (see `tls_ca`); relative to the playbook."),
  key_path: absolutePath.describe(
    "Where the private key is on the host. It is made there and never leaves it.",
  ),
  cert_path: absolutePath.describe("Where the certificate is on the host."),
  common_name: z.string().min(1).max(64).describe("Whom the certificate is for."),
  subject_alt_names: z
    .array(hostOrAddress)
    .default([])
    .describe("Names and addresses under which clients reach the host."),
  usage: z
    .array(z.enum(["server", "client"]))
    .min(1)
    .default(["server"])
    .describe("What the certificate is good for."),
  days: z.number().int().min(1).max(825).default(365).describe("How long it is valid."),
  renew_before_days: z
    .number()
    .int()
    .min(0)
    .default(30)
    .describe("It is renewed when it is valid for less than this."),
  max_age_minutes: z
    .number()
    .min(0.1)
    .optional()
    .describe("A certificate that was issued longer ago is replaced, with a new key: for rotation."),
  owner: accountName.default("root").describe("Owner of key and certificate."),
  group: accountName.default("root").describe("Group of key and certificate."),
  key_mode: fileMode.default("0640").describe("Mode of the key."),
  cert_mode: fileMode.default("0644").describe("Mode of the certificate."),
});

type Params = z.infer<typeof params>;

interface Input {
  want: Params;
  directory: string;
  authority: string | undefined;
}

interface CertificateChange {
  issue: boolean;
  newKey: boolean;
}

export const tlsCertificate = defineLoadingModule<
  Params,
  Input,
  { pair: ReturnType<typeof keyPair>; key: ReturnType<typeof pathState>; cert: ReturnType<typeof pathState> },
  CertificateChange
>({
  name: "tls_certificate",
  summary: "A private key on the host, and a certificate for it from the internal authority",
  description:
    "The key (EC P-256) is made on the host; a signing request goes to the controller and the certificate comes back. It is issued anew when names, issuer or key do not fit, and before it expires. On renewal the key stays, so that key and certificate match at every moment; a pair that does not match is replaced.",
  params,
  examples: [
    {
      title: "For a server",
      yaml: "- tls_certificate:\n    ca_directory: pki\n    key_path: /etc/pgbouncer/tls/server.key\n    cert_path: /etc/pgbouncer/tls/server.crt\n    common_name: pool1\n    subject_alt_names: [pool1, 10.0.0.5]\n    group: pgbouncer\n",
    },
    {
      title: "For a client",
      yaml: "- tls_certificate:\n    ca_directory: pki\n    key_path: /etc/app/client.key\n    cert_path: /etc/app/client.crt\n    common_name: app_user\n    usage: [client]\n",
    },
  ],
  returns: { expires: "When the certificate expires, ISO 8601." },
  load: async (want, controller) => {
    const directory = controller.resolvePath(want.ca_directory);
    return { want, directory, authority: await readAuthority(directory) };
  },
  queries: ({ want }) => ({
    pair: keyPair({ keyPath: want.key_path, certificatePath: want.cert_path }),
    key: pathState({ path: want.key_path }),
    cert: pathState({ path: want.cert_path }),
  }),
  diff: ({ want, authority }, { pair, key, cert }, { changesPending }) => {
    if (!pair.hasOpenssl && !changesPending) {
      throw new ModuleFailure("openssl is not installed on the host, and the key is made with it", {
        hint: "install the package openssl before",
      });
    }
    const certificate = parseCertificate(pair.certificate);
    const problem = whatIsWrong(want, pair, certificate, parseCertificate(authority));
    const differences: Difference[] =
      problem === undefined
        ? []
        : [{ kind: "field", name: want.cert_path, before: problem, after: `valid for ${want.days} days` }];
    differences.push(
      ...named(
        want.key_path,
        attributeDifferences({ owner: want.owner, group: want.group, mode: want.key_mode }, key),
      ),
    );
    differences.push(
      ...named(
        want.cert_path,
        attributeDifferences({ owner: want.owner, group: want.group, mode: want.cert_mode }, cert),
      ),
    );
    const data = certificate === undefined ? {} : { expires: certificate.validToDate.toISOString() };
    if (differences.length === 0)
      return { action: "none", reason: `valid until ${certificate?.validTo ?? ""}`, data };
    return {
      action: certificate === undefined ? "create" : "update",
      summary:
        problem === undefined
          ? `set owner and mode of ${want.key_path}`
          : `issue the certificate ${want.cert_path}`,
      differences,
      detail: {
        issue: problem !== undefined,
        newKey: pair.publicKey === undefined || problem === TOO_OLD,
      },
      data,
    };
  },
  steps: (change, input): Step[] =>
    change.detail.issue ? issueSteps(input, change.detail.newKey) : [attributeStep(input.want)],
});

/** A path that is not there has no attributes to differ in: they come with the certificate. */
function named(path: string, differences: readonly Difference[]): Difference[] {
  return differences
    .filter((difference) => difference.before !== undefined)
    .map((difference) => ({ ...difference, name: `${path} ${difference.name}` }));
}

const TOO_OLD = "issued before the rotation";

/** Why the certificate can't stay, in words; undefined when it can. */
function whatIsWrong(
  want: Params,
  pair: KeyPair,
  certificate: X509Certificate | undefined,
  authority: X509Certificate | undefined,
): string | undefined {
  if (pair.publicKey === undefined) return "no key";
  if (certificate === undefined) return "no certificate";
  if (!createPublicKey(pair.publicKey).equals(certificate.publicKey)) return "for another key";
  if (
    authority === undefined ||
    !certificate.checkIssued(authority) ||
    !certificate.verify(authority.publicKey)
  )
    return "from another authority";
  if (!certificate.subject.split("\n").includes(`CN=${want.common_name}`))
    return `for ${certificate.subject}`;
  const has = namesOf(certificate);
  const wanted = [...want.subject_alt_names].map((name) => name.toLowerCase()).sort();
  if (has.join(",") !== wanted.join(",")) return `for the names ${has.join(", ") || "(none)"}`;
  const usage = [...(certificate.keyUsage ?? [])].sort().join(",");
  if (
    usage !==
    want.usage
      .map((one) => USAGE[one])
      .sort()
      .join(",")
  )
    return "for another use";
  const ageMinutes = (pair.nowSeconds - certificate.validFromDate.getTime() / 1000) / 60;
  if (want.max_age_minutes !== undefined && ageMinutes > want.max_age_minutes) return TOO_OLD;
  const daysLeft = (certificate.validToDate.getTime() / 1000 - pair.nowSeconds) / 86_400;
  return daysLeft < want.renew_before_days ? `valid for ${Math.floor(daysLeft)} days more` : undefined;
}

/** Extended key usages (RFC 5280, 4.2.1.12). */
const USAGE = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

function namesOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? "")
    .split(", ")
    .filter(Boolean)
    .map((name) => name.replace(/^(DNS|IP Address):/, "").toLowerCase())
    .sort();
}

function issueSteps({ want, directory }: Input, newKey: boolean): Step[] {
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
        if ((await readAuthority(directory)) === undefined)
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
const waitingKey = ({ key_path }: Params): string => `${key_path}.new`;

function requestScript(want: Params, newKey: boolean): ShellText {
  const key = newKey ? waitingKey(want) : want.key_path;
  return shellLines(
    rawShell("set -eu; umask 077"),
    newKey ? sh`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ${key}` : undefined,
    sh`openssl req -new -key ${key} -subj ${"/CN=request"}`,
  );
}

function installStep(want: Params, certificate: string, newKey: boolean): Step {
  const owner = `${want.owner}:${want.group}`;
  return {
    kind: "script",
    title: `install ${want.cert_path}`,
    stdin: Buffer.from(certificate),
    script: shellLines(
      rawShell("set -eu; umask 077"),
      sh`new=${`${want.cert_path}.new`}`,
      rawShell('cat > "$new"'),
      sh`chown -- ${owner} "$new"; chmod -- ${want.cert_mode} "$new"`,
      newKey
        ? sh`chown -- ${owner} ${waitingKey(want)}; chmod -- ${want.key_mode} ${waitingKey(want)}`
        : undefined,
      newKey
        ? sh`sync -- ${waitingKey(want)} "$new"; mv -f -- ${waitingKey(want)} ${want.key_path}`
        : rawShell('sync -- "$new"'),
      sh`mv -f -- "$new" ${want.cert_path}`,
      attributesText(want),
    ),
  };
}

function attributeStep(want: Params): Step {
  return { kind: "script", title: `set owner and mode of ${want.key_path}`, script: attributesText(want) };
}

function attributesText(want: Params): ShellText {
  return shellLines(
    attributeScript({ path: want.key_path, owner: want.owner, group: want.group, mode: want.key_mode }),
    attributeScript({ path: want.cert_path, owner: want.owner, group: want.group, mode: want.cert_mode }),
  );
}
