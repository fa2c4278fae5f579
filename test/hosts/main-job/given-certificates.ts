import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { labHost } from "../lab-hosts.ts";

const run = promisify(execFile);

export interface GivenCertificates {
  /** Holds ca.crt, and NAME.crt and NAME.key of each host. */
  directory: string;
  /** Certificate and key of a client called `app`, without their endings. */
  client: string;
}

/** Certificates of another authority for hosts and a client, as a company's would come. @param shared names that all hosts have besides, as in a certificate: `IP:192.0.2.1`. */
export async function givenCertificates(
  folder: string,
  hosts: readonly string[],
  shared: readonly string[] = [],
): Promise<GivenCertificates> {
  const directory = await mkdtemp(path.join(folder, "given-"));
  const at = (name: string): string => path.join(directory, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await run("openssl", [
    ...["req", "-x509", ...newKey, "-days", "30", "-subj", "/CN=Somebody else"],
    ...["-keyout", at("ca.key"), "-out", at("ca.crt")],
  ]);
  for (const name of [...hosts, "app"]) {
    const own = name === "app" ? [] : [`IP:${labHost(name).address}`, ...shared];
    const names = [`DNS:${name}`, ...own].join();
    await run("openssl", [
      ...["req", "-new", ...newKey, "-subj", `/CN=${name}`, "-keyout", at(`${name}.key`)],
      ...["-out", at(`${name}.csr`), "-addext", `subjectAltName=${names}`],
    ]);
    await run("openssl", [
      ...["x509", "-req", "-in", at(`${name}.csr`), "-days", "30", "-copy_extensions", "copy"],
      ...["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-CAcreateserial", "-out", at(`${name}.crt`)],
    ]);
  }
  return { directory, client: at("app") };
}

/** The variables by which hosts have them. */
export const givenFiles = (directory: string): Record<string, string> & { tls_ca_file: string } => ({
  tls_certificate_file: path.join(directory, "{{ inventory_hostname }}.crt"),
  tls_key_file: path.join(directory, "{{ inventory_hostname }}.key"),
  tls_ca_file: path.join(directory, "ca.crt"),
});

/** The variables by which hosts have them, clients must show one, and PostgreSQL wants one of the poolers. */
export const givenEverywhere = ({ directory, client }: GivenCertificates): Record<string, unknown> => ({
  ...givenFiles(directory),
  pgbouncer_client_tls_sslmode: "verify-full",
  pgbouncer_server_tls_certificate: true,
  postgresql_clientcert: "verify-ca",
  pgbouncer_health_cert_file: `${client}.crt`,
  pgbouncer_health_key_file: `${client}.key`,
});
