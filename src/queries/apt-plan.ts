import { sh, shellLines } from "../shell/shell-text.ts";
import { type Answered, defineQuery, known, nothingAsked, notKnown } from "./query.ts";

/** What apt would do of its own accord. */
export type AptAction = "upgrade" | "dist-upgrade" | "autoremove";

/** One package that would change. */
export interface AptPlanned {
  name: string;
  /** undefined: not installed. */
  before: string | undefined;
  /** undefined: it would go. */
  after: string | undefined;
}

/** apt-get(8) with `--simulate`, which takes no lock and changes nothing. A question without action costs nothing. */
export const aptPlan = defineQuery<AptAction | undefined, { planned: readonly AptPlanned[] }>({
  name: "apt-plan",
  recheck: nothingAsked,
  identify: (action) => action ?? "",
  script: (actions) => ({
    script: shellLines(
      ...actions.map((action) =>
        action === undefined
          ? undefined
          : sh`printf '\\0%s\\n' ${action}; LC_ALL=C apt-get -q --simulate -o APT::Get::Show-User-Simulation-Note=0 ${[action]} || exit 1`,
      ),
    ),
  }),
  parse: (output, actions) => {
    const parts = output.stdout.toString().split("\0").slice(1);
    const found = new Map(parts.map((part) => [part.slice(0, part.indexOf("\n")), part]));
    return actions.map((action): Answered<{ planned: readonly AptPlanned[] }> => {
      if (action === undefined) return known({ planned: [] });
      const text = found.get(action);
      if (output.exitCode !== 0 || text === undefined)
        return notKnown(output.stderr.trim() || "apt-get said nothing");
      return known({ planned: text.split("\n").flatMap(planned) });
    });
  },
});

/** `Inst name [1.0] (2.0 Debian:12/stable [amd64])`, `Remv name [1.0]`; what is only configured is told as installed before. */
function planned(line: string): AptPlanned[] {
  const [, verb, name = "", before, after] =
    /^(Inst|Remv) (\S+)(?: \[([^\]]+)\])?(?: \((\S+))?/.exec(line) ?? [];
  if (verb === undefined) return [];
  return [{ name, before, after: verb === "Remv" ? undefined : after }];
}
