import { rawShell } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/** How sshd on a host is set up. */
export interface SshdSettings {
  /** What `sshd -T` says: keyword in lower case, to its values. undefined: sshd refuses its files. */
  effective: ReadonlyMap<string, readonly string[]> | undefined;
  /** Why sshd refuses its files. */
  refusal: string;
  /** The main file reads /etc/ssh/sshd_config.d before it sets anything itself. */
  readsDropIns: boolean;
  /** A change that nobody has confirmed yet: the timer that takes it back is running, or was cut off by a reboot. */
  unconfirmed: boolean;
}

/** What takes a change back lies here until a new connection has confirmed it. */
export const GUARD_FOLDER = "/var/lib/plumb/sshd-guard";

export const sshdSettings = defineQuery<"own", SshdSettings>({
  name: "sshd-settings",
  identify: (key) => key,
  script: () => ({
    script: rawShell(
      [
        "PATH=$PATH:/usr/sbin:/sbin",
        'command -v sshd >/dev/null || { echo "sshd is not installed: install the package openssh-server" >&2; exit 3; }',
        `[ ! -e ${GUARD_FOLDER}/restore ] || echo unconfirmed`,
        "first=$(grep -nvE '^[[:space:]]*(#|$|[Ii]nclude)' /etc/ssh/sshd_config | head -n 1 | cut -d: -f1)",
        "included=$(grep -niE '^[[:space:]]*include[[:space:]].*/etc/ssh/sshd_config\\.d/\\*\\.conf' /etc/ssh/sshd_config | head -n 1 | cut -d: -f1)",
        '[ -n "$included" ] && { [ -z "$first" ] || [ "$included" -lt "$first" ]; } && echo included',
        "echo ==",
        "said=$(sshd -T 2>&1) && echo ok || echo refused",
        "printf '%s\\n' \"$said\"",
      ].join("\n"),
    ),
  }),
  parse: (output) => {
    const [head = "", state, ...lines] = splitHead(output.stdout.toString());
    if (output.exitCode !== 0 || (state !== "ok" && state !== "refused"))
      return [notKnown(output.stderr.trim() || "sshd said nothing")];
    const effective = new Map<string, string[]>();
    for (const line of state === "ok" ? lines : []) {
      const [, keyword, value = ""] = /^(\S+)(?: (.*))?$/.exec(line) ?? [];
      if (keyword !== undefined) effective.set(keyword, [...(effective.get(keyword) ?? []), value]);
    }
    return [
      known({
        effective: state === "ok" ? effective : undefined,
        refusal: state === "ok" ? "" : lines.join("\n").trim(),
        readsDropIns: /^included$/m.test(head),
        unconfirmed: /^unconfirmed$/m.test(head),
      }),
    ];
  },
});

function splitHead(text: string): string[] {
  const [head = "", rest = ""] = text.split(/^==\n/m);
  return [head, ...rest.split("\n")];
}
