import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type DigestAlgorithm, fileDigest } from "../queries/file-digest.ts";
import { type PathState, pathState } from "../queries/path-state.ts";
import { downloadSteps } from "./download.ts";
import { fileParams } from "./file-params.ts";
import { attributeDifferences, attributeScript, requireFolder } from "./managed-file.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { ownerTrials } from "./owner-trial.ts";
import { pathsTouched } from "./subject.ts";
import { basicAuthorization, lowerCase } from "./uri-body.ts";
import { withoutSecrets } from "./uri-redirects.ts";

const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol), {
    error:
      "must be an address such as https://host/path (for a file of the host: `copy` with `remote_src: true`)",
  });

const LENGTHS: Readonly<Record<DigestAlgorithm, number>> = {
  md5: 32,
  sha1: 40,
  sha224: 56,
  sha256: 64,
  sha384: 96,
  sha512: 128,
};

const checksum = z.string().refine(
  (text) => {
    const [, algorithm = "", digits = ""] = /^(\w+):([0-9A-Fa-f]+)$/.exec(text) ?? [];
    return Object.hasOwn(LENGTHS, algorithm) && LENGTHS[algorithm as DigestAlgorithm] === digits.length;
  },
  {
    error:
      "must be the algorithm and the digits, such as sha256:9f86d0…; `uri` with `return_content` reads a file of checksums",
  },
);

const { validate: _validate, dest: _dest, ...ownership } = fileParams;

const params = z.strictObject({
  url: httpUrl.describe("Where the file is."),
  dest: fileParams.dest.describe(
    "Where it goes: a path, or a directory in which it gets its name from the address.",
  ),
  checksum: checksum
    .optional()
    .describe(
      "What the file must be: `sha256:…`, also sha512, sha384, sha224, sha1, md5. A file that is it already is not fetched again.",
    ),
  force: z
    .boolean()
    .default(false)
    .describe(
      "Without `checksum`: fetch it every time, and replace the file if it is another. Otherwise a file that is there stays.",
    ),
  headers: z
    .record(
      z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, {
        error: "must be the name of a header, such as Authorization, without blanks and colons",
      }),
      z.union([z.string().regex(/^[^\r\n\0]*$/, { error: "must be one line" }), z.number()]),
    )
    .default({})
    .describe("Headers. They are told to nobody: not in argv, not in the output."),
  url_username: z.string().optional().describe("User for Basic authentication. `username` in Ansible too."),
  url_password: z.string().optional().describe("Password for Basic authentication."),
  validate_certs: z.boolean().default(true).describe("Verify the server's certificate."),
  ca_path: z.string().optional().describe("The authority's certificate, on the controller."),
  use_proxy: z
    .boolean()
    .default(true)
    .describe("Use the proxy that the environment names; only where the host has curl."),
  timeout: z.number().min(0.1).max(86_400).default(600).describe("Seconds that it may take."),
  ...ownership,
});

export type GetUrlParams = z.infer<typeof params>;

export interface GetUrlInput {
  want: GetUrlParams;
  url: URL;
  headers: Readonly<Record<string, string>>;
  authority: Buffer | undefined;
}

/** What the steps have to know: where it goes, and what is there. */
export interface GetUrlDetail {
  target: string;
  fetch: boolean;
  have: string | undefined;
}

export const getUrl = defineLoadingModule<
  GetUrlParams,
  GetUrlInput,
  {
    at: ReturnType<typeof pathState>;
    inside: ReturnType<typeof pathState>;
    digest: ReturnType<typeof fileDigest>;
    digestInside: ReturnType<typeof fileDigest>;
  },
  GetUrlDetail
>({
  name: "get_url",
  summary: "Fetches a file from a web server to the host",
  description:
    "Where the host has curl, curl fetches it: the file takes the short way, and curl is told headers through its standard input, so that no process list shows them. Where it has none, the controller speaks HTTP through the host's SSH connection and sends the file; nothing has to be installed, and up to 256 MiB are taken. The file is whole and its checksum is right before it takes its place.\n\nCheck mode asks the server, and fails where it would not give the file; of the file it takes no more than the beginning. So it can't say whether the checksum is right, nor, with `force`, whether it is another file: that is `unknown`.",
  params,
  secretParams: [
    "url_password",
    "headers.Authorization",
    "headers.authorization",
    "headers.Cookie",
    "headers.X-Api-Key",
    "headers.Private-Token",
  ],
  examples: [
    {
      title: "A release that must be this one",
      yaml: '- get_url:\n    url: https://example.org/tool-1.4.tar.gz\n    dest: /opt/tool-1.4.tar.gz\n    checksum: sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n    mode: "0644"\n',
    },
    {
      title: "With a token; whenever the server has another",
      yaml: '- get_url:\n    url: https://registry.internal/policy.json\n    dest: /etc/app/\n    force: true\n    headers:\n      Authorization: "Bearer {{ token }}"\n    owner: app\n    mode: "0600"\n  vars:\n    token: secret\n',
    },
  ],
  returns: { dest: "The file.", url: "The address.", checksum: "SHA-256 of the file." },
  load: async (want, controller) => {
    const url = new URL(want.url);
    const authorization = basicAuthorization(url, want.url_username, want.url_password);
    if (authorization !== undefined) controller.addSecret(authorization);
    if (url.password !== "") controller.addSecret(decodeURIComponent(url.password));
    url.username = "";
    url.password = "";
    return {
      want,
      url,
      headers: { ...(authorization === undefined ? {} : { authorization }), ...lowerCase(want.headers) },
      authority:
        want.ca_path === undefined ? undefined : await readFile(await controller.find(want.ca_path, "files")),
    };
  },
  queries: ({ want, url }) => {
    const other = algorithmOf(want);
    const ask = (path: string) =>
      fileDigest(other === undefined || other === "sha256" ? undefined : { path, algorithm: other });
    return {
      at: pathState({ path: want.dest, sha256: true }),
      inside: pathState({ path: insideOf(want.dest, url), sha256: true }),
      digest: ask(want.dest),
      digestInside: ask(insideOf(want.dest, url)),
    };
  },
  diff: (input, answers, situation) => {
    const { want, url } = input;
    const isDirectory = answers.at.type === "directory" || want.dest.endsWith("/");
    if (want.dest.endsWith("/") && answers.at.type !== "directory" && !situation.changesPending)
      throw new ModuleFailure(`the directory ${want.dest} is not there`);
    const target = isDirectory ? insideOf(want.dest, url) : want.dest;
    const state = isDirectory ? answers.inside : answers.at;
    if (state.type === "directory" || state.type === "other")
      throw new ModuleFailure(`${target} is a ${state.type}`);
    requireFolder(target, state, situation);
    const has = (isDirectory ? answers.digestInside : answers.digest).digest ?? sha256Of(state);
    const wanted = want.checksum?.split(":")[1]?.toLowerCase();
    const isRight =
      wanted === undefined
        ? state.type === "file" || (state.type === "link" && state.sha256 !== undefined)
        : has === wanted;
    const attributes = attributeDifferences(want, state);
    const data = {
      dest: target,
      url: withoutSecrets(url),
      ...(sha256Of(state) === undefined ? {} : { checksum: sha256Of(state) ?? "" }),
    };
    const detail: GetUrlDetail = { target, fetch: true, have: sha256Of(state) };
    // Only the server knows whether it has another: that can't be asked again afterwards either.
    if (want.force && wanted === undefined)
      return {
        action: "run",
        summary: `fetch ${withoutSecrets(url)}`,
        differences: attributes,
        detail,
        data,
      };
    if (isRight && attributes.length === 0) return { action: "none", reason: `${target} is there`, data };
    if (isRight)
      return {
        action: "update",
        summary: `set owner and mode of ${target}`,
        differences: attributes,
        detail: { ...detail, fetch: false },
        data,
      };
    return {
      action: state.type === "absent" ? "create" : "update",
      summary: `fetch ${withoutSecrets(url)}`,
      differences: [
        {
          kind: "field",
          name: target,
          before: state.type === "absent" ? "absent" : (has ?? "another file"),
          after: want.checksum ?? withoutSecrets(url),
        },
        ...(state.type === "absent" ? [] : attributes),
      ],
      detail,
      data,
    };
  },
  touches: (_, change) => (change === undefined ? [] : pathsTouched(change.detail.target)),
  steps: (change, input) =>
    change.detail.fetch
      ? downloadSteps(input, change.detail, change.summary)
      : [
          {
            kind: "script",
            title: change.summary,
            script: attributeScript({
              path: change.detail.target,
              owner: input.want.owner,
              group: input.want.group,
              mode: input.want.mode,
            }),
            trials: ownerTrials(input.want),
          },
        ],
  result: ({ url }, outputs, change) => {
    const { target, fetch } = change.detail;
    const said = outputs
      .map(({ exec, data }) => exec?.stdout.toString() ?? (typeof data === "string" ? data : ""))
      .join("\n");
    const [, state, sha256] = /^(changed|same) ([0-9a-f]{64})$/m.exec(said) ?? [];
    return {
      changed: !fetch || state !== "same",
      message: state === "same" ? `${target} is what the server has` : change.summary,
      data: { dest: target, url: withoutSecrets(url), ...(sha256 === undefined ? {} : { checksum: sha256 }) },
    };
  },
});

function algorithmOf({ checksum: wanted }: GetUrlParams): DigestAlgorithm | undefined {
  return wanted?.split(":")[0] as DigestAlgorithm | undefined;
}

/** The last part of the address is its name in a directory. */
function insideOf(dest: string, url: URL): string {
  const last = url.pathname.split("/").filter(Boolean).at(-1) ?? "index.html";
  const name = decodeURIComponent(last).replaceAll(/[/\0]/g, "_");
  return `${dest.replace(/\/+$/, "")}/${name === "." || name === ".." ? "_" : name}`;
}

function sha256Of(state: PathState): string | undefined {
  return state.type === "absent" ? undefined : state.sha256;
}
