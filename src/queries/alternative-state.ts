import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** One choice of a group of alternatives. */
export interface Alternative {
  path: string;
  priority: number;
  /** Name of a link that goes along, to what it leads to. */
  slaves: ReadonlyMap<string, string>;
}

export type AlternativeState =
  | { exists: false }
  | {
      exists: true;
      link: string;
      /** Name of a link that goes along, to its own path. */
      slaveLinks: ReadonlyMap<string, string>;
      mode: "auto" | "manual";
      /** The choice that counts; undefined: none. */
      value: string | undefined;
      alternatives: readonly Alternative[];
    };

/** Groups of alternatives by name (update-alternatives(1) of dpkg 1.21, `--query`; it takes one name at a time). */
export const alternativeState = defineQuery<string, AlternativeState>({
  name: "alternative-state",
  identify: (name) => name,
  script: (names) => ({
    script: shellLines(
      rawShell(
        "command -v update-alternatives >/dev/null || { echo 'there is no update-alternatives' >&2; exit 3; }",
      ),
      sh`set -- ${[...names]}`,
      // It names nothing that its exit code would tell apart: a group is there where its file is.
      rawShell(
        `for name; do if [ -e "/var/lib/dpkg/alternatives/$name" ]; then update-alternatives --query "$name"; printf '\\f%s\\f' $?; else printf '\\fabsent\\f'; fi; done`,
      ),
    ),
  }),
  parse: ({ stdout, stderr }, names) => {
    const parts = stdout.toString().split("\f");
    return names.map((_, index) => {
      const code = parts[2 * index + 1];
      if (code === "absent") return known({ exists: false });
      if (code !== "0") return notKnown(stderr.trim() || `update-alternatives: exit ${code ?? "unknown"}`);
      return known(groupOf((parts[2 * index] ?? "").trim().split(/\n\n/)));
    });
  },
});

function groupOf([head = "", ...blocks]: readonly string[]): AlternativeState {
  const fields = fieldsOf(head);
  const value = fields.one.get("Value");
  return {
    exists: true,
    link: fields.one.get("Link") ?? "",
    slaveLinks: fields.slaves,
    mode: fields.one.get("Status") === "auto" ? "auto" : "manual",
    value: value === "none" ? undefined : value,
    alternatives: blocks.map((block) => {
      const { one, slaves } = fieldsOf(block);
      return { path: one.get("Alternative") ?? "", priority: Number(one.get("Priority")), slaves };
    }),
  };
}

/** Lines with a blank in front belong to `Slaves:`. */
function fieldsOf(block: string): { one: Map<string, string>; slaves: Map<string, string> } {
  const one = new Map<string, string>();
  const slaves = new Map<string, string>();
  for (const line of block.split("\n")) {
    const slave = /^ (\S+) (.*)$/.exec(line);
    const field = /^([A-Za-z]+): ?(.*)$/.exec(line);
    if (slave !== null) slaves.set(slave[1] ?? "", slave[2] ?? "");
    else if (field !== null) one.set(field[1] ?? "", field[2] ?? "");
  }
  return { one, slaves };
}
