import { createPrivateKey, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { parseCertificate } from "./certificate-authority.ts";
import { certificatesOf, daysLeft } from "./certificate-facts.ts";
import { isFor } from "./certificate-name.ts";
import { ModuleFailure } from "./module.ts";

/** A key and its certificate as somebody else issued them: files on the controller. */
export interface GivenPair {
  /** PEM. */
  key: Buffer;
  /** PEM: the certificate first, then whoever stands between it and its authority. */
  certificate: Buffer;
  /** The authorities one of which must have issued it, PEM; undefined: nobody said. */
  authority: Buffer | undefined;
}

/** What the certificate must be good for. */
export interface GivenWanted {
  key_src?: string | undefined;
  cert_src?: string | undefined;
  ca_src?: string | undefined;
  common_name?: string | undefined;
  subject_alt_names: readonly string[];
  min_days_left: number;
}

/**
 * The certificate of a pair that may be put on a host.
 *
 * @param nowSeconds the host's clock.
 * @throws ModuleFailure that names the file which is wrong: the pair that is on the host stays.
 */
export function checkedCertificate(given: GivenPair, want: GivenWanted, nowSeconds: number): X509Certificate {
  const [certificateName, keyName] = [want.cert_src ?? "cert_src", want.key_src ?? "key_src"];
  const [certificate, ...between] = certificatesOf(given.certificate);
  if (certificate === undefined || !given.certificate.includes("-----BEGIN CERTIFICATE-----"))
    throw wrong(
      "cert_src",
      `${certificateName} is no certificate in PEM`,
      "openssl x509 -inform der turns DER into PEM",
    );
  if (!certificate.checkPrivateKey(privateKey(given.key, keyName)))
    throw wrong(
      "key_src",
      `${keyName} is not the key of ${certificateName}`,
      between.some((one) => one.checkPrivateKey(privateKey(given.key, keyName)))
        ? "the key's certificate has to be the first in the file, those of the authorities behind it"
        : "are they of the same issue? A certificate that was renewed with a new key needs that key",
    );
  if (given.authority !== undefined) checkIssuer(certificate, between, certificatesOf(given.authority), want);
  checkNames(certificate, want);
  if (certificate.validFromDate.getTime() / 1000 > nowSeconds)
    throw wrong(
      "cert_src",
      `${certificateName} is valid from ${certificate.validFromDate.toISOString()} only`,
      "is the host's clock right?",
    );
  const days = daysLeft(certificate, nowSeconds);
  if (days < want.min_days_left || certificate.validToDate.getTime() / 1000 <= nowSeconds)
    throw wrong(
      "cert_src",
      days < 0 ? `${certificateName} has expired` : `${certificateName} is valid for ${days} days only`,
      `it ends on ${certificate.validToDate.toISOString()}, and ${want.min_days_left} days were wanted: have it renewed`,
    );
  return certificate;
}

/** @throws ModuleFailure */
function privateKey(pem: Buffer, name: string): ReturnType<typeof createPrivateKey> {
  if (/ENCRYPTED/.test(pem.toString("latin1")))
    throw wrong(
      "key_src",
      `${name} has a passphrase, which nobody could give when a service starts`,
      "openssl pkey takes it off; vault the file instead (plumb vault encrypt)",
    );
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw wrong(
      "key_src",
      `${name} is no private key in PEM`,
      "it starts with -----BEGIN PRIVATE KEY-----",
      error,
    );
  }
}

/** Goes up from the certificate, through those that came with it, to one of the authorities. @throws ModuleFailure */
function checkIssuer(
  certificate: X509Certificate,
  between: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  { ca_src = "ca_src", cert_src = "cert_src" }: GivenWanted,
): void {
  if (authorities.length === 0) throw wrong("ca_src", `${ca_src} is no certificate in PEM`);
  const issued = (by: X509Certificate, what: X509Certificate): boolean =>
    by.ca && what.checkIssued(by) && what.verify(by.publicKey);
  let top = certificate;
  for (const _ of [certificate, ...between]) {
    if (authorities.some((authority) => issued(authority, top))) return;
    const above = between.find((one) => one !== top && issued(one, top));
    if (above === undefined) break;
    top = above;
  }
  throw wrong(
    "cert_src",
    `${cert_src} was not issued by an authority in ${ca_src}, but by ${top.issuer.replaceAll("\n", ", ")}`,
    "certificates between the two belong into the same file, behind the first",
  );
}

/** @throws ModuleFailure */
function checkNames(certificate: X509Certificate, want: GivenWanted): void {
  const name = want.cert_src ?? "cert_src";
  const { common_name: commonName } = want;
  if (commonName !== undefined && !isFor(certificate.subject, commonName))
    throw wrong(
      "common_name",
      `${name} is for ${certificate.subject.replaceAll("\n", ", ")}, not for ${commonName}`,
    );
  const missing = want.subject_alt_names.filter((one) => !covers(certificate, one));
  if (missing.length > 0)
    throw wrong(
      "subject_alt_names",
      `${name} is not for ${missing.join(", ")}`,
      `it is for ${certificate.subjectAltName ?? "no name at all"}`,
    );
}

function covers(certificate: X509Certificate, name: string): boolean {
  // A wildcard that is asked for is a name like any other: it has to be written in the certificate.
  const written = (certificate.subjectAltName ?? "").toLowerCase().split(", ");
  return (
    written.includes(`dns:${name.toLowerCase()}`) ||
    (isIP(name) === 0 ? certificate.checkHost(name, { subject: "never" }) : certificate.checkIP(name)) !==
      undefined
  );
}

function wrong(parameter: string, message: string, hint?: string, cause?: unknown): ModuleFailure {
  return new ModuleFailure(message, {
    findings: [{ path: [parameter], message, ...(hint === undefined ? {} : { hint }) }],
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What is on the host, in words. */
export function describeInstalled(pem: string | undefined): string {
  const certificate = parseCertificate(pem);
  return certificate === undefined
    ? "no certificate"
    : `for ${certificate.subject.replaceAll("\n", ", ")}, until ${certificate.validToDate.toISOString()}`;
}
