import { HALF_DONE } from "../shell/apt-unfinished.ts";
import { rawShell, type ShellText } from "../shell/shell-text.ts";

/** What dpkg knows of the packages of a host: the lines of its answer. Few of them are ever looked at, so they are not taken apart before. */
export type PackageList = string & { readonly kind: unique symbol };

/** A package as dpkg-query(1) tells of it. */
export interface ListedPackage {
  version: string;
  /** `installed`, `config-files`, `half-configured`, ... */
  status: string;
  /** What was chosen for it: `install`, `hold`, ... */
  want: string;
}

/** Prints a line for each package that dpkg knows, behind `package=`. Other lines of the same output do not begin so. */
export const LIST_PACKAGES: ShellText = rawShell(
  "if command -v dpkg-query >/dev/null; then dpkg-query -W -f='package=${Package}\\t${Version}\\t${db:Status-Status}\\t${db:Status-Want}\\n' 2>/dev/null; fi",
);

/** Name and version of packages. Hosts share it: nobody changes it. */
export type PackageVersions = Readonly<Record<string, string>>;

/** The list in an output. Hosts with the same packages have the same one. */
export function packageList(output: string): PackageList {
  const start = output.indexOf("\npackage=");
  const end = output.lastIndexOf("\npackage=");
  return listOf(start === -1 ? "" : output.slice(start, output.indexOf("\n", end + 1) + 1)).list;
}

interface KnownList {
  list: PackageList;
  versions?: PackageVersions;
  isAnyHalfDone?: boolean;
}

/** Hosts of a fleet are installed alike: of a thousand with the same packages one list is kept. So many different ones, the newest. */
const MOST_SHARED = 32;
const lists = new Map<string, KnownList>();
const allVersions = new Map<string, PackageVersions>();

function listOf(text: string): KnownList {
  return shared(lists, text, (own) => ({ list: own as PackageList }));
}

/** The same versions as those of other hosts, if any has the same. */
export function sharedVersions(versions: PackageVersions): PackageVersions {
  return shared(allVersions, JSON.stringify(versions), (own) => Object.freeze(JSON.parse(own)));
}

function shared<Type>(all: Map<string, Type>, key: string, make: (own: string) => Type): Type {
  const there = all.get(key);
  if (there !== undefined) return there;
  const [oldest] = all.keys();
  if (oldest !== undefined && all.size >= MOST_SHARED) all.delete(oldest);
  // A text of its own: a piece of a longer one would hold all of that.
  const own = Buffer.from(key).toString();
  const made = make(own);
  all.set(own, made);
  return made;
}

/** A package of the list; undefined where it is not there, or there more than once, as one for several architectures is. */
export function listedPackage(list: PackageList, name: string): ListedPackage | undefined {
  const head = `\npackage=${name}\t`;
  const at = list.indexOf(head);
  if (at === -1 || list.includes(head, at + 1)) return undefined;
  const start = at + head.length;
  const [version = "", status = "", want = ""] = list.slice(start, list.indexOf("\n", start)).split("\t");
  return { version, status, want };
}

/** Whether a package of the list is half done. */
export function isAnyHalfDone(list: PackageList): boolean {
  const known = listOf(list);
  known.isAnyHalfDone ??= HALF_DONE.some((status) => list.includes(`\t${status}\t`));
  return known.isAnyHalfDone;
}

/** Name and version of all that are installed. What was removed and has left its configuration is not. */
export function installedVersions(list: PackageList): PackageVersions {
  const known = listOf(list);
  known.versions ??= sharedVersions(versionsIn(list));
  return known.versions;
}

function versionsIn(list: PackageList): PackageVersions {
  const versions: Record<string, string> = {};
  for (const line of list.split("\npackage=").slice(1)) {
    const [name = "", version = "", status = ""] = line.split("\t", 3);
    if (status !== "config-files" && status !== "not-installed") versions[name] = version;
  }
  return versions;
}
