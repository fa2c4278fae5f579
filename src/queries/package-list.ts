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

/** The list in an output. */
export function packageList(output: string): PackageList {
  const start = output.indexOf("\npackage=");
  const end = output.lastIndexOf("\npackage=");
  return (start === -1 ? "" : output.slice(start, output.indexOf("\n", end + 1) + 1)) as PackageList;
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

/** Name and version of all that are installed. What was removed and has left its configuration is not. */
export function installedVersions(list: PackageList): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const line of list.split("\npackage=").slice(1)) {
    const [name = "", version = "", status = ""] = line.split("\t", 3);
    if (status !== "config-files" && status !== "not-installed") versions[name] = version;
  }
  return versions;
}
