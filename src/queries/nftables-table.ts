import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** A table of the inet family: what the kernel has now, and what it said right after Plumb had loaded it. */
export interface NftablesTable {
  /** `nft -s list table`; undefined: there is no such table. */
  live: string | undefined;
  /** The listing that Plumb kept; undefined: never loaded by Plumb. */
  kept: string | undefined;
  /** SHA-256 of the rules that were loaded then. */
  loadedHash: string | undefined;
}

/** Where Plumb keeps what the kernel said. */
export const keptListing = (table: string): string => `/var/lib/plumb/nftables-${table}.listing`;

export const nftablesTable = defineQuery<string, NftablesTable>({
  name: "nftables-table",
  identify: (table) => table,
  script: (tables) => ({
    script: shellLines(
      rawShell(
        'command -v nft >/dev/null || { echo "nft is not installed: install the package nftables" >&2; exit 3; }',
      ),
      rawShell("end='\n'"),
      ...tables.map(
        (table) =>
          // Whether a table that can't be listed is there is found out only where that is so.
          sh`printf '\\0T\\0'; if live=$(nft -s list table inet ${table} 2>/dev/null); then printf 'yes\\0%s' "$live"; else tables=$(nft list tables inet) || exit 1; case "$tables$end" in *${`table inet ${table}`}"$end"*) nft -s list table inet ${table}; exit 1;; *) printf 'no\\0';; esac; fi; printf '\\0'; if [ -f ${keptListing(table)} ]; then cat ${keptListing(table)}; fi; printf '\\0'`,
      ),
    ),
  }),
  parse: (output, tables) => {
    if (output.exitCode !== 0)
      return tables.map(() => notKnown(output.stderr.trim() || `exit ${output.exitCode}`));
    const parts = output.stdout.toString().split("\0T\0").slice(1);
    return tables.map((_, index) => {
      const [present, live = "", kept = ""] = (parts[index] ?? "").split("\0");
      if (present !== "yes" && present !== "no") return notKnown("nft said nothing");
      const [first = "", ...rest] = kept.split("\n");
      return known({
        live: present === "yes" ? live.trim() : undefined,
        kept: kept === "" ? undefined : rest.join("\n").trim(),
        loadedHash: /^# ([0-9a-f]{64})$/.exec(first)?.[1],
      });
    });
  },
});
