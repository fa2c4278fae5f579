import { type HttpAnswer, type HttpRequest, httpThrough } from "./http-through.ts";
import { ModuleFailure } from "./module.ts";
import type { StepHost } from "./step.ts";

/** Of an answer more than this is not kept. */
const LONGEST_BODY_BYTES = 10 * 1024 * 1024;
const MOST_REDIRECTS = 10;

/** What to ask, and how far to follow where the answer leads. */
export interface Question extends Omit<HttpRequest, "maxBodyBytes"> {
  follows: "safe" | "all" | "none";
}

export interface Asked {
  answer: HttpAnswer;
  redirected: boolean;
  elapsedMs: number;
}

/** Methods that only look. */
export function isSafe(method: string): boolean {
  return ["GET", "HEAD", "OPTIONS"].includes(method);
}

/** @param maxBodyBytes of an answer more is not kept. @throws ModuleFailure when nobody answers, or the answers lead on and on. */
export async function ask(
  host: StepHost,
  { follows, ...question }: Question,
  maxBodyBytes = LONGEST_BODY_BYTES,
): Promise<Asked> {
  const started = performance.now();
  let request: HttpRequest = { ...question, maxBodyBytes };
  for (let redirects = 0; ; redirects++) {
    const answer = await httpThrough(host, request).catch((cause: unknown) => {
      throw cause instanceof ModuleFailure ? cause : unanswered(request.url, cause);
    });
    const location = answer.headers["location"];
    const leadsOn = [301, 302, 303, 307, 308].includes(answer.status) && location !== undefined;
    const isFollowed = follows === "all" || (follows === "safe" && isSafe(request.method));
    if (!leadsOn || !isFollowed)
      return { answer, redirected: redirects > 0, elapsedMs: performance.now() - started };
    if (redirects === MOST_REDIRECTS)
      throw new ModuleFailure(`${withoutSecrets(question.url)} leads on and on: ${MOST_REDIRECTS} redirects`);
    request = redirected(request, destination(location, request.url), answer.status);
  }
}

/** @throws ModuleFailure for what is no address of a web server. */
function destination(location: string, from: URL): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new ModuleFailure(
    `${withoutSecrets(from)} leads to ${JSON.stringify(location)}, which is no web address`,
  );
}

/** What a browser does: a POST becomes a GET, except for 307 and 308; credentials stay with the server they are for. */
function redirected(request: HttpRequest, url: URL, status: number): HttpRequest {
  const keeps = status === 307 || status === 308 || isSafe(request.method);
  const { authorization, cookie, "content-type": contentType, ...rest } = request.headers;
  const isSame = url.origin === request.url.origin;
  return {
    ...request,
    url,
    socketPath: isSame ? request.socketPath : undefined,
    method: keeps ? request.method : "GET",
    body: keeps ? request.body : undefined,
    headers: {
      ...rest,
      ...(isSame && authorization !== undefined ? { authorization } : {}),
      ...(isSame && cookie !== undefined ? { cookie } : {}),
      ...(keeps && contentType !== undefined ? { "content-type": contentType } : {}),
    },
  };
}

function unanswered(url: URL, cause: unknown): ModuleFailure {
  const message = (cause instanceof Error ? cause.message : String(cause)).replace(/; if the root CA.*$/, "");
  const isCertificate = /certificate|altname|self.signed|CERT_/i.test(message);
  return new ModuleFailure(`${withoutSecrets(url)} does not answer: ${message}`, {
    cause,
    ...(isCertificate
      ? {
          hint: "give the authority's certificate as `ca_path`; the name in the address must stand in the server's certificate",
        }
      : {}),
    data: { status: -1, url: withoutSecrets(url) },
  });
}

/** The address without user and password. */
export function withoutSecrets(address: URL): string {
  const url = new URL(address);
  url.username = "";
  url.password = "";
  return url.href;
}
