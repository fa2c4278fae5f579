import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

export type PackageManager = "apt" | "rpm";

/** One installed package, in Ansible's words (`ansible_facts.packages`). */
export interface InstalledPackage {
  name: string;
  version: string;
  arch: string;
  source: PackageManager;
  /** Of Debian: the section, such as "database". */
  category?: string;
  /** Of RPM. */
  release?: string;
  epoch?: number;
}

const LISTINGS: Readonly<Record<PackageManager, string>> = {
  apt: "dpkg-query -W -f='apt\\t${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\t${Section}\\n'",
  rpm: "rpm -qa --qf 'rpm\\tinstalled\\t%{NAME}\\t%{VERSION}\\t%{ARCH}\\t%{RELEASE}\\t%{EPOCH}\\n'",
};

/** Every installed package, of dpkg(1) or of rpm(8); "auto" is dpkg where it is, because Debian has an rpm as well. */
export const installedPackages = defineQuery<PackageManager | "auto", readonly InstalledPackage[]>({
  name: "installed-packages",
  identify: (key) => key,
  script: (managers) => ({
    script: rawShell(
      managers
        .map((manager) =>
          manager === "auto"
            ? `if command -v dpkg-query >/dev/null; then ${LISTINGS.apt}; elif command -v rpm >/dev/null; then ${LISTINGS.rpm}; else echo 'there is neither dpkg nor rpm' >&2; exit 3; fi; printf '\\f\\n'`
            : `${LISTINGS[manager]} || exit 3; printf '\\f\\n'`,
        )
        .join("\n"),
    ),
  }),
  parse: ({ stdout, stderr, exitCode }, managers) => {
    const listings = stdout.toString().split("\f\n");
    return managers.map((_, index) => {
      const listing = listings[index];
      // The last piece is what stands behind the last mark: a listing that broke off has none.
      if (exitCode !== 0 || listing === undefined || index >= listings.length - 1)
        return notKnown(stderr.trim() || `exit ${exitCode}`);
      return known(listing.split("\n").flatMap(packageOf));
    });
  },
});

function packageOf(line: string): InstalledPackage[] {
  const [source, status, name = "", version = "", arch = "", more = "", epoch = ""] = line.split("\t");
  if (status !== "installed") return [];
  if (source === "apt") return [{ name, version, arch, source, ...(more === "" ? {} : { category: more }) }];
  if (source !== "rpm") return [];
  return [
    { name, version, arch, source, release: more, ...(epoch === "(none)" ? {} : { epoch: Number(epoch) }) },
  ];
}
