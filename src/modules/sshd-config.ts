import { z } from "zod";
import type { pathState } from "../queries/path-state.ts";
import { GUARD_FOLDER, type SshdSettings, sshdSettings } from "../queries/sshd-settings.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { settleUnconfirmed } from "./connection-guard.ts";
import { diffManagedFile, type ManagedFile, managedFileQuery, textContent } from "./managed-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { guardedSteps, sshdGuard } from "./sshd-guard.ts";
import type { Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";

const word = z
  .string()
  .min(1)
  .regex(/^[^\n\r\0]+$/, { error: "must be one line" });
const scalar = z.union([word, z.number(), z.boolean()]);
const settingsMap = z.record(
  z.string().regex(/^[A-Za-z][A-Za-z0-9]*$/, {
    error: "must be a keyword of sshd_config(5), such as PermitRootLogin",
  }),
  z.union([scalar, z.array(scalar).min(1)]),
);

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, { error: "must be a file name without its ending" })
      .default("00-plumb")
      .describe(
        "Name of the file in /etc/ssh/sshd_config.d, without `.conf`. Of several files that set the same, the first by name counts.",
      ),
    state: z.enum(["present", "absent"]).default("present").describe("Whether the file should be there."),
    settings: settingsMap
      .default({})
      .describe(
        "Keywords of sshd_config(5) to values; `true` and `false` are yes and no, a list is written as sshd wants it.",
      ),
    match: z
      .array(
        z.strictObject({
          criteria: word.describe("For whom: `User backup`, `Address 10.0.0.0/8`."),
          settings: settingsMap.describe("What counts for them."),
        }),
      )
      .default([])
      .describe("Blocks that count for some connections only: `criteria`, `settings`."),
    guard_seconds: z
      .number()
      .int()
      .min(5)
      .max(3600)
      .default(60)
      .describe("After this the host puts the old settings back, unless a new connection has been made."),
  })
  .refine((all) => all.state === "absent" || Object.keys(all.settings).length + all.match.length > 0, {
    error: "give `settings` or `match`",
    path: ["settings"],
  });

type Params = z.infer<typeof params>;

const fileOf = (want: Params): ManagedFile => ({
  path: `/etc/ssh/sshd_config.d/${want.name}.conf`,
  content: textContent(textOf(want)),
  owner: "root",
  group: "root",
  mode: "0644",
});

const CANDIDATE = `${GUARD_FOLDER}/candidate.conf`;

export const sshdConfig = defineModule<
  Params,
  { file: ReturnType<typeof pathState>; sshd: ReturnType<typeof sshdSettings> },
  undefined
>({
  name: "sshd_config",
  summary: "Settings of sshd, which can't lock anybody out",
  description:
    "They stand in a file of their own in /etc/ssh/sshd_config.d. The whole configuration is checked (`sshd -t`) before anything is replaced. Then a timer is armed on the host, sshd is reloaded, and Plumb logs in anew with the credentials of the run; only that new connection takes the timer away. If it can't be made, or the controller dies, the old file comes back by itself. Afterwards `sshd -T` must say what was asked for.",
  params,
  examples: [
    {
      title: "Keys only, and only for two groups",
      yaml: "- sshd_config:\n    settings:\n      PermitRootLogin: prohibit-password\n      PasswordAuthentication: false\n      AllowGroups: [sudo, deploy]\n",
    },
    {
      title: "A user who may only copy files",
      yaml: "- sshd_config:\n    name: 50-backup\n    match:\n      - criteria: User backup\n        settings:\n          ForceCommand: internal-sftp\n          AllowTcpForwarding: false\n",
    },
    { title: "As the distribution has it", yaml: "- sshd_config:\n    state: absent\n" },
  ],
  returns: { path: "The file.", effective: "What `sshd -T` says of each keyword in `settings`." },
  queries: (want, situation) => ({
    file: managedFileQuery(fileOf(want).path, false, situation),
    sshd: sshdSettings("own"),
  }),
  diff: (want, { file, sshd }, situation) => {
    const { path } = fileOf(want);
    const unconfirmed: Difference[] = sshd.unconfirmed
      ? [{ kind: "field", name: "guard", before: "a change waits to be confirmed", after: "confirmed" }]
      : [];
    if (want.state === "absent") {
      if (file.type === "absent" && unconfirmed.length === 0)
        return { action: "none", reason: `${path} is not there`, data: { path } };
      return {
        action: "delete",
        summary: `remove ${path}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }, ...unconfirmed],
        detail: undefined,
        data: { path },
      };
    }
    if (!sshd.readsDropIns)
      throw new ModuleFailure(
        "/etc/ssh/sshd_config does not read /etc/ssh/sshd_config.d before its own settings",
        {
          hint: "have lineinfile put `Include /etc/ssh/sshd_config.d/*.conf` there, with `insertbefore: BOF`",
        },
      );
    const change = diffManagedFile(fileOf(want), file, situation);
    const differences = [...(change.action === "none" ? [] : change.differences), ...unconfirmed];
    if (differences.length === 0) {
      refuseOverruled(want, sshd);
      return { action: "none", reason: `sshd has the settings of ${path}`, data: dataOf(want, sshd) };
    }
    return {
      action: file.type === "absent" ? "create" : "update",
      summary: `set ${path}`,
      differences,
      detail: undefined,
      data: { path },
    };
  },
  touches: (want) => [
    ...pathsTouched(fileOf(want).path),
    {
      kind: "again",
      title: "sshd reads its settings",
      script: rawShell("PATH=$PATH:/usr/sbin:/sbin; sshd -t && systemctl try-reload-or-restart ssh.service"),
    },
  ],
  steps: (change, want): Step[] => {
    const { path, content } = fileOf(want);
    const isRemoval = change.action === "delete";
    const check: Step[] = [
      {
        kind: "write-file",
        title: "write the settings of sshd",
        path: CANDIDATE,
        content,
        owner: "root",
        group: "root",
        mode: "0600",
      },
      {
        kind: "script",
        title: "check the settings of sshd",
        script: checkScript(path, CANDIDATE),
        trials: [
          {
            script: shellLines(rawShell("cat > candidate"), checkScript(path, "candidate")),
            stdin: Buffer.from(textOf(want)),
          },
        ],
      },
    ];
    return [
      settleUnconfirmed(sshdGuard(want.guard_seconds)),
      ...(isRemoval ? [] : check),
      ...guardedSteps({
        path,
        candidate: isRemoval ? undefined : CANDIDATE,
        guardSeconds: want.guard_seconds,
      }),
    ];
  },
});

/** The whole configuration as it would be, in a directory of its own: `sshd -t` reads it from there. */
function checkScript(path: string, candidate: string): ShellText {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return shellLines(
    rawShell("set -eu; PATH=$PATH:/usr/sbin:/sbin"),
    rawShell("all=$(mktemp -d); trap 'rm -rf -- \"$all\"' EXIT"),
    rawShell('for one in /etc/ssh/sshd_config.d/*.conf; do [ ! -f "$one" ] || cp -- "$one" "$all/"; done'),
    sh`cp -- ${candidate} "$all"/${name}`,
    rawShell('sed "s:/etc/ssh/sshd_config\\.d/:$all/:" /etc/ssh/sshd_config > "$all/main"'),
    rawShell(
      'said=$(sshd -t -f "$all/main" 2>&1) || { echo "$said" | sed "s:$all/:/etc/ssh/sshd_config.d/:g" >&2; exit 1; }',
    ),
  );
}

function textOf({ settings, match }: Params): string {
  return [
    "# Managed by Plumb: changes by hand are undone by the next run.",
    ...Object.entries(settings).flatMap(([keyword, value]) => settingLines(keyword, value)),
    ...match.flatMap(({ criteria, settings: inside }) => [
      `Match ${criteria}`,
      ...Object.entries(inside).flatMap(([keyword, value]) =>
        settingLines(keyword, value).map((line) => `    ${line}`),
      ),
    ]),
    // What a later file sets must not end up in our last block.
    ...(match.length === 0 ? [] : ["Match all"]),
    "",
  ].join("\n");
}

type Scalar = string | number | boolean;

/** sshd_config(5): these take a list with commas; those stand once for each value; all others take words. */
const WITH_COMMAS =
  /^(ciphers|macs|kexalgorithms|hostkeyalgorithms|pubkeyacceptedalgorithms|pubkeyacceptedkeytypes|hostbasedacceptedalgorithms|casignaturealgorithms)$/i;
const ONE_A_LINE = /^(port|listenaddress|hostkey|hostcertificate|acceptenv|setenv|subsystem|include)$/i;

function settingLines(keyword: string, value: Scalar | readonly Scalar[]): string[] {
  const words = [value].flat().map((one) => (one === true ? "yes" : one === false ? "no" : String(one)));
  if (ONE_A_LINE.test(keyword)) return words.map((one) => `${keyword} ${one}`);
  return [`${keyword} ${words.join(WITH_COMMAS.test(keyword) ? "," : " ")}`];
}

/** Another file may come first by name and say otherwise. Only what reads the same in both places is compared: yes, no and numbers. @throws ModuleFailure */
function refuseOverruled(want: Params, { effective, refusal }: SshdSettings): void {
  if (effective === undefined) throw new ModuleFailure(`sshd refuses its own files: ${refusal}`);
  const overruled = Object.entries(want.settings).flatMap(([keyword, value]) => {
    const [line = ""] = settingLines(keyword, value);
    const wanted = line.slice(keyword.length + 1);
    const [has] = effective.get(keyword.toLowerCase()) ?? [];
    return /^(yes|no|\d+)$/.test(wanted) && has !== undefined && /^(yes|no|\d+)$/.test(has) && has !== wanted
      ? [{ keyword, has }]
      : [];
  });
  const [first] = overruled;
  if (first === undefined) return;
  throw new ModuleFailure(
    `sshd has ${overruled.map(({ keyword, has }) => `${keyword} ${has}`).join(", ")} all the same`,
    {
      hint: `a file that comes before ${want.name}.conf says so: grep -ri ${first.keyword} /etc/ssh/sshd_config.d`,
      findings: overruled.map(({ keyword, has }) => ({
        path: ["settings", keyword],
        message: `sshd has ${has}`,
      })),
    },
  );
}

function dataOf(want: Params, { effective }: SshdSettings) {
  return {
    path: fileOf(want).path,
    effective: Object.fromEntries(
      Object.keys(want.settings).map((keyword) => [
        keyword,
        (effective?.get(keyword.toLowerCase()) ?? []).join("\n"),
      ]),
    ),
  };
}
