import { createHash } from "node:crypto";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/**
 * Something that is tried on the host without changing anything there: whether a program takes a new configuration, whether a user is known.
 */
export interface Trial {
  /** Runs in an empty folder of its own, which nobody else can look into and which is removed afterwards. It must change nothing outside of it; exit 0: it would do. */
  script: ShellText;
  stdin?: Uint8Array;
  /** It is about what installations bring as a matter of course, such as users: it says nothing where an earlier task would have changed something. */
  mayBeMade?: true;
  environment?: Readonly<Record<string, string>>;
}

/** Of what a trial says its end is told. */
const LARGEST_SAID_BYTES = 64 * 1024;

export type TrialAnswer =
  | { passed: true }
  | {
      passed: false;
      exitCode: number;
      /** What it said on stderr; where that is nothing, on stdout. */
      said: string;
    };

/** Any number of trials, each in a shell and a folder of its own. Their inputs come one behind the other. */
export const trial = defineQuery<Trial, TrialAnswer>({
  name: "trial",
  identify: ({ script, stdin, environment }) =>
    createHash("sha256")
      .update(JSON.stringify([script.shell, environment ?? {}]))
      .update(stdin ?? "")
      .digest("hex"),
  script: (trials) => ({
    script: shellLines(
      rawShell("umask 077"),
      rawShell('all=$(mktemp -d) && cd -P -- "$all" && all=$(pwd -P) || exit 1'),
      rawShell("trap 'cd / && rm -rf -- \"$all\"' EXIT; trap 'exit 1' HUP INT TERM"),
      ...trials.map(
        (one) =>
          sh`head -c ${one.stdin?.byteLength ?? 0} > input && mkdir alone && cd alone || exit 1
( eval ${written(one)} ) < ../input > ../out 2> ../err
code=$?; cd -- "$all" && rm -rf -- alone || exit 1
[ -s err ] || mv -f -- out err
echo "$code $(tail -c ${LARGEST_SAID_BYTES} < err | base64 -w0)"`,
      ),
    ),
    stdin: Buffer.concat(trials.map(({ stdin }) => stdin ?? Buffer.alloc(0))),
  }),
  parse: (output, trials) => {
    const lines = output.stdout.toString().split("\n");
    return trials.map((_, index) => {
      const [, code, said = ""] = /^(\d+) (\S*)$/.exec(lines[index] ?? "") ?? [];
      if (code === undefined) return notKnown(output.stderr.trim() || "it said nothing");
      if (code === "0") return known<TrialAnswer>({ passed: true });
      return known<TrialAnswer>({
        passed: false,
        exitCode: Number(code),
        said: Buffer.from(said, "base64").toString(),
      });
    });
  },
});

/** An environment of its own: the trials beside it are other tasks'. */
function written({ script, environment = {} }: Trial): string {
  const exports = Object.entries(environment).map(([name, value]) => sh`export ${`${name}=${value}`}`);
  return shellLines(...exports, script).shell;
}
