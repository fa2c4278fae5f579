import { rawShell, shellLines } from "../shell/shell-text.ts";
import { APT_BASIS } from "./apt-basis.ts";
import { listedPackage } from "./package-list.ts";
import { defineQuery, known } from "./query.ts";

/** Which PgBouncer a host has, or would get; undefined where neither can be told. */
export interface PgbouncerVersion {
  version: string | undefined;
  installed: boolean;
}

/** That of Debian's package, whose program the service runs; without it `pgbouncer --version`, or apt's candidate where it is not installed. */
export const pgbouncerVersion = defineQuery<"own", PgbouncerVersion>({
  name: "pgbouncer-version",
  identify: (key) => key,
  fromPackages: (_, packages) => {
    const listed = listedPackage(packages, "pgbouncer");
    const version = /^(?:\d+:)?(\d+\.\d+(?:\.\d+)?)/.exec(listed?.version ?? "")?.[1];
    return listed?.status === "installed" && version !== undefined ? { version, installed: true } : undefined;
  },
  recheck: () =>
    shellLines(
      rawShell("stat -c '%n %s %z' -- \"$(command -v pgbouncer)\" /usr/sbin/pgbouncer 2>/dev/null"),
      APT_BASIS,
    ),
  script: () => ({
    script: rawShell(
      "if command -v pgbouncer >/dev/null; then pgbouncer --version; elif [ -x /usr/sbin/pgbouncer ]; then /usr/sbin/pgbouncer --version; else apt-cache policy pgbouncer 2>/dev/null; fi; exit 0",
    ),
  }),
  parse: (output) => {
    const text = output.stdout.toString();
    const installed = /^PgBouncer (\d+\.\d+(?:\.\d+)?)/im.exec(text)?.[1];
    const candidate = /Candidate: (\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1];
    return [known({ version: installed ?? candidate, installed: installed !== undefined })];
  },
});
