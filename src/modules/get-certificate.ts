import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { z } from "zod";
import type { ValueMap } from "../variables/value.ts";
import { certificateFacts, daysLeft } from "./certificate-facts.ts";
import { connectThrough } from "./connect-through.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import type { StepHost } from "./step.ts";

const params = z.strictObject({
  host: z.string().min(1).describe("Name or address of the server, as the host sees it."),
  port: z.number().int().min(1).max(65535).describe("Its port."),
  server_name: z
    .string()
    .min(1)
    .optional()
    .describe("The name asked for (SNI) and compared. Without: `host`."),
  ca_cert: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The authority's certificate, on the controller: the server's must be from it, and for its name.",
    ),
  starttls: z
    .enum(["postgresql", "smtp"])
    .optional()
    .describe("How TLS is asked for on a port that begins without: PostgreSQL and PgBouncer, or mail."),
  min_days_left: z.number().int().min(0).optional().describe("Fail when it is valid for fewer days."),
  timeout: z.number().min(0.1).max(3600).default(10).describe("Seconds that it may take."),
});

type Params = z.infer<typeof params>;
type Input = Params & { authority: Buffer | undefined };

interface Seen {
  certificate: X509Certificate;
  /** Why the certificate is not to be trusted; undefined: it is. */
  refusal: string | undefined;
  tlsVersion: string | undefined;
}

export const getCertificate = defineLoadingModule<Params, Input, Record<string, never>, undefined>({
  name: "get_certificate",
  summary: "The certificate that a server shows, and for how long it is valid",
  description:
    "The server is asked through the host's SSH connection, so nothing has to be installed there and names are the host's. Without `ca_cert` nothing is verified, only told. `x509_certificate_info` looks at a file.",
  params,
  inCheckMode: (_want, { changesPendingAnywhere }) => (changesPendingAnywhere ? "predict" : "run"),
  examples: [
    {
      title: "Fail a month before PgBouncer's certificate expires",
      yaml: "- get_certificate:\n    host: 127.0.0.1\n    port: 6432\n    starttls: postgresql\n    server_name: pool1\n    ca_cert: pki/ca.crt\n    min_days_left: 30\n",
    },
    {
      title: "A web server's",
      yaml: '- get_certificate:\n    host: www.internal\n    port: 443\n  register: web\n- debug:\n    msg: "{{ web.days_left }} days"\n',
    },
  ],
  returns: {
    cert: "The certificate, PEM.",
    subject:
      "Whom it is for. `issuer`, `subject_alt_name`, `not_before`, `not_after`, `expires`, `days_left`, `expired`, `not_yet_valid`, `serial_number`, `fingerprints`, `public_key`, `public_key_type`, `extended_key_usage`, `is_ca`, `self_signed`: as `x509_certificate_info` gives them.",
    verified: "With `ca_cert`: whether it is from that authority and for that name.",
    tls: "TLS version.",
  },
  load: async (want, controller) => ({
    ...want,
    authority:
      want.ca_cert === undefined ? undefined : await readFile(await controller.find(want.ca_cert, "files")),
  }),
  queries: () => ({}),
  diff: ({ host, port }) => ({
    action: "run",
    summary: `ask ${host}:${port} for its certificate`,
    differences: [],
    detail: undefined,
  }),
  touches: () => [],
  steps: (change, want) => [
    {
      kind: "controller",
      title: change.summary,
      run: async (host) => ({ output: { title: change.summary, data: await look(host, want) } }),
    },
  ],
  result: (want, outputs) => {
    const seen = outputs[0]?.data as Seen | undefined;
    if (seen === undefined) return { changed: false, failed: true, message: "no answer" };
    const nowSeconds = Date.now() / 1000;
    const left = daysLeft(seen.certificate, nowSeconds);
    const data: ValueMap = {
      ...certificateFacts(seen.certificate, nowSeconds),
      cert: seen.certificate.toString(),
      tls: seen.tlsVersion ?? null,
      ...(want.authority === undefined ? {} : { verified: seen.refusal === undefined }),
    };
    const server = `${want.host}:${want.port}`;
    const wrong =
      want.min_days_left !== undefined && left < want.min_days_left
        ? left < 0
          ? `the certificate of ${server} expired ${-left} days ago`
          : `the certificate of ${server} is valid for ${left} days only, and ${want.min_days_left} were wanted`
        : want.authority !== undefined && seen.refusal !== undefined
          ? `the certificate of ${server} can't be trusted: ${seen.refusal}`
          : undefined;
    return { changed: false, failed: wrong !== undefined, message: wrong ?? `valid for ${left} days`, data };
  },
});

/** @throws ModuleFailure when nobody answers, or TLS can't be had. */
async function look(host: StepHost, want: Input): Promise<Seen> {
  const signal = AbortSignal.any([host.signal, AbortSignal.timeout(want.timeout * 1000)]);
  const server = `${want.host}:${want.port}`;
  const raw = await connectThrough(host, { host: want.host, port: want.port }, want.timeout * 1000).catch(
    (cause: unknown) => {
      throw cause instanceof ModuleFailure
        ? cause
        : new ModuleFailure(`nobody answers at ${server}`, { cause });
    },
  );
  const stop = (): void => void raw.destroy(new Error(`no answer within ${want.timeout} s`));
  signal.addEventListener("abort", stop);
  try {
    if (want.starttls === "postgresql") await askPostgresql(raw);
    if (want.starttls === "smtp") await askSmtp(raw);
    return await handshake(raw, want);
  } catch (cause) {
    throw new ModuleFailure(
      `${server} shows no certificate: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
        ...(want.starttls === undefined
          ? { hint: "PostgreSQL and PgBouncer need `starttls: postgresql`" }
          : {}),
      },
    );
  } finally {
    signal.removeEventListener("abort", stop);
    raw.destroy();
  }
}

/** SSLRequest (PostgreSQL's protocol, 55.2.11): the server answers one letter. */
async function askPostgresql(stream: Duplex): Promise<void> {
  const request = Buffer.alloc(8);
  request.writeInt32BE(8, 0);
  request.writeInt32BE(80_877_103, 4);
  stream.write(request);
  const answer = await received(stream, (heard) => heard.byteLength >= 1);
  if (answer.toString("latin1") !== "S") throw new Error("it does without TLS");
}

/** RFC 3207. */
async function askSmtp(stream: Duplex): Promise<void> {
  const complete = (heard: Buffer): boolean => /^\d{3} .*\r?\n$/m.test(heard.toString("latin1"));
  await received(stream, complete);
  stream.write("EHLO plumb\r\n");
  await received(stream, complete);
  stream.write("STARTTLS\r\n");
  const answer = (await received(stream, complete)).toString("latin1");
  if (!answer.startsWith("220")) throw new Error(`it does without TLS: ${answer.trim()}`);
}

function received(stream: Duplex, isAll: (heard: Buffer) => boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let heard = Buffer.alloc(0);
    const end = (error?: Error): void => {
      stream.off("data", take);
      stream.off("error", end);
      stream.off("close", closed);
      stream.pause();
      if (error === undefined) resolve(heard);
      else reject(error);
    };
    const closed = (): void => end(new Error("it closed the connection"));
    const take = (chunk: Buffer): void => {
      heard = Buffer.concat([heard, chunk]);
      if (isAll(heard)) end();
      else if (heard.byteLength > 65_536) end(new Error("it says too much"));
    };
    stream.on("data", take);
    stream.once("error", end);
    stream.once("close", closed);
  });
}

/** The certificate is wanted whatever it is worth: it is taken first, and judged afterwards. */
function handshake(raw: Duplex, want: Input): Promise<Seen> {
  const name = want.server_name ?? want.host;
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      socket: raw,
      // An address has no place in the handshake (RFC 6066, 3); it is compared with the certificate all the same.
      ...(isIP(name) === 0 ? { servername: name } : { host: name }),
      rejectUnauthorized: false,
      minVersion: "TLSv1",
      ...(want.authority === undefined ? {} : { ca: want.authority }),
    });
    socket.once("secureConnect", () => {
      const shown = socket.getPeerX509Certificate();
      if (shown === undefined) return reject(new Error("it showed none"));
      const certificate = new X509Certificate(shown.raw);
      const isFor = isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
      const refusal =
        isFor === undefined
          ? `it is not for ${name}`
          : socket.authorized
            ? undefined
            : String(socket.authorizationError);
      resolve({ certificate, refusal, tlsVersion: socket.getProtocol() ?? undefined });
      socket.destroy();
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed before TLS was ready")));
  });
}
