import { rawShell } from "../shell/shell-text.ts";
import { type Answered, defineQuery, known, notKnown, type QueryOutput } from "./query.ts";

/** What ufw says it has. */
export interface UfwState {
  enabled: boolean;
  defaultIn: string | undefined;
  defaultOut: string | undefined;
  /** off, low, medium, high or full. */
  logging: string | undefined;
  /** As `ufw show added` lists them, without `ufw` in front. */
  rules: readonly string[];
  /** The comment of each rule, in the same order; empty for none. */
  comments: readonly string[];
}

/** What a host without ufw has. */
const NO_UFW: UfwState = {
  enabled: false,
  defaultIn: undefined,
  defaultOut: undefined,
  logging: undefined,
  rules: [],
  comments: [],
};
const MISSING = "plumb: no ufw";

/** Rules and defaults are kept in files while ufw is off; both are asked for in the form that is the same on and off. `if-installed`: without ufw there are no rules, and it is off. */
export const ufwState = defineQuery<"own" | "if-installed", UfwState>({
  name: "ufw-state",
  identify: (key) => key,
  script: () => ({
    script: rawShell(
      `command -v ufw >/dev/null || { echo "${MISSING}"; exit 0; }; ufw show added; grep -h -E "^(DEFAULT_(INPUT|OUTPUT)_POLICY|ENABLED|LOGLEVEL)=" /etc/default/ufw /etc/ufw/ufw.conf`,
    ),
  }),
  parse: (output, keys) => keys.map((key) => answer(output, key)),
});

function answer(output: QueryOutput, key: "own" | "if-installed"): Answered<UfwState> {
  const text = output.stdout.toString();
  if (output.exitCode !== 0) return notKnown(output.stderr.trim() || `exit ${output.exitCode}`);
  if (text.startsWith(MISSING))
    return key === "own" ? notKnown("ufw is not installed: install the package ufw") : known(NO_UFW);
  const policy = (name: string): string | undefined => {
    const word = new RegExp(`^DEFAULT_${name}_POLICY="?(\\w+)"?`, "m").exec(text)?.[1];
    return word === undefined ? undefined : { ACCEPT: "allow", DROP: "deny", REJECT: "reject" }[word];
  };
  return known({
    enabled: /^ENABLED=yes/m.test(text),
    defaultIn: policy("INPUT"),
    defaultOut: policy("OUTPUT"),
    logging: /^LOGLEVEL="?(\w+)/m.exec(text)?.[1],
    comments: [...text.matchAll(/^ufw .+$/gm)].map(([rule]) => / comment '(.*)'$/.exec(rule)?.[1] ?? ""),
    rules: [...text.matchAll(/^ufw (.+)$/gm)].map(([, rule = ""]) => rule.replace(/ comment '.*'$/, "")),
  });
}
