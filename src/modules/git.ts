import { z } from "zod";
import { type GitState, gitState } from "../queries/git-state.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import type { Step } from "./step.ts";

const word = z
  .string()
  .min(1)
  .regex(/^[^\s\0-][^\n\0]*$/, { error: "must be one line that does not begin with `-`" });
const refName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_./+@-]*$/, { error: "must be a branch, a tag or a commit" });

const params = z
  .strictObject({
    repo: word.describe(
      "Where the repository is: https://, ssh://, git@host:path, or a path on the host. `name` is another name for it.",
    ),
    dest: absolutePath.describe("Where the copy goes."),
    version: refName
      .default("HEAD")
      .describe("A branch, a tag, or a commit in full. HEAD: the repository's main branch."),
    remote: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, { error: "must be letters, digits, `_` and `-`" })
      .default("origin")
      .describe("What the repository is called in the copy."),
    clone: z.boolean().default(true).describe("`false`: where there is no copy, none is made."),
    update: z
      .boolean()
      .default(true)
      .describe("`false`: a copy that is there stays as it is, and the repository is not asked."),
    force: z
      .boolean()
      .default(false)
      .describe("Files of the copy that were changed by hand are overwritten."),
    bare: z.boolean().default(false).describe("A repository without working files."),
    depth: z.number().int().min(1).optional().describe("Take only so many commits of the history."),
    single_branch: z.boolean().default(false).describe("Take only the branch that is wanted."),
    recursive: z.boolean().default(true).describe("Submodules too."),
    key_file: absolutePath.optional().describe("A private key on the host to log in with."),
    accept_newhostkey: z
      .boolean()
      .default(false)
      .describe("Trust a host key that nobody has seen; one that has changed never."),
    accept_hostkey: z
      .boolean()
      .default(false)
      .describe("The same as `accept_newhostkey`: a changed key is not accepted by that either."),
    ssh_opts: z
      .string()
      .regex(/^[^\n\0]*$/, { error: "must be one line" })
      .optional()
      .describe("More options for ssh."),
    verify_commit: z
      .boolean()
      .default(false)
      .describe("Fail unless the commit is signed by a key that the user's GnuPG trusts."),
    umask: z
      .string()
      .regex(/^0?[0-7]{3}$/, { error: 'must be three octal digits in quotes, such as "022"' })
      .optional()
      .describe("The umask for new files."),
    executable: z
      .string()
      .regex(/^[^\s\0]+$/, { error: "must be the path of git, without blanks" })
      .default("git")
      .describe("Another git than the first on the path."),
  })
  .refine((all) => all.bare === false || !all.force, {
    error: "a bare repository has no files to overwrite",
    path: ["force"],
  });

type Params = z.infer<typeof params>;

interface Input {
  want: Params;
  /** Without the password. */
  repository: string;
  /** What git is told through its environment: argv and the copy's configuration can be read by others. */
  authorization: string | undefined;
}

/** The commit that is wanted, and whether it is the end of a branch. */
interface Target {
  commit: string | undefined;
  branch: string | undefined;
}

export const git = defineLoadingModule<Params, Input, { at: ReturnType<typeof gitState> }, Target>({
  name: "git",
  summary: "A copy of a git repository, at a branch, a tag or a commit",
  description:
    "The copy is made beside its place and moved there when it is whole. The repository is asked (`git ls-remote`) before anything is done, so check mode tells the truth; a commit given in full that is checked out already is not asked about. A password in the address goes neither into argv nor into the copy's configuration. To take a copy away, use `file: state: absent`; for an archive of a commit, `command: git archive`.",
  params,
  examples: [
    {
      title: "A release, once and for all",
      yaml: "- git:\n    repo: https://git.example.org/team/app.git\n    dest: /srv/app\n    version: v1.4.2\n  notify: restart app\n",
    },
    {
      title: "The newest of a branch, as the user it belongs to",
      yaml: "- git:\n    repo: git@git.example.org:team/site.git\n    dest: /home/deploy/site\n    version: main\n    key_file: /home/deploy/.ssh/deploy_key\n    accept_newhostkey: true\n  become_user: deploy\n",
    },
  ],
  returns: {
    before: "The commit that was checked out.",
    after: "The commit that is.",
    remote_url_changed: "Whether the copy came from elsewhere.",
  },
  load: async (want, controller) => {
    const { repository, user, password } = withoutPassword(want.repo);
    if (password === undefined) return { want, repository, authorization: undefined };
    const basic = Buffer.from(`${user}:${password}`).toString("base64");
    controller.addSecret(password);
    controller.addSecret(basic);
    return { want, repository, authorization: `Authorization: Basic ${basic}` };
  },
  queries: (input) => ({
    at: gitState({
      dest: input.want.dest,
      repository: input.repository,
      version: input.want.version,
      remote: input.want.remote,
      askRemote: input.want.clone || input.want.update,
      program: input.want.executable,
      setup: environment(input),
    }),
  }),
  diff: (input, { at }, { changesPending }) => {
    const { want, repository } = input;
    if (!at.hasGit && !changesPending)
      throw new ModuleFailure("git is not installed on the host", { hint: "install the package git before" });
    if (at.problem !== undefined)
      throw new ModuleFailure(`git does not look at ${want.dest}: ${at.problem.split("\n")[0] ?? ""}`, {
        hint: "if the copy belongs to another user, act as that one: `become_user`",
      });
    if (at.at === "other")
      throw new ModuleFailure(`${want.dest} is there, and is no copy of a repository`, {
        hint: "move it away first",
      });
    const isThere = at.at === "repository" || at.at === "bare";
    const before = at.head ?? null;
    if (isThere && !want.update)
      return {
        action: "none",
        reason: `${want.dest} is there`,
        data: { before, after: before, remote_url_changed: false },
      };
    if (!isThere && !want.clone)
      return {
        action: "none",
        reason: `${want.dest} is not there, and is not wanted`,
        data: { before: null, after: null },
      };
    if (isThere && (at.at === "bare") !== want.bare)
      throw new ModuleFailure(
        `${want.dest} is ${at.at === "bare" ? "a bare repository" : "a copy with files"}, and the other is wanted`,
      );
    const target = targetOf(want, at, changesPending);
    const differences: Difference[] = [];
    const field = (name: string, from: string | undefined, to: string | undefined): void =>
      void differences.push({ kind: "field", name, before: from ?? "(none)", after: to ?? "(unknown)" });
    if (!isThere) field("commit", "absent", target.commit);
    else {
      if (at.remoteUrl !== repository) field(`remote ${want.remote}`, at.remoteUrl, repository);
      if (want.bare ? at.local !== target.commit : at.head !== target.commit)
        field("commit", at.head, target.commit);
      if (at.modified.length > 0)
        field("files changed by hand", at.modified.slice(0, 10).join(", "), "as committed");
      if (want.recursive && at.submodules.length > 0)
        field("submodules", at.submodules.join(", "), "as committed");
    }
    const data = {
      before,
      after: target.commit ?? null,
      remote_url_changed: isThere && at.remoteUrl !== repository,
    };
    const isOnlyModified = differences.every(({ name }) => name === "files changed by hand");
    if (differences.length === 0 || (isOnlyModified && !want.force))
      return {
        action: "none",
        reason: `at ${(target.commit ?? "").slice(0, 12)}${differences.length === 0 ? "" : ", with files changed by hand"}`,
        data,
      };
    if (at.modified.length > 0 && !want.force)
      throw new ModuleFailure(
        `files in ${want.dest} were changed by hand: ${at.modified.slice(0, 5).join(", ")}`,
        {
          hint: "`force: true` throws the changes away",
          data,
        },
      );
    return {
      action: isThere ? "update" : "create",
      summary: isThere ? `bring ${want.dest} to ${want.version}` : `clone ${repository} to ${want.dest}`,
      differences,
      detail: target,
      data,
    };
  },
  steps: (change, input): Step[] => [
    {
      kind: "script",
      title: change.summary,
      script: shellLines(
        rawShell("set -eu"),
        environment(input),
        sh`git() { command ${input.want.executable} "$@"; }`,
        change.action === "create" ? cloneScript(input, change.detail) : updateScript(input, change.detail),
      ),
    },
  ],
});

/** What ssh said stands above what git says to every failure alike. */
function reasonOf(refusal: string): string {
  const lines = refusal.split("\n").map((line) => line.trim());
  const boilerplate =
    /^$|^Please make sure you have the correct access rights$|^and the repository exists\.$/;
  return lines
    .filter((line) => !boilerplate.test(line))
    .slice(-4)
    .join("\n");
}

/** @throws ModuleFailure when the repository has no such version, or can't be asked. */
function targetOf(want: Params, at: GitState, changesPending: boolean): Target {
  const isCommit = /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(want.version);
  // A commit is what it is: who has it need not ask.
  if (isCommit) return { commit: want.version, branch: undefined };
  if (at.remote === undefined) {
    if (changesPending) return { commit: undefined, branch: undefined };
    throw new ModuleFailure(`the repository could not be asked: ${reasonOf(at.refusal ?? "")}`, {
      hint: "git runs as the task's user, asks no questions, and trusts host keys that this user knows (`accept_newhostkey`)",
    });
  }
  if (want.version === "HEAD") return { commit: at.remote.head, branch: at.branch };
  if (at.remote.branch !== undefined) return { commit: at.remote.branch, branch: want.version };
  const commit = at.remote.tag ?? (/^[0-9a-f]{7,}$/.test(want.version) ? at.local : undefined);
  if (commit === undefined)
    throw new ModuleFailure(`the repository has neither a branch nor a tag ${want.version}`, {
      findings: [{ path: ["version"], message: "is neither a branch nor a tag" }],
      hint: "a commit has to be given in full: 40 digits",
    });
  return { commit, branch: undefined };
}

/** Exported inside the script: the environment of a process is for its user alone, argv for all. */
function environment({ want, repository, authorization }: Input): ShellText {
  const policy = want.accept_newhostkey || want.accept_hostkey ? "accept-new" : "yes";
  const ssh = sh`ssh -o BatchMode=yes -o ${`StrictHostKeyChecking=${policy}`} ${want.key_file === undefined ? [] : ["-o", "IdentitiesOnly=yes", "-i", want.key_file]} ${rawShell(want.ssh_opts ?? "")}`;
  return shellLines(
    sh`GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=true LC_ALL=C GIT_SSH_COMMAND=${ssh.shell}; export GIT_TERMINAL_PROMPT GIT_ASKPASS LC_ALL GIT_SSH_COMMAND`,
    authorization === undefined
      ? undefined
      : sh`GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=${`http.${new URL(repository).origin}/.extraHeader`} GIT_CONFIG_VALUE_0=${authorization}; export GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0`,
    want.umask === undefined ? undefined : sh`umask ${want.umask}`,
  );
}

function cloneScript({ want, repository }: Input, target: Target): ShellText {
  const isNamed = want.version !== "HEAD" && target.commit !== want.version;
  const options = [
    ...["--origin", want.remote],
    ...(want.depth === undefined ? [] : ["--depth", String(want.depth)]),
    ...(isNamed && !/^[0-9a-f]{7,}$/.test(want.version) ? ["--branch", want.version] : []),
    ...(want.single_branch ? ["--single-branch"] : want.depth === undefined ? [] : ["--no-single-branch"]),
    ...(want.bare ? ["--bare"] : ["--no-checkout"]),
  ];
  return shellLines(
    sh`dest=${want.dest}; above=$(dirname -- "$dest"); mkdir -p -- "$above"`,
    rawShell(
      'new=$(mktemp -d -- "$above/.plumb-git.XXXXXXXX"); trap \'rm -rf -- "$new"\' EXIT; trap "exit 1" HUP INT TERM',
    ),
    sh`git clone --quiet ${options} -- ${repository} "$new/copy"`,
    rawShell('cd -- "$new/copy"'),
    ...(want.bare ? [] : [fetchMissing(want, target), checkout(want, target)]),
    // An empty directory gives way, with the owner and mode that somebody gave it.
    rawShell(
      'if [ -d "$dest" ]; then chown --reference="$dest" -- . 2>/dev/null || true; chmod --reference="$dest" -- .; rmdir -- "$dest"; fi',
    ),
    rawShell('cd /; mv -T -- "$new/copy" "$dest"'),
  );
}

function updateScript({ want, repository }: Input, target: Target): ShellText {
  const depth = want.depth === undefined ? [] : ["--depth", String(want.depth)];
  const { remote } = want;
  return shellLines(
    sh`cd -- ${want.dest}`,
    sh`git config --get ${`remote.${remote}.url`} >/dev/null || git remote add ${remote} ${repository}`,
    sh`git remote set-url ${remote} ${repository}`,
    want.bare
      ? sh`git fetch --quiet ${depth} --force --tags ${remote} '+refs/heads/*:refs/heads/*'`
      : shellLines(
          sh`git fetch --quiet ${depth} --force --tags ${remote}`,
          target.branch === undefined
            ? undefined
            : sh`git fetch --quiet ${depth} ${remote} ${`+refs/heads/${target.branch}:refs/remotes/${remote}/${target.branch}`}`,
          fetchMissing(want, target),
          want.force ? rawShell("git reset --quiet --hard") : undefined,
          checkout(want, target),
        ),
  );
}

/** A commit that no branch and no tag leads to, or that a short history left out. */
function fetchMissing({ remote }: Params, { commit }: Target): ShellText | undefined {
  return commit === undefined
    ? undefined
    : sh`git cat-file -e ${`${commit}^{commit}`} 2>/dev/null || git fetch --quiet ${remote} ${commit}`;
}

function checkout(want: Params, { commit, branch }: Target): ShellText {
  const to = commit ?? "HEAD";
  return shellLines(
    want.verify_commit ? sh`git verify-commit ${to}` : undefined,
    branch === undefined
      ? want.version === "HEAD"
        ? sh`git checkout --quiet; git reset --quiet --hard ${to}`
        : sh`git checkout --quiet --detach ${to}`
      : sh`git checkout --quiet -B ${branch} ${to}; git branch --quiet ${`--set-upstream-to=${want.remote}/${branch}`} ${branch} 2>/dev/null || true`,
    want.recursive
      ? rawShell(
          "[ ! -f .gitmodules ] || { git submodule --quiet sync --recursive; git submodule --quiet update --init --recursive --force; }",
        )
      : undefined,
  );
}

function withoutPassword(repo: string): { repository: string; user: string; password: string | undefined } {
  if (!/^https?:\/\//.test(repo) || !URL.canParse(repo))
    return { repository: repo, user: "", password: undefined };
  const url = new URL(repo);
  const { username, password } = url;
  if (password === "") return { repository: repo, user: username, password: undefined };
  url.username = "";
  url.password = "";
  return { repository: url.href, user: decodeURIComponent(username), password: decodeURIComponent(password) };
}
