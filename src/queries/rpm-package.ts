import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export interface RpmQuestion {
  /** A package's name, or name-version, name-version-release, with or without .arch. */
  spec: string;
  /** Ask for the newest although it is installed (`state: latest`). */
  newest: boolean;
  /** Options for dnf, such as `--enablerepo=crb`. */
  options: readonly string[];
}

/** One package as RPM has it. */
export interface RpmRow {
  name: string;
  epoch: number;
  version: string;
  release: string;
  arch: string;
}

export interface RpmState {
  /** What answers to the spec and is installed. */
  installed: RpmRow | undefined;
  /** Asked for what is not installed: what the repositories have of it; of what is installed, a newer one, if it was asked for. */
  available: readonly RpmRow[];
  /** Of what is available under the spec: another version of it that is installed. */
  other: RpmRow | undefined;
}

const FIELDS = "%{name}\\t%{epoch}\\t%{version}\\t%{release}\\t%{arch}\\n";

/**
 * Installed packages of RPM: one rpm(8). dnf(8) takes half a second and more, so it is asked only about packages that are not installed or should be the
 * newest (dnf 4.14 and 4.23; rpm 4.18 and 4.20).
 */
export const rpmPackage = defineQuery<RpmQuestion, RpmState>({
  name: "rpm-package",
  identify: ({ spec, newest, options }) => [spec, newest, ...options].join("\0"),
  script: (questions) => ({
    script: shellLines(
      rawShell(
        'for tool in rpm dnf; do command -v $tool >/dev/null || { echo "there is no $tool" >&2; exit 3; }; done',
      ),
      sh`set -- ${[...new Set(questions.map(({ spec }) => spec))]}`,
      rawShell(
        `installed() { rpm -q --qf 'I\\t%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\n' "$@" 2>&1; }`,
      ),
      rawShell('first=$(installed "$@"); printf \'%s\\n\' "$first"'),
      rawShell("case $first in *error:*) exit 4;; esac"),
      rawShell(
        'wanting() { for one; do case "$first" in *"package $one is not installed"*) printf \'%s \' "$one";; esac; done; }',
      ),
      ...groupsOf(questions).map(({ options, specs, newest }) =>
        shellLines(
          sh`ask=$(wanting ${specs})`,
          rawShell('if [ -n "$ask" ]; then'),
          sh`  found=$(dnf -q ${options} repoquery --available --qf ${`A\\t${FIELDS}`} $ask) || exit 5`,
          rawShell(`  printf '%s\\n' "$found"; names=$(printf '%s\\n' "$found" | cut -s -f2 | sort -u)`),
          rawShell("  [ -z \"$names\" ] || installed $names | sed 's/^I/O/'"),
          rawShell("fi"),
          newest.length === 0
            ? undefined
            : sh`dnf -q ${options} repoquery --upgrades --latest-limit=1 --qf ${`U\\t${FIELDS}`} ${newest} || exit 5`,
        ),
      ),
      rawShell("exit 0"),
    ),
  }),
  parse: ({ stdout, stderr, exitCode }, questions) => {
    const lines = stdout.toString().split("\n");
    if (exitCode !== 0) {
      const error = lines.find((line) => line.includes("error:"));
      return questions.map(() => notKnown(stderr.trim() || error || `exit ${exitCode}`));
    }
    const rows = (mark: string): RpmRow[] => lines.filter((line) => line.startsWith(`${mark}\t`)).map(rowOf);
    const [installed, others, available, upgrades] = [rows("I"), rows("O"), rows("A"), rows("U")];
    return questions.map(({ spec }) => {
      const mine = installed.find((row) => answersTo(row, spec));
      const found = (mine === undefined ? available : upgrades).filter((row) => answersTo(row, spec));
      return known({
        installed: mine,
        available: found,
        other: mine === undefined ? others.find(({ name }) => name === found[0]?.name) : undefined,
      });
    });
  },
});

/** Questions with the same options are one call of dnf. */
function groupsOf(
  questions: readonly RpmQuestion[],
): { options: readonly string[]; specs: string[]; newest: string[] }[] {
  const groups = new Map<string, { options: readonly string[]; specs: string[]; newest: string[] }>();
  for (const { spec, newest, options } of questions) {
    const group = groups.get(options.join("\0")) ?? { options, specs: [], newest: [] };
    groups.set(options.join("\0"), group);
    group.specs.push(spec);
    if (newest) group.newest.push(spec);
  }
  return [...groups.values()];
}

function rowOf(line: string): RpmRow {
  const [, name = "", epoch = "0", version = "", release = "", arch = ""] = line.split("\t");
  return { name, epoch: Number(epoch) || 0, version, release, arch };
}

/** The forms of a package's name that dnf takes (dnf(8), "Specifying packages"), without patterns. */
function answersTo({ name, epoch, version, release, arch }: RpmRow, spec: string): boolean {
  const versions = [
    version,
    `${version}-${release}`,
    `${epoch}:${version}`,
    `${epoch}:${version}-${release}`,
  ];
  const forms = [name, ...versions.map((one) => `${name}-${one}`)];
  return forms.some((form) => spec === form || spec === `${form}.${arch}`);
}
