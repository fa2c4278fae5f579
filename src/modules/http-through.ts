import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type SecureContextOptions } from "node:tls";
import { connectThrough } from "./connect-through.ts";
import type { StepHost } from "./step.ts";

/** A request as the host makes it. */
export interface HttpRequest {
  url: URL;
  method: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array | undefined;
  /** A socket on the host, instead of the address in the URL. */
  socketPath: string | undefined;
  tls: { verify: boolean } & Pick<SecureContextOptions, "ca" | "cert" | "key">;
  timeoutMs: number;
  /** Of the answer's body at most this much is kept. */
  maxBodyBytes: number;
}

export interface HttpAnswer {
  url: string;
  status: number;
  statusText: string;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  truncated: boolean;
  /** TLS version, such as TLSv1.3; undefined without TLS. */
  tlsVersion: string | undefined;
}

/**
 * Makes an HTTP request from a host: Node's client speaks through the host's SSH connection, so that nothing has to be installed there, and names are
 * resolved as the host resolves them.
 *
 * @throws ModuleFailure when sshd does not let connections through; Error when nobody answers, or TLS can't be had.
 */
export async function httpThrough(host: StepHost, wanted: HttpRequest): Promise<HttpAnswer> {
  const { url, tls, socketPath, timeoutMs } = wanted;
  const isTls = url.protocol === "https:";
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || (isTls ? 443 : 80));
  const target = socketPath === undefined ? { host: name, port } : { socketPath };
  const signal = AbortSignal.any([host.signal, AbortSignal.timeout(timeoutMs)]);
  const raw = await connectThrough(host, target, timeoutMs);
  const { stream, version } = isTls
    ? await overTls(raw, name, tls, signal)
    : { stream: raw, version: undefined };
  try {
    const answer = await exchange(wanted, stream, signal);
    return { ...answer, url: url.href, tlsVersion: version };
  } catch (error) {
    throw signal.aborted ? new Error(`no answer within ${timeoutMs / 1000} s`, { cause: error }) : error;
  } finally {
    stream.destroy();
    raw.destroy();
  }
}

async function overTls(
  raw: Duplex,
  name: string,
  { verify, ca, cert, key }: HttpRequest["tls"],
  signal: AbortSignal,
): Promise<{ stream: Duplex; version: string | undefined }> {
  const socket = connectTls({
    socket: raw,
    // An address has no place in the handshake (RFC 6066, 3); it is compared with the certificate all the same.
    ...(isIP(name) === 0 ? { servername: name } : { host: name }),
    rejectUnauthorized: verify,
    ALPNProtocols: ["http/1.1"],
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  const stop = (): void => void socket.destroy(new Error("TLS was not ready in time"));
  signal.addEventListener("abort", stop);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the connection was closed before TLS was ready")));
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
  return { stream: socket, version: socket.getProtocol() ?? undefined };
}

async function exchange(
  { url, method, headers, body, maxBodyBytes }: HttpRequest,
  stream: Duplex,
  signal: AbortSignal,
): Promise<Omit<HttpAnswer, "url" | "tlsVersion">> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    // The stream speaks TLS already where it has to: for the client it is a plain one.
    const request = process.getBuiltinModule("node:http").request(
      {
        method,
        path: `${url.pathname}${url.search}`,
        headers: { host: url.host, "accept-encoding": "identity", connection: "close", ...headers },
        createConnection: () => stream,
        signal,
      },
      resolve,
    );
    request.once("error", reject);
    request.end(body);
  });
  const { bytes, truncated } = await bodyOf(answer, maxBodyBytes);
  return {
    status: answer.statusCode ?? 0,
    statusText: answer.statusMessage ?? "",
    headers: Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")]),
    ),
    body: bytes,
    truncated,
  };
}

async function bodyOf(
  answer: IncomingMessage,
  maxBytes: number,
): Promise<{ bytes: Buffer; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    const room = maxBytes - size;
    chunks.push(chunk.subarray(0, Math.max(0, room)));
    size += chunk.byteLength;
    // An answer that never ends must not go on for ever.
    if (size > maxBytes) return { bytes: Buffer.concat(chunks), truncated: true };
  }
  return { bytes: Buffer.concat(chunks), truncated: false };
}
