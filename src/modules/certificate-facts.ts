import { X509Certificate } from "node:crypto";
import type { ValueMap } from "../variables/value.ts";
import { nameParts } from "./certificate-name.ts";
import { plainAddress } from "./plain-address.ts";

/** What a certificate says, under the names that Ansible's modules for certificates give; `days_left` and `expires` are ours. */
export function certificateFacts(certificate: X509Certificate, nowSeconds: number): ValueMap {
  const key = certificate.publicKey;
  return {
    subject: longNames(certificate.subject),
    issuer: longNames(certificate.issuer),
    subject_alt_name: alternativeNames(certificate),
    serial_number: `0x${certificate.serialNumber.toLowerCase()}`,
    not_before: asn1Time(certificate.validFromDate),
    not_after: asn1Time(certificate.validToDate),
    expires: certificate.validToDate.toISOString(),
    days_left: daysLeft(certificate, nowSeconds),
    expired: certificate.validToDate.getTime() / 1000 < nowSeconds,
    not_yet_valid: certificate.validFromDate.getTime() / 1000 > nowSeconds,
    fingerprints: {
      sha1: certificate.fingerprint.toLowerCase(),
      sha256: certificate.fingerprint256.toLowerCase(),
    },
    public_key: key.export({ type: "spki", format: "pem" }).toString(),
    public_key_type: (key.asymmetricKeyType ?? "unknown").toUpperCase().replace(/^EC$/, "ECC"),
    extended_key_usage: [...(certificate.keyUsage ?? [])],
    is_ca: certificate.ca,
    self_signed: certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey),
  };
}

/** Whole days; negative when it has expired. */
export function daysLeft(certificate: X509Certificate, nowSeconds: number): number {
  return Math.floor((certificate.validToDate.getTime() / 1000 - nowSeconds) / 86_400);
}

/** Every certificate of a text or a file, PEM or DER, in order. */
export function certificatesOf(content: Buffer): X509Certificate[] {
  const blocks = content
    .toString("latin1")
    .match(/-----BEGIN (TRUSTED )?CERTIFICATE-----[\s\S]+?-----END (TRUSTED )?CERTIFICATE-----/g);
  const pieces: (string | Buffer)[] = blocks ?? [content];
  return pieces.flatMap((piece) => {
    try {
      return [new X509Certificate(piece)];
    } catch {
      // What is no certificate is told by whoever finds none.
      return [];
    }
  });
}

/** `20270102030405Z`. */
function asn1Time(date: Date): string {
  return date
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
}

const LONG_NAMES: Readonly<Record<string, string>> = {
  CN: "commonName",
  O: "organizationName",
  OU: "organizationalUnitName",
  C: "countryName",
  ST: "stateOrProvinceName",
  L: "localityName",
};

function longNames(name: string | undefined): ValueMap {
  return Object.fromEntries(nameParts(name).map(([key, value]) => [LONG_NAMES[key] ?? key, value]));
}

function alternativeNames({ subjectAltName = "" }: X509Certificate): string[] {
  return subjectAltName
    .split(", ")
    .filter(Boolean)
    .map((name) => name.replace(/^IP Address:(.*)/, (_, address: string) => `IP:${plainAddress(address)}`));
}
