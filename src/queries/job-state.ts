import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY, STATE_TO_READ } from "../shell/state-directory.ts";
import { defineQuery, known, notKnown } from "./query.ts";

/**
 * Where jobs (`async`) live on a host: a folder each (0700) under `async/` in Plumb's state directory, root's or the user's own.
 *
 *     process     pid and start time of the shell that runs it
 *     limit       seconds after which it is ended
 *     started, ended, stdout, stderr
 *     code        exit code; written last
 *
 * Sets `$jobs`.
 */
const JOBS = rawShell("jobs=$state/async");
export const JOB_DIRECTORY = shellLines(STATE_DIRECTORY, JOBS);

/** Job ids are made by Plumb; anything else could lead out of the folder. */
export const JOB_ID = /^j[0-9a-f]{8,40}$/;

/** Of each stream this much comes back. */
const LARGEST_OUTPUT_BYTES = 4 * 1024 * 1024;

export type JobState =
  | { state: "absent" }
  | { state: "running" }
  /** It ended without saying how: killed, or the host was booted. */
  | { state: "gone" }
  | {
      state: "finished";
      code: number;
      seconds: number;
      timedOut: boolean;
      stdout: Buffer;
      stderr: Buffer;
      truncated: boolean;
    };

/** How jobs stand, by id, of the user who asks. */
export const jobState = defineQuery<string, JobState>({
  name: "job-state",
  identify: (id) => id,
  script: (ids) => ({ script: jobStateScript(ids) }),
  parse: (output, ids) => {
    const lines = new Map(
      output.stdout
        .toString()
        .split("\n")
        .map((line) => line.split(" "))
        .map(([id = "", ...words]) => [id, words]),
    );
    return ids.map((id) => {
      const state = stateOf(lines.get(id) ?? []);
      return state === undefined ? notKnown(output.stderr.trim() || "no answer") : known(state);
    });
  },
});

// A job that has ended has written its code before, so whoever finds no process looks for the code next. A young folder has not got that far.
// A process that has ended and that nobody has asked after yet (state Z, X: proc_pid_stat(5)) does not run.
function jobStateScript(ids: readonly string[]): ShellText {
  return shellLines(
    STATE_TO_READ,
    JOBS,
    rawShell(
      'started() { read -r stat < "/proc/$1/stat" || return 1; set -- ${stat##*") "}; case $1 in [ZXx]) return 1 ;; esac; echo "${20}"; } 2>/dev/null',
    ),
    sh`for id in ${ids}; do`,
    rawShell('  job="$jobs/$id"; pid= start='),
    rawShell('  [ -d "$job" ] || { echo "$id absent"; continue; }'),
    rawShell('  [ -f "$job/process" ] && read -r pid start < "$job/process"'),
    rawShell('  if [ -n "$pid" ] && [ "$(started "$pid")" = "$start" ]; then echo "$id running"'),
    rawShell('  elif [ -f "$job/code" ]; then'),
    rawShell(
      '    echo "$id finished $(cat "$job/code") $(cat "$job/started") $(cat "$job/ended") $(cat "$job/limit") $(stat -c %s "$job/stdout") $(stat -c %s "$job/stderr")' +
        ` =$(head -c ${LARGEST_OUTPUT_BYTES} "$job/stdout" | base64 -w0) =$(head -c ${LARGEST_OUTPUT_BYTES} "$job/stderr" | base64 -w0)"`,
    ),
    rawShell('  elif [ -n "$(find "$job" -maxdepth 0 -mmin -1)" ]; then echo "$id running"'),
    rawShell('  else echo "$id gone"; fi'),
    rawShell("done"),
  );
}

function stateOf([word, ...rest]: readonly string[]): JobState | undefined {
  if (word === "absent" || word === "running" || word === "gone") return { state: word };
  if (word !== "finished") return undefined;
  const [code, started, ended, limit, outBytes, errBytes] = rest.slice(0, 6).map(Number);
  const [stdout = "", stderr = ""] = rest.slice(6).map((text) => text.slice(1));
  if (code === undefined || started === undefined || ended === undefined || limit === undefined)
    return undefined;
  const seconds = ended - started;
  return {
    state: "finished",
    code,
    seconds,
    // timeout(1) says 124, or 137 where it had to kill; the command may say so too, but not after this long.
    timedOut: (code === 124 || code === 137) && seconds >= limit,
    stdout: Buffer.from(stdout, "base64"),
    stderr: Buffer.from(stderr, "base64"),
    truncated: Math.max(outBytes ?? 0, errBytes ?? 0) > LARGEST_OUTPUT_BYTES,
  };
}
