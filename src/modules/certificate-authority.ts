import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, open, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { ModuleFailure } from "./module.ts";

/**
 * An internal certificate authority: a folder on the controller (0700) with `ca.crt`, `ca.key` (0600) and `ca.serial`. Certificates are made by openssl(1),
 * the tool that operators check them with; Node can read certificates and not make them.
 */
export interface AuthorityWanted {
  directory: string;
  commonName: string;
  days: number;
}

const run = promisify(execFile);
const certificateFile = (directory: string): string => path.join(directory, "ca.crt");
const keyFile = (directory: string): string => path.join(directory, "ca.key");

/** The authority's certificate; undefined when there is none yet. */
export function readAuthority(directory: string): string | undefined {
  try {
    return readFileSync(certificateFile(directory), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Hosts are worked on at once, and each may want the same authority made. */
const making = new Map<string, Promise<void>>();

/** Makes the authority unless it is there. The key is put in place last but one, so that a certificate without key never counts. @throws ModuleFailure */
export function makeAuthority(wanted: AuthorityWanted): Promise<void> {
  const key = path.resolve(wanted.directory);
  let made = making.get(key);
  if (made === undefined) {
    made = makeOnce(wanted).finally(() => making.delete(key));
    making.set(key, made);
  }
  return made;
}

async function makeOnce({ directory, commonName, days }: AuthorityWanted): Promise<void> {
  if (readAuthority(directory) !== undefined) return;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const [key, certificate] = [`${keyFile(directory)}.new`, `${certificateFile(directory)}.new`];
  await openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key]);
  await chmod(key, 0o600);
  await openssl([
    ...[
      "req",
      "-x509",
      "-utf8",
      "-new",
      "-key",
      key,
      "-out",
      certificate,
      "-days",
      String(days),
      "-subj",
      subject(commonName),
    ],
    ...[
      "-addext",
      "basicConstraints=critical,CA:TRUE,pathlen:0",
      "-addext",
      "keyUsage=critical,keyCertSign,cRLSign",
    ],
  ]);
  await rename(key, keyFile(directory));
  await rename(certificate, certificateFile(directory));
}

export interface CertificateWanted {
  commonName: string;
  /** `DNS:name` and `IP:address`. */
  names: readonly string[];
  usage: readonly ("server" | "client")[];
  days: number;
}

/**
 * Signs a request. What the certificate says comes from `wanted`, never from the request: of that only the public key counts.
 *
 * @returns the certificate, PEM.
 * @throws ModuleFailure
 */
export async function signRequest(
  directory: string,
  request: string,
  wanted: CertificateWanted,
): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-ca-"));
  try {
    const extensions = [
      "basicConstraints=critical,CA:FALSE",
      "keyUsage=critical,digitalSignature",
      `extendedKeyUsage=${wanted.usage.map((one) => `${one}Auth`).join(",")}`,
      "subjectKeyIdentifier=hash",
      "authorityKeyIdentifier=keyid",
      ...(wanted.names.length === 0 ? [] : [`subjectAltName=${wanted.names.join(",")}`]),
    ];
    await writeFile(path.join(folder, "request.pem"), request, { mode: 0o600 });
    await writeFile(
      path.join(folder, "extensions"),
      `[req]\ndistinguished_name = name\n[name]\n[extensions]\n${extensions.join("\n")}\n`,
    );
    const said = [
      ...["-in", path.join(folder, "request.pem")],
      ...["-CA", certificateFile(directory), "-CAkey", keyFile(directory)],
      ...["-set_serial", await nextSerial(), "-days", String(wanted.days), "-extensions", "extensions"],
      ...["-subj", subject(wanted.commonName)],
    ];
    const settings = path.join(folder, "extensions");
    // `openssl x509` takes names for Latin-1; `openssl req` has authorities since 3.0 only.
    return await openssl(
      isAscii(wanted.commonName)
        ? ["x509", "-req", "-extfile", settings, ...said]
        : ["req", "-x509", "-utf8", "-config", settings, ...said],
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** RFC 5280, 4.1.2.2: unique, positive, at most 20 octets; from the system's randomness. */
async function nextSerial(): Promise<string> {
  const random = await open("/dev/urandom");
  try {
    const { buffer } = await random.read(Buffer.alloc(16), 0, 16);
    buffer[0] = (buffer[0] ?? 0) & 0x7f;
    return `0x${buffer.toString("hex")}`;
  } finally {
    await random.close();
  }
}

const isAscii = (text: string): boolean => /^[\u0001-\u007f]*$/.test(text);

function subject(commonName: string): string {
  return `/CN=${commonName.replace(/[\\/+=]/g, "\\$&")}`;
}

async function openssl(args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run("openssl", [...args]);
    return stdout;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new ModuleFailure("openssl is not installed on the controller", {
        hint: "apt-get install openssl",
        cause: error,
      });
    }
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    throw new ModuleFailure(`openssl ${args[0] ?? ""} failed: ${said.split("\n").at(-1) ?? ""}`, {
      cause: error,
    });
  }
}

/** Certificate of a PEM text; undefined for what is none. */
export function parseCertificate(pem: string | undefined): X509Certificate | undefined {
  if (pem === undefined || !pem.includes("-----BEGIN CERTIFICATE-----")) return undefined;
  try {
    return new X509Certificate(pem);
  } catch {
    // A damaged certificate is as good as none: it is replaced.
    return undefined;
  }
}
