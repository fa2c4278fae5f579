import { createHash } from "node:crypto";
import { enterFolderOf } from "../shell/safe-folder.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { GetUrlDetail, GetUrlInput } from "./get-url.ts";
import type { HttpAnswer } from "./http-through.ts";
import { attributeScript } from "./managed-file.ts";
import { ModuleFailure } from "./module.ts";
import { ownerTrials } from "./owner-trial.ts";
import type { Step, StepHost } from "./step.ts";
import { ask, type Question, withoutSecrets } from "./uri-redirects.ts";

/** What is taken through the controller at most: it is in its memory for a moment. */
const LARGEST_THROUGH_CONTROLLER_BYTES = 256 * 1024 * 1024;

/** Fetches a file to the host: by the host's curl, or through the controller where it has none. */
export function downloadSteps(input: GetUrlInput, detail: GetUrlDetail, title: string): Step[] {
  return [
    {
      kind: "controller",
      title,
      trials: ownerTrials(input.want),
      tryOut: async (host) =>
        (await hasCurl(host)) ? tryCurl(host, input, title) : tryThroughController(host, input),
      run: async (host) =>
        (await hasCurl(host))
          ? { next: [curlStep(input, detail, title)] }
          : throughController(host, input, detail, title),
    },
  ];
}

async function hasCurl(host: StepHost): Promise<boolean> {
  return (await host.run(rawShell("command -v curl >/dev/null"))).exitCode === 0;
}

function curlStep(
  { want, url, headers, authority }: GetUrlInput,
  { target }: GetUrlDetail,
  title: string,
): Step {
  const [algorithm = "sha256", digits = ""] = want.checksum?.split(":") ?? [];
  return {
    kind: "script",
    title,
    timeoutMs: (want.timeout + 60) * 1000,
    stdin: Buffer.from(curlSettings(url, headers)),
    script: shellLines(
      rawShell("set -eu; umask 077"),
      sh`digits=${digits.toLowerCase()}`,
      enterFolderOf(target),
      rawShell("plumb_work || exit 1"),
      authorityFile(authority),
      sh`curl ${curlOptions(want, authority, want.timeout)} --output content --config -`,
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

function authorityFile(authority: GetUrlInput["authority"]): ShellText | undefined {
  return authority === undefined ? undefined : sh`printf '%s' ${authority.toString()} > authority`;
}

function curlOptions(
  want: GetUrlInput["want"],
  authority: GetUrlInput["authority"],
  seconds: number,
): readonly string[] {
  return [
    ...["--silent", "--show-error", "--fail", "--location", "--max-redirs", "10", "--globoff"],
    ...["--proto", "=http,https", "--proto-redir", "=http,https", "--max-time", String(seconds)],
    ...(want.validate_certs ? [] : ["--insecure"]),
    ...(want.use_proxy ? [] : ["--noproxy", "*"]),
    ...(authority === undefined ? [] : ["--cacert", "authority"]),
  ];
}

/** In check mode a server that is slow to begin is not waited for any longer. */
const LONGEST_TRIAL_SECONDS = 60;

/**
 * Whether the server would give the file. It is asked as in a run (some answer HEAD otherwise), and no more than the beginning is taken.
 *
 * @throws ModuleFailure in the words in which the step would fail.
 */
async function tryCurl(
  host: StepHost,
  { want, url, headers, authority }: GetUrlInput,
  title: string,
): Promise<void> {
  const options = curlOptions(want, authority, Math.min(want.timeout, LONGEST_TRIAL_SECONDS));
  const script = shellLines(
    rawShell(
      'set -eu; umask 077; work=$(mktemp -d); trap \'rm -rf -- "$work"\' EXIT; cd -- "$work"; cat > settings',
    ),
    authorityFile(authority),
    sh`{ curl ${options} --config settings 2> said || echo $? > code; } | head -c 1 > /dev/null`,
    // 23: nobody takes more of it.
    rawShell(
      '[ -e code ] || exit 0; read -r code < code; [ "$code" != 23 ] || exit 0; cat said >&2; exit "$code"',
    ),
  );
  const asked = await host.run(script, {
    stdin: Buffer.from(curlSettings(url, headers)),
    timeoutMs: (LONGEST_TRIAL_SECONDS + 10) * 1000,
  });
  if (asked.exitCode === 0) return;
  const said = asked.stderr.toString().trim();
  throw new ModuleFailure(`${title}: exit ${asked.exitCode ?? "unknown"}${said === "" ? "" : `: ${said}`}`);
}

/** The same without curl on the host. @throws ModuleFailure */
async function tryThroughController(host: StepHost, input: GetUrlInput): Promise<void> {
  const timeoutMs = Math.min(input.want.timeout, LONGEST_TRIAL_SECONDS) * 1000;
  refuseStatus(input, (await ask(host, { ...questionOf(input), timeoutMs }, 0)).answer);
}

function questionOf({ want, url, headers, authority }: GetUrlInput): Question {
  return {
    url,
    method: "GET",
    headers,
    body: undefined,
    socketPath: undefined,
    timeoutMs: want.timeout * 1000,
    follows: "all",
    tls: { verify: want.validate_certs, ...(authority === undefined ? {} : { ca: authority }) },
  };
}

/** @throws ModuleFailure */
function refuseStatus({ url }: GetUrlInput, { status, statusText }: HttpAnswer): void {
  if (status !== 200) throw new ModuleFailure(`${withoutSecrets(url)}: ${status} ${statusText}`);
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
  input: GetUrlInput,
  { target, have }: GetUrlDetail,
  title: string,
): Promise<{ output?: { title: string; data: string }; next?: readonly Step[] }> {
  const { want } = input;
  const { answer } = await ask(host, questionOf(input), LARGEST_THROUGH_CONTROLLER_BYTES);
  refuseStatus(input, answer);
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
