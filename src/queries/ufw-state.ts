import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** What ufw says it has. */
export interface UfwState {
  enabled: boolean;
  defaultIn: string | undefined;
  defaultOut: string | undefined;
  /** As `ufw show added` lists them, without `ufw` in front. */
  rules: readonly string[];
  /** The comment of each rule, in the same order; empty for none. */
  comments: readonly string[];
}

/** Rules and defaults are kept in files while ufw is off; both are asked for in the form that is the same on and off. */
export const ufwState = defineQuery<"own", UfwState>({
  name: "ufw-state",
  identify: (key) => key,
  script: () => ({
    script: rawShell(
      'command -v ufw >/dev/null || { echo "ufw is not installed: install the package ufw" >&2; exit 3; }; ufw show added; grep -h -E "^(DEFAULT_(INPUT|OUTPUT)_POLICY|ENABLED)=" /etc/default/ufw /etc/ufw/ufw.conf',
    ),
  }),
  parse: (output) => {
    const text = output.stdout.toString();
    if (output.exitCode !== 0) return [notKnown(output.stderr.trim() || `exit ${output.exitCode}`)];
    const policy = (name: string): string | undefined => {
      const word = new RegExp(`^DEFAULT_${name}_POLICY="?(\\w+)"?`, "m").exec(text)?.[1];
      return word === undefined ? undefined : { ACCEPT: "allow", DROP: "deny", REJECT: "reject" }[word];
    };
    return [
      known({
        enabled: /^ENABLED=yes/m.test(text),
        defaultIn: policy("INPUT"),
        defaultOut: policy("OUTPUT"),
        comments: [...text.matchAll(/^ufw .+$/gm)].map(([rule]) => / comment '(.*)'$/.exec(rule)?.[1] ?? ""),
        rules: [...text.matchAll(/^ufw (.+)$/gm)].map(([, rule = ""]) => rule.replace(/ comment '.*'$/, "")),
      }),
    ];
  },
});
