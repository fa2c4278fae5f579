import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { type Answered, defineQuery, known, notKnown } from "./query.ts";

export interface GitQuestion {
  dest: string;
  repository: string;
  /** A branch, a tag, or a commit. */
  version: string;
  remote: string;
  /** Ask the repository too. */
  askRemote: boolean;
  /** Which program, and how it reaches the repository; the text holds no secret that does not come through the environment. */
  program: string;
  setup: ShellText;
}

/** A working copy, and what its origin has. */
export interface GitState {
  hasGit: boolean;
  /** What lies at the destination. */
  at: "absent" | "empty" | "repository" | "bare" | "other";
  /** The commit that is checked out; undefined: none yet. */
  head: string | undefined;
  /** The branch that is checked out; undefined: none. */
  branch: string | undefined;
  remoteUrl: string | undefined;
  /** Files under version control that were changed by hand. */
  modified: readonly string[];
  /** Submodules that are not at the commit that is recorded for them. */
  submodules: readonly string[];
  /** The commit that the version, taken for a commit or a tag, names here already. */
  local: string | undefined;
  /** What the repository has under that name; undefined where it was not asked. */
  remote: { branch: string | undefined; tag: string | undefined; head: string | undefined } | undefined;
  /** Why the repository could not be asked. */
  refusal: string | undefined;
  /** Why git would not look at the copy. */
  problem: string | undefined;
}

/** git(1), one command a copy; the repository is asked with ls-remote, which changes nothing. */
export const gitState = defineQuery<GitQuestion, GitState>({
  name: "git-state",
  identify: ({ dest, repository, version, remote, askRemote, program, setup }) =>
    JSON.stringify([dest, repository, version, remote, askRemote, program, setup.shell]),
  script: (questions) => ({
    script: shellLines(
      ...questions.map((question) => sh`printf '\\0Q\\0'; ( ${oneScript(question)} ); printf '\\0Z\\0'`),
      rawShell("exit 0"),
    ),
  }),
  parse: (output, questions) => {
    const parts = output.stdout.toString().split("\0Q\0").slice(1);
    return questions.map((question, index): Answered<GitState> => {
      const part = parts[index];
      if (part === undefined || !part.includes("\0Z\0"))
        return notKnown(output.stderr.trim() || "git said nothing");
      return known(stateOf(part, question));
    });
  },
});

function oneScript({ dest, repository, version, remote, askRemote, program, setup }: GitQuestion): ShellText {
  const says = (mark: string): string => `printf '${mark}\\0'`;
  return shellLines(
    setup,
    sh`git() { command ${program} "$@"; }`,
    sh`command -v ${program} >/dev/null || { ${rawShell(says("none"))}; printf '\\0'; exit; }`,
    sh`if [ ! -e ${dest} ]; then printf 'at\\0absent\\0'; elif [ -d ${dest} ] && [ -z "$(ls -A -- ${dest})" ]; then printf 'at\\0empty\\0'`,
    sh`elif [ -e ${`${dest}/.git`} ] || { [ -f ${`${dest}/HEAD`} ] && [ -d ${`${dest}/objects`} ]; }; then`,
    sh`  cd -- ${dest}; said=$(git rev-parse --is-bare-repository 2>&1) || { printf 'problem\\0%s\\0' "$said"; exit; }`,
    rawShell(`  case $said in true) printf 'at\\0bare\\0';; *) printf 'at\\0repository\\0';; esac`),
    rawShell(`  ${says("head")}; git rev-parse -q --verify 'HEAD^{commit}' | tr -d '\\n'; printf '\\0'`),
    rawShell(`  ${says("branch")}; git symbolic-ref -q --short HEAD | tr -d '\\n'; printf '\\0'`),
    sh`  ${rawShell(says("url"))}; git config --get ${`remote.${remote}.url`} | tr -d '\\n'; printf '\\0'`,
    sh`  ${rawShell(says("local"))}; git rev-parse -q --verify ${`${version}^{commit}`} | tr -d '\\n'; printf '\\0'`,
    rawShell(
      `  if [ "$said" = false ]; then ${says("modified")}; git status --porcelain --untracked-files=no --ignore-submodules=all; printf '\\0'`,
    ),
    rawShell(
      `    ${says("submodules")}; [ ! -f .gitmodules ] || git submodule status --recursive; printf '\\0'; fi`,
    ),
    sh`else printf 'at\\0other\\0'; fi`,
    askRemote
      ? shellLines(
          sh`said=$(git ls-remote -- ${repository} HEAD ${`refs/heads/${version}`} ${`refs/tags/${version}`} ${`refs/tags/${version}^{}`} 2>&1) && printf 'remote\\0%s\\0' "$said" || printf 'refusal\\0%s\\0' "$said"`,
        )
      : undefined,
  );
}

function stateOf(part: string, { version }: GitQuestion): GitState {
  const fields = part.split("\0");
  const found = new Map<string, string>();
  for (let index = 0; index + 1 < fields.length; index += 2)
    found.set(fields[index] ?? "", fields[index + 1] ?? "");
  const text = (name: string): string | undefined => {
    const value = found.get(name)?.trim();
    return value === "" ? undefined : value;
  };
  const lines = (name: string): string[] =>
    (found.get(name) ?? "").split("\n").filter((line) => line.trim() !== "");
  const at = text("at");
  const remote = found.get("remote");
  return {
    hasGit: !found.has("none"),
    at: at === "absent" || at === "empty" || at === "repository" || at === "bare" ? at : "other",
    head: text("head"),
    branch: text("branch"),
    remoteUrl: text("url"),
    modified: lines("modified").map((line) => line.slice(3)),
    // `git submodule status`: a blank in front says that all is well.
    submodules: lines("submodules")
      .filter((line) => !line.startsWith(" "))
      .map((line) => line.slice(1).split(" ")[1] ?? ""),
    local: text("local"),
    remote: remote === undefined ? undefined : refsOf(remote, version),
    refusal: text("refusal"),
    problem: text("problem"),
  };
}

function refsOf(text: string, version: string): NonNullable<GitState["remote"]> {
  const refs = new Map(
    text
      .split("\n")
      .map((line) => /^([0-9a-f]{40,64})\t(.+)$/.exec(line))
      .flatMap((match): [string, string][] => (match === null ? [] : [[match[2] ?? "", match[1] ?? ""]])),
  );
  return {
    head: refs.get("HEAD"),
    branch: refs.get(`refs/heads/${version}`),
    // What a tag with a message of its own points to stands behind `^{}`.
    tag: refs.get(`refs/tags/${version}^{}`) ?? refs.get(`refs/tags/${version}`),
  };
}
