import { ANY_HALF_DONE, APT_UNFINISHED, HALF_DONE } from "../shell/apt-unfinished.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { APT_BASIS } from "./apt-basis.ts";
import { isAnyHalfDone, listedPackage } from "./package-list.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** What the script says where an installation of Plumb's was cut short. */
const UNFINISHED = "!unfinished";

export interface PackageQuestion {
  name: string;
  /** Ask for the candidate although it is installed (`state: latest`). */
  candidate?: boolean;
}

export interface PackageState {
  /** undefined: not installed. */
  installed: string | undefined;
  /** Unpacked and not configured: an interrupted dpkg. */
  broken: boolean;
  /** An installation of Plumb's has left this or another package of the host so. */
  isHostUnfinished: boolean;
  held: boolean;
  /** Removed, and its configuration files are still there. */
  leftovers: boolean;
  /** What apt would install; undefined where it was not asked, or apt knows no such package. */
  candidate: string | undefined;
}

/**
 * Installed versions of any number of packages: one dpkg-query(1). What apt would install costs half a second to find out, so apt-cache(8) is asked
 * only about packages that are not installed or should be the latest.
 */
export const packageState = defineQuery<PackageQuestion, PackageState>({
  name: "package-state",
  identify: ({ name, candidate }) => `${name}\0${candidate === true}`,
  fromPackages: ({ name, candidate }, packages) => {
    const listed = listedPackage(packages, name);
    // Of one that is not installed, or should be the latest, apt has to be asked.
    if (candidate === true || listed?.status !== "installed" || isAnyHalfDone(packages)) return undefined;
    const { version, want } = listed;
    return {
      installed: version,
      broken: false,
      isHostUnfinished: false,
      held: want === "hold",
      leftovers: false,
      candidate: undefined,
    };
  },
  // What apt would install of what is not there follows from what it knows: to ask it again would take it half a second.
  recheck: (questions) =>
    shellLines(
      sh`dpkg-query -W -f='\${Package} \${db:Status-Status} \${db:Status-Want} \${Version}\\n' -- ${questions.map(({ name }) => name)} 2>/dev/null`,
      APT_BASIS,
    ),
  script: (questions) => {
    const names = [...new Set(questions.map(({ name }) => name))];
    const always = [
      ...new Set(questions.filter(({ candidate }) => candidate === true).map(({ name }) => name)),
    ];
    return {
      script: shellLines(
        rawShell(
          'command -v dpkg-query >/dev/null || { echo "there is no dpkg: on hosts with RPM packages write dnf in the place of package" >&2; exit 3; }',
        ),
        sh`set -- ${names}`,
        rawShell(
          "installed=$(dpkg-query -W -f='I\\t${Package}\\t${db:Status-Status}\\t${db:Status-Want}\\t${Version}\\n' -- \"$@\" 2>/dev/null)",
        ),
        rawShell(`printf '%s\\n' "$installed"`),
        sh`if [ -e ${APT_UNFINISHED} ] && ${ANY_HALF_DONE}; then echo ${UNFINISHED}; fi`,
        sh`ask=${always.join(" ")}`,
        rawShell('tab=$(printf "\\t")'),
        rawShell(
          'for name; do case "$installed" in *"$tab$name${tab}installed"*) ;; *) ask="$ask $name";; esac; done',
        ),
        rawShell('[ -z "$ask" ] || apt-cache policy -- $ask 2>/dev/null || true'),
      ),
    };
  },
  parse: (output, questions) => {
    if (output.exitCode !== 0)
      return questions.map(() => notKnown(output.stderr.trim() || `exit ${output.exitCode}`));
    const { installed, candidates, isUnfinished } = read(output.stdout.toString());
    return questions.map(({ name }) => {
      const status = installed.get(name);
      return known({
        installed: status?.status === "installed" ? status.version : undefined,
        isHostUnfinished: isUnfinished,
        broken: HALF_DONE.some((half) => half === status?.status),
        held: status?.want === "hold",
        leftovers: status?.status === "config-files",
        candidate: candidates.get(name),
      });
    });
  },
});

function read(text: string): {
  installed: Map<string, { status: string; want: string; version: string }>;
  candidates: Map<string, string>;
  isUnfinished: boolean;
} {
  const installed = new Map<string, { status: string; want: string; version: string }>();
  const candidates = new Map<string, string>();
  let current = "";
  let isUnfinished = false;
  for (const line of text.split("\n")) {
    const [mark, name = "", status = "", want = "", version = ""] = line.split("\t");
    if (mark === "I") installed.set(name, { status, want, version });
    else if (line === UNFINISHED) isUnfinished = true;
    else if (/^\S.*:$/.test(line)) current = line.slice(0, -1);
    else {
      const candidate = /^ {2}Candidate: (\S+)/.exec(line)?.[1];
      if (candidate !== undefined && candidate !== "(none)") candidates.set(current, candidate);
    }
  }
  return { installed, candidates, isUnfinished };
}
