import { createHash } from "node:crypto";
import { enterFolderOf } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { GetUrlDetail, GetUrlInput } from "./get-url.ts";
import { attributeScript } from "./managed-file.ts";
import { ModuleFailure } from "./module.ts";
import { ownerTrials } from "./owner-trial.ts";
import type { Step, StepHost } from "./step.ts";
import { ask, withoutSecrets } from "./uri-redirects.ts";

/** What is taken through the controller at most: it is in its memory for a moment. */
const LARGEST_THROUGH_CONTROLLER_BYTES = 256 * 1024 * 1024;

/** Fetches a file to the host: by the host's curl, or through the controller where it has none. */
export function downloadSteps(input: GetUrlInput, detail: GetUrlDetail, title: string): Step[] {
  return [
    {
      kind: "controller",
      title,
      run: async (host) => {
        const found = await host.run(rawShell("command -v curl >/dev/null"));
        if (found.exitCode === 0) return { next: [curlStep(input, detail, title)] };
        return throughController(host, input, detail, title);
      },
    },
  ];
}

function curlStep(
  { want, url, headers, authority }: GetUrlInput,
  { target }: GetUrlDetail,
  title: string,
): Step {
  const options = [
    ...["--silent", "--show-error", "--fail", "--location", "--max-redirs", "10", "--globoff"],
    ...["--proto", "=http,https", "--proto-redir", "=http,https", "--max-time", String(want.timeout)],
    ...(want.validate_certs ? [] : ["--insecure"]),
    ...(want.use_proxy ? [] : ["--noproxy", "*"]),
  ];
  const [algorithm = "sha256", digits = ""] = want.checksum?.split(":") ?? [];
  return {
    kind: "script",
    title,
    timeoutMs: (want.timeout + 60) * 1000,
    trials: ownerTrials(want),
    stdin: Buffer.from(curlSettings(url, headers)),
    script: shellLines(
      rawShell("set -eu; umask 077"),
      sh`digits=${digits.toLowerCase()}`,
      enterFolderOf(target),
      rawShell("plumb_work || exit 1"),
      authority === undefined ? undefined : sh`printf '%s' ${authority.toString()} > authority`,
      sh`curl ${options} ${authority === undefined ? [] : ["--cacert", "authority"]} --output content --config -`,
      // An empty answer makes no file.
      rawShell("[ -e content ] || : > content"),
      digits === ""
        ? undefined
        : sh`has=$(${`${algorithm}sum`} < content); has=\${has%% *}; [ "$has" = "$digits" ] || { echo "the file is another than it should be: its "${algorithm}" is $has" >&2; exit 1; }`,
      rawShell("sha256=$(sha256sum < content); sha256=${sha256%% *}"),
      rawShell(
        'if [ -f "../$name" ] && [ ! -L "../$name" ] && cmp -s -- content "../$name"; then state=same',
      ),
      rawShell("else state=changed"),
      rawShell(
        '  plumb_before "$name"; [ -z "$owner" ] || chown -- "$owner" content; chmod -- "${mode:-0644}" content',
      ),
      attributesOf(want),
      want.backup ? rawShell('  plumb_backup "$name"') : undefined,
      rawShell('  sync -- content; mv -fT -- content "../$name"; sync -- ..'),
      rawShell("fi"),
      attributeScript({ path: target, owner: want.owner, group: want.group, mode: want.mode }),
      rawShell(`printf '%s %s\\n' "$state" "$sha256"`),
    ),
  };
}

function attributesOf({ owner, group, mode }: GetUrlInput["want"]): ShellText {
  const both = `${owner ?? ""}${group === undefined ? "" : `:${group}`}`;
  return shellLines(
    both === "" ? undefined : sh`  chown -- ${both} content`,
    mode === undefined ? undefined : sh`  chmod -- ${mode} content`,
  );
}

/** curl's own file format (curl(1), --config): what stands in it stands in no process list. */
function curlSettings(url: URL, headers: Readonly<Record<string, string>>): string {
  const quoted = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`;
  return [
    `url = ${quoted(url.href)}`,
    ...Object.entries(headers).map(
      ([name, value]) => `header = ${quoted(value === "" ? `${name};` : `${name}: ${value}`)}`,
    ),
    "",
  ].join("\n");
}

async function throughController(
  host: StepHost,
  { want, url, headers, authority }: GetUrlInput,
  { target, have }: GetUrlDetail,
  title: string,
): Promise<{ output?: { title: string; data: string }; next?: readonly Step[] }> {
  const { answer } = await ask(
    host,
    {
      url,
      method: "GET",
      headers,
      body: undefined,
      socketPath: undefined,
      timeoutMs: want.timeout * 1000,
      follows: "all",
      tls: { verify: want.validate_certs, ...(authority === undefined ? {} : { ca: authority }) },
    },
    LARGEST_THROUGH_CONTROLLER_BYTES,
  );
  if (answer.status !== 200)
    throw new ModuleFailure(`${withoutSecrets(url)}: ${answer.status} ${answer.statusText}`);
  if (answer.truncated)
    throw new ModuleFailure("the file is larger than 256 MiB", {
      hint: "install curl on the host: it fetches files of any size",
    });
  refuseWrong(answer.body, want.checksum);
  const sha256 = createHash("sha256").update(answer.body).digest("hex");
  const { owner, group, mode, backup } = want;
  if (sha256 === have)
    return {
      output: { title, data: `same ${sha256}` },
      next: [{ kind: "script", title, script: attributeScript({ path: target, owner, group, mode }) }],
    };
  return {
    output: { title, data: `changed ${sha256}` },
    next: [
      {
        kind: "write-file",
        title: `write ${target}`,
        path: target,
        content: { kind: "bytes", bytes: answer.body },
        ...(owner === undefined ? {} : { owner }),
        ...(group === undefined ? {} : { group }),
        ...(mode === undefined ? {} : { mode }),
        ...(backup ? { backup } : {}),
      },
    ],
  };
}

/** @throws ModuleFailure when the bytes are not what the checksum says. */
function refuseWrong(bytes: Uint8Array, wanted: string | undefined): void {
  const [algorithm = "sha256", digits] = wanted?.split(":") ?? [];
  if (digits === undefined) return;
  const has = createHash(algorithm).update(bytes).digest("hex");
  if (has !== digits.toLowerCase())
    throw new ModuleFailure(`the file is another than it should be: its ${algorithm} is ${has}`);
}
