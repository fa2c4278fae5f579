import { createHash, createPublicKey, type X509Certificate } from "node:crypto";
import { z } from "zod";
import { hostClock } from "../queries/host-clock.ts";
import { type KeyPair, keyPair } from "../queries/key-pair.ts";
import { type PathState, pathState } from "../queries/path-state.ts";
import { parseCertificate, readAuthority } from "./certificate-authority.ts";
import { isFor } from "./certificate-name.ts";
import type { Change, Difference } from "./change.ts";
import { checkedCertificate, describeInstalled, type GivenPair } from "./given-certificate.ts";
import { installPairScript, pairAttributesScript, removeScript } from "./install-pair.ts";
import { issueSteps } from "./issue-certificate.ts";
import { attributeDifferences, requireFolder } from "./managed-file.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { ownerTrials } from "./owner-trial.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";
import { plainAddress } from "./plain-address.ts";
import type { Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";

const hostOrAddress = z.string().regex(/^[A-Za-z0-9.*:_-]+$/, { error: "must be a host name or an address" });

const params = z
  .strictObject({
    state: z
      .enum(["present", "absent"])
      .default("present")
      .describe("`absent`: key and certificate are removed from the host; nothing is revoked."),
    ca_directory: z
      .string()
      .min(1)
      .optional()
      .describe("Folder of the authority on the controller (see `tls_ca`); relative to the playbook."),
    key_src: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Instead of `ca_directory`: the key as a file on the controller, PEM, vaulted for preference.",
      ),
    cert_src: z
      .string()
      .min(1)
      .optional()
      .describe(
        "With `key_src`: its certificate as a file on the controller, PEM; those between it and its authority may stand behind it.",
      ),
    ca_src: z
      .string()
      .min(1)
      .optional()
      .describe(
        "With `key_src`: certificates of authorities, one of which must have issued `cert_src`; a file on the controller.",
      ),
    min_days_left: z
      .number()
      .int()
      .min(0)
      .default(0)
      .describe(
        "With `key_src`: fail when the certificate is valid for fewer days. One that has expired always fails.",
      ),
    key_path: absolutePath.describe(
      "Where the private key is on the host. With `ca_directory` it is made there and never leaves it.",
    ),
    cert_path: absolutePath.describe("Where the certificate is on the host."),
    common_name: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe("Whom the certificate is for. With `key_src`: checked, if it is given."),
    subject_alt_names: z
      .array(hostOrAddress)
      .default([])
      .describe(
        "Names and addresses under which clients reach the host. With `key_src`: each must be in the certificate.",
      ),
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
  })
  .refine((all) => all.state === "absent" || all.ca_directory !== undefined || all.key_src !== undefined, {
    error: "say where the certificate comes from: `ca_directory`, or `key_src` and `cert_src`",
    path: ["ca_directory"],
  })
  .refine(
    (all) => all.ca_directory === undefined || (all.key_src ?? all.cert_src ?? all.ca_src) === undefined,
    {
      error: "can't be with `ca_directory`: the certificate is either issued or given",
      path: ["key_src"],
    },
  )
  .refine((all) => (all.key_src === undefined) === (all.cert_src === undefined), {
    error: "`key_src` and `cert_src` belong together",
    path: ["cert_src"],
  })
  .refine(
    (all) => all.state === "absent" || all.ca_directory === undefined || all.common_name !== undefined,
    {
      error: "give whom the certificate is for",
      path: ["common_name"],
    },
  )
  .refine((all) => all.max_age_minutes === undefined || all.key_src === undefined, {
    error: "is about certificates that Plumb issues: replace the files of `key_src` and `cert_src`",
    path: ["max_age_minutes"],
  });

type Params = z.infer<typeof params>;

/** Issued by the authority of a folder. */
interface Issued {
  kind: "issued";
  want: Params & { common_name: string };
  directory: string;
  authority: string | undefined;
}

type Input = Issued | { kind: "given"; want: Params; given: GivenPair } | { kind: "absent"; want: Params };

interface CertificateChange {
  /** Otherwise only owners and modes are set. */
  replaces: boolean;
  newKey: boolean;
}

export const tlsCertificate = defineLoadingModule<
  Params,
  Input,
  {
    pair: ReturnType<typeof keyPair>;
    key: ReturnType<typeof pathState>;
    cert: ReturnType<typeof pathState>;
    clock: ReturnType<typeof hostClock>;
  },
  CertificateChange
>({
  name: "tls_certificate",
  summary: "A private key and its certificate on the host: from the internal authority, or given as files",
  description:
    "The key (EC P-256) is made on the host; a signing request goes to the controller and the certificate comes back. It is issued anew when names, issuer or key do not fit, and before it expires. On renewal the key stays, so that key and certificate match at every moment; a pair that does not match is replaced.\n\nGiven as files, key and certificate come from the controller (the key vaulted, if you like; it is never shown). They are put on the host only if they belong together, are issued by an authority in `ca_src` and are valid; otherwise the task fails and the pair on the host stays. `state: absent` removes key and certificate. It revokes nothing: whoever has a copy of them can use them until they expire.",
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
    {
      title: "Given as files",
      yaml: "- tls_certificate:\n    key_src: tls/web.key\n    cert_src: tls/web.crt\n    ca_src: tls/public-ca.crt\n    key_path: /etc/nginx/web.key\n    cert_path: /etc/nginx/web.crt\n    subject_alt_names: [www.example.org]\n    min_days_left: 14\n  notify: reload nginx\n",
    },
    {
      title: "Gone",
      yaml: "- tls_certificate:\n    key_path: /etc/app/client.key\n    cert_path: /etc/app/client.crt\n    state: absent\n",
    },
  ],
  returns: { expires: "When the certificate expires, ISO 8601." },
  load: async (want, controller): Promise<Input> => {
    if (want.state === "absent") return { kind: "absent", want };
    if (want.key_src !== undefined && want.cert_src !== undefined) {
      const read = async (file: string): Promise<Buffer> => (await controller.file(file, "files")).read();
      const [key, certificate, authority] = await Promise.all([
        read(want.key_src),
        read(want.cert_src),
        want.ca_src === undefined ? undefined : read(want.ca_src),
      ]);
      return { kind: "given", want, given: { key, certificate, authority } };
    }
    const directory = controller.resolvePath(want.ca_directory ?? "");
    const authority = readAuthority(directory);
    return { kind: "issued", want: { ...want, common_name: want.common_name ?? "" }, directory, authority };
  },
  queries: ({ kind, want }) => ({
    pair: keyPair({ keyPath: want.key_path, certificatePath: want.cert_path }),
    key: pathState({ path: want.key_path, sha256: kind === "given" }),
    cert: pathState({ path: want.cert_path, sha256: kind === "given" }),
    clock: hostClock("now"),
  }),
  diff: (input, answers, situation) => {
    const { want } = input;
    const { pair, key, cert, clock } = answers;
    if (input.kind === "absent") return removal(want, key, cert);
    if (input.kind === "issued" && !pair.hasOpenssl && !situation.changesPending) {
      throw new ModuleFailure("openssl is not installed on the host, and the key is made with it", {
        hint: "install the package openssl before",
      });
    }
    requireFolder(want.key_path, key, situation);
    requireFolder(want.cert_path, cert, situation);
    const installed = parseCertificate(pair.certificate);
    const wanted = input.kind === "given" ? checkedCertificate(input.given, want, clock.seconds) : undefined;
    const certificate = wanted ?? installed;
    const problem = input.kind === "issued" ? whatIsWrong(input, pair, installed, clock.seconds) : undefined;
    const replacing: Difference[] =
      input.kind === "given"
        ? pairDifferences(input.given, want, answers)
        : problem === undefined
          ? []
          : [{ kind: "field", name: want.cert_path, before: problem, after: `valid for ${want.days} days` }];
    const { owner, group } = want;
    const differences = [
      ...replacing,
      ...named(want.key_path, attributeDifferences({ owner, group, mode: want.key_mode }, key)),
      ...named(want.cert_path, attributeDifferences({ owner, group, mode: want.cert_mode }, cert)),
    ];
    const data = certificate === undefined ? {} : { expires: certificate.validToDate.toISOString() };
    if (differences.length === 0)
      return { action: "none", reason: `valid until ${certificate?.validTo ?? ""}`, data };
    return {
      action: installed === undefined ? "create" : "update",
      summary:
        replacing.length === 0
          ? `set owner and mode of ${want.key_path}`
          : `${input.kind === "given" ? "install" : "issue"} the certificate ${want.cert_path}`,
      differences,
      detail: {
        replaces: replacing.length > 0,
        newKey: pair.publicKey === undefined || problem === TOO_OLD,
      },
      data,
    };
  },
  touches: ({ want }) => pathsTouched(want.key_path, want.cert_path),
  steps: (change, input): Step[] => {
    const { key_path: key, cert_path: certificate } = input.want;
    if (input.kind === "absent")
      return [{ kind: "script", title: change.summary, script: removeScript(key, certificate) }];
    if (!change.detail.replaces)
      return [
        {
          kind: "script",
          title: change.summary,
          script: pairAttributesScript(input.want),
          trials: ownerTrials(input.want),
        },
      ];
    return input.kind === "issued"
      ? issueSteps(input.want, input.directory, change.detail.newKey)
      : [givenStep(change.summary, input.given, input.want)];
  },
});

/** What is there goes, each named. */
function removal(want: Params, key: PathState, cert: PathState): Change<CertificateChange> {
  const differences = [
    { name: want.key_path, state: key },
    { name: want.cert_path, state: cert },
  ].flatMap(({ name, state }): Difference[] => {
    if (state.type === "directory") throw new ModuleFailure(`${name} is a directory`);
    return state.type === "absent" ? [] : [{ kind: "field", name, before: "present", after: "absent" }];
  });
  if (differences.length === 0)
    return { action: "none", reason: `neither ${want.key_path} nor ${want.cert_path} is there` };
  return {
    action: "delete",
    summary: `remove the certificate ${want.cert_path} and its key`,
    differences,
    detail: { replaces: false, newKey: false },
  };
}

/** What of the given pair is not on the host: neither content is shown. */
function pairDifferences(
  given: GivenPair,
  want: Params,
  { pair, key, cert }: { pair: KeyPair; key: PathState; cert: PathState },
): Difference[] {
  const isSame = (state: PathState, content: Buffer): boolean =>
    state.type === "file" && state.sha256 === createHash("sha256").update(content).digest("hex");
  const differences: Difference[] = [];
  if (!isSame(key, given.key))
    differences.push({
      kind: "field",
      name: want.key_path,
      before: key.type === "absent" ? "no key" : "another key",
      after: "the given key",
    });
  if (!isSame(cert, given.certificate))
    differences.push({
      kind: "field",
      name: want.cert_path,
      before: describeInstalled(pair.certificate),
      after: describeInstalled(given.certificate.toString("latin1")),
    });
  return differences;
}

function givenStep(title: string, { key, certificate }: GivenPair, want: Params): Step {
  const stdin = Buffer.from(`${key.toString("base64")}\n${certificate.toString("base64")}\n`);
  return {
    kind: "script",
    title,
    script: installPairScript(want, "given"),
    stdin,
    trials: ownerTrials(want),
  };
}

/** A path that is not there has no attributes to differ in: they come with the certificate. */
function named(path: string, differences: readonly Difference[]): Difference[] {
  return differences
    .filter((difference) => difference.before !== undefined)
    .map((difference) => ({ ...difference, name: `${path} ${difference.name}` }));
}

const TOO_OLD = "issued before the rotation";

/** Why the certificate can't stay, in words; undefined when it can. */
function whatIsWrong(
  { want, authority: authorityText }: Issued,
  pair: KeyPair,
  certificate: X509Certificate | undefined,
  nowSeconds: number,
): string | undefined {
  const authority = parseCertificate(authorityText);
  if (pair.publicKey === undefined) return "no key";
  if (certificate === undefined) return "no certificate";
  if (!createPublicKey(pair.publicKey).equals(certificate.publicKey)) return "for another key";
  if (
    authority === undefined ||
    !certificate.checkIssued(authority) ||
    !certificate.verify(authority.publicKey)
  )
    return "from another authority";
  if (!isFor(certificate.subject, want.common_name)) return `for ${certificate.subject}`;
  const has = namesOf(certificate);
  const wanted = want.subject_alt_names.map(plainName).sort();
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
  const ageMinutes = (nowSeconds - certificate.validFromDate.getTime() / 1000) / 60;
  if (want.max_age_minutes !== undefined && ageMinutes > want.max_age_minutes) return TOO_OLD;
  const daysLeft = (certificate.validToDate.getTime() / 1000 - nowSeconds) / 86_400;
  return daysLeft < want.renew_before_days ? `valid for ${Math.floor(daysLeft)} days more` : undefined;
}

/** Extended key usages (RFC 5280, 4.2.1.12). */
const USAGE = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

function namesOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? "")
    .split(", ")
    .filter(Boolean)
    .map((name) => plainName(name.replace(/^(DNS|IP Address):/, "")))
    .sort();
}

/** Certificates tell an IPv6 address in full, people in short. */
const plainName = (name: string): string => (name.includes(":") ? plainAddress(name) : name.toLowerCase());
