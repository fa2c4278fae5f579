import { createHash } from "node:crypto";
import { z } from "zod";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import type { Value, ValueMap } from "../variables/value.ts";
import type { HttpAnswer } from "./http-through.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import type { StepHost } from "./step.ts";
import { basicAuthorization, bodyOf, lowerCase } from "./uri-body.ts";
import { type Asked, ask, isSafe, type Question, withoutSecrets } from "./uri-redirects.ts";

const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol), {
    error: "must be an address such as https://host:port/path",
  });

const statusCode = z.number().int().min(100).max(599);
/** Ansible takes text too: "200, 201". */
const statusCodes = z.preprocess(
  (value) =>
    typeof value === "string" && /^[\d,\s]+$/.test(value)
      ? value
          .split(/[,\s]+/)
          .filter(Boolean)
          .map(Number)
      : value,
  z.union([statusCode, z.array(statusCode).min(1)]),
);

const params = z
  .strictObject({
    url: httpUrl.describe("The address, as the host sees it."),
    method: z
      .string()
      .regex(/^[A-Za-z]+$/, { error: "must be a method such as GET or POST" })
      .transform((method) => method.toUpperCase())
      .default("GET")
      .describe("The method."),
    body: z
      .custom<Value>(() => true)
      .optional()
      .describe("What to send."),
    src: z.string().min(1).optional().describe("A file on the controller to send, instead of `body`."),
    body_format: z
      .enum(["raw", "json", "form-urlencoded"])
      .default("raw")
      .describe("How `body` is written; it sets Content-Type too."),
    headers: z
      .record(
        z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, {
          error: "must be the name of a header, such as Authorization, without blanks and colons",
        }),
        z.union([z.string(), z.number()]),
      )
      .default({})
      .describe("Headers."),
    status_code: statusCodes.default(200).describe("One answer or several that count as success."),
    return_content: z.boolean().default(false).describe("Give the body as `content`, whatever it is."),
    follow_redirects: z
      .enum(["safe", "all", "none"])
      .default("safe")
      .describe("`safe`: those of GET and HEAD."),
    url_username: z.string().optional().describe("User for Basic authentication."),
    url_password: z.string().optional().describe("Password for Basic authentication."),
    validate_certs: z.boolean().default(true).describe("Verify the server's certificate."),
    ca_path: z.string().optional().describe("The authority's certificate, on the controller."),
    client_cert: z.string().optional().describe("A certificate to show, on the controller."),
    client_key: z.string().optional().describe("Its key, on the controller."),
    unix_socket: absolutePath.optional().describe("A socket on the host, instead of the address in the URL."),
    dest: absolutePath
      .optional()
      .describe(
        "Where on the host the body goes, when the answer counts as success: a file, or a directory, in which it gets the last part of the address as its name. `get_url` does more: checksum, owner, mode, any size.",
      ),
    timeout: z.number().min(0.1).max(3600).default(30).describe("Seconds that each request may take."),
  })
  .refine((all) => all.body === undefined || all.src === undefined, {
    error: "give either `body` or `src`",
    path: ["src"],
  })
  .refine((all) => (all.client_cert === undefined) === (all.client_key === undefined), {
    error: "`client_cert` and `client_key` belong together",
    path: ["client_key"],
  });

type Params = z.infer<typeof params>;

interface Input extends Question {
  want: Params;
}

export const uri = defineLoadingModule<Params, Input, Record<string, never>, undefined>({
  name: "uri",
  summary: "Asks a web server, from the host",
  description:
    "The controller speaks HTTP through the host's SSH connection: nothing has to be installed there, and names and addresses are the host's. Certificates are verified. With `until` it is tried again.",
  params,
  secretParams: ["url_password", "headers.Authorization", "headers.authorization"],
  inCheckMode: ({ want }, { changesPendingAnywhere }) =>
    isSafe(want.method) && want.dest === undefined && !changesPendingAnywhere ? "run" : "predict",
  examples: [
    {
      title: "Is it up?",
      yaml: "- uri:\n    url: http://127.0.0.1:8080/health\n  register: health\n  until: health.status == 200\n  retries: 10\n  delay: 1\n",
    },
    {
      title: "Send JSON",
      yaml: '- uri:\n    url: https://api.internal/nodes\n    method: POST\n    body_format: json\n    body:\n      name: "{{ inventory_hostname }}"\n    headers:\n      Authorization: "Bearer {{ token }}"\n    ca_path: pki/ca.crt\n    status_code: [201, 409]\n',
    },
  ],
  returns: {
    status: "The status; -1 when nobody answered.",
    url: "Where the answer came from in the end.",
    redirected: "Whether that is elsewhere.",
    content: "The body as text, with `return_content`, or when the request failed.",
    json: "The body as a value, when it is JSON.",
    path: "With `dest`: the file on the host.",
    elapsed: "Seconds that it took.",
    tls: "TLS version.",
    content_type: "And every other header, in lower case, with `_` for `-`.",
  },
  load: async (want, controller) => {
    const read = async (file: string | undefined): Promise<Buffer | undefined> =>
      file === undefined ? undefined : (await controller.file(file, "files")).read();
    const [ca, cert, key, sent] = await Promise.all(
      [want.ca_path, want.client_cert, want.client_key, want.src].map(read),
    );
    const { body, contentType } = bodyOf(want.body ?? null, want.body_format);
    const given = lowerCase(want.headers);
    const authorization = basicAuthorization(new URL(want.url), want.url_username, want.url_password);
    if (authorization !== undefined) controller.addSecret(authorization);
    return {
      want,
      url: new URL(want.url),
      method: want.method,
      socketPath: want.unix_socket,
      timeoutMs: want.timeout * 1000,
      follows: want.follow_redirects,
      headers: {
        ...(contentType === undefined ? {} : { "content-type": contentType }),
        ...(authorization === undefined ? {} : { authorization }),
        ...given,
      },
      body: sent ?? body,
      tls: {
        verify: want.validate_certs,
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
      },
    };
  },
  queries: () => ({}),
  diff: ({ want }) => ({
    action: "run",
    summary: `${want.method} ${withoutSecrets(new URL(want.url))}`,
    differences: [],
    detail: undefined,
  }),
  steps: (change, input) => [
    {
      kind: "controller",
      title: change.summary,
      run: async (host) => {
        const { dest } = input.want;
        if (dest === undefined)
          return {
            output: { title: change.summary, data: { asked: await ask(host, input) } satisfies Outcome },
          };
        const asked = await ask(host, input, LARGEST_FILE_BYTES);
        if (!isExpected(input.want, asked))
          return { output: { title: change.summary, data: { asked } satisfies Outcome } };
        const saved = await placeFor(host, dest, asked.answer);
        const content = { kind: "bytes" as const, bytes: asked.answer.body };
        return {
          output: { title: change.summary, data: { asked, saved } satisfies Outcome },
          next: saved.differs
            ? [{ kind: "write-file" as const, title: `write ${saved.path}`, path: saved.path, content }]
            : [],
        };
      },
    },
  ],
  result: ({ want }, outputs) => {
    const outcome = outputs[0]?.data as Outcome | undefined;
    if (outcome === undefined) return { changed: false, failed: true, message: "no answer" };
    const { asked, saved } = outcome;
    const { answer } = asked;
    const expected = [want.status_code].flat();
    const failed = !isExpected(want, asked);
    return {
      changed: saved?.differs === true,
      failed,
      message: `${answer.status} ${answer.statusText}${failed ? `, and ${expected.join(" or ")} was wanted` : ""}`,
      data: {
        ...dataOf(asked, want.return_content || failed),
        ...(saved === undefined ? {} : { path: saved.path }),
      },
    };
  },
});

interface Outcome {
  asked: Asked;
  /** Where the body goes, and whether something else is there. */
  saved?: { path: string; differs: boolean };
}

/** It is in the controller's memory for a moment. */
const LARGEST_FILE_BYTES = 256 * 1024 * 1024;

function isExpected({ status_code: expected }: Params, { answer }: Asked): boolean {
  return [expected].flat().includes(answer.status);
}

/** @throws ModuleFailure when the body did not arrive whole, or nobody can say what is there. */
async function placeFor(
  host: StepHost,
  dest: string,
  answer: HttpAnswer,
): Promise<{ path: string; differs: boolean }> {
  if (answer.truncated)
    throw new ModuleFailure("the body is larger than 256 MiB", { hint: "get_url fetches files of any size" });
  const name = decodeURIComponent(new URL(answer.url).pathname.split("/").at(-1) ?? "");
  const script = shellLines(
    sh`path=${dest}; name=${name}`,
    rawShell('if [ -d "$path" ]; then case $name in ""|.|..|*/*) exit 3;; esac; path=${path%/}/$name; fi'),
    rawShell(
      'printf "%s\\0" "$path"; if [ -f "$path" ] && [ ! -L "$path" ]; then sha256sum < "$path"; else echo none; fi',
    ),
  );
  const found = await host.run(script);
  if (found.exitCode === 3)
    throw new ModuleFailure(`${dest} is a directory, and the address has no name for a file in it`, {
      hint: "write the file's name behind the directory",
    });
  const [path = dest, said = ""] = found.stdout.toString().split("\0");
  if (found.exitCode !== 0 || said === "")
    throw new ModuleFailure(`could not look at ${dest}: ${found.stderr.toString().trim()}`);
  const sha256 = createHash("sha256").update(answer.body).digest("hex");
  return { path, differs: !said.startsWith(sha256) };
}

/** Names that headers must not take the place of. */
const OWN_NAMES = new Set([
  "status",
  "url",
  "path",
  "redirected",
  "content",
  "json",
  "elapsed",
  "tls",
  "msg",
  "changed",
  "failed",
  "skipped",
  "attempts",
]);

function dataOf({ answer, redirected: wasRedirected, elapsedMs }: Asked, withContent: boolean): ValueMap {
  const headers = Object.entries(answer.headers).map(([name, value]) => [name.replaceAll("-", "_"), value]);
  const json = jsonOf(answer);
  return {
    ...Object.fromEntries(headers.filter(([name]) => !OWN_NAMES.has(name ?? ""))),
    status: answer.status,
    url: withoutSecrets(new URL(answer.url)),
    redirected: wasRedirected,
    elapsed: Math.round(elapsedMs) / 1000,
    tls: answer.tlsVersion ?? null,
    truncated: answer.truncated,
    ...(withContent ? { content: answer.body.toString() } : {}),
    ...(json === undefined ? {} : { json }),
  };
}

function jsonOf({ headers, body, truncated }: HttpAnswer): Value | undefined {
  if (truncated || !/[/+]json\b/i.test(headers["content-type"] ?? "")) return undefined;
  try {
    return JSON.parse(body.toString()) as Value;
  } catch {
    // A server that calls its body JSON when it is none: `content` shows what it is.
    return undefined;
  }
}
