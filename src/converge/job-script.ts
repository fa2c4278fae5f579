import { JOB_DIRECTORY } from "../queries/job-state.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";

/** Jobs that ended so many days ago are forgotten. */
const KEPT_DAYS = 7;

/** Exit code of the script below when the job is there already. */
export const JOB_THERE = 76;

/**
 * What runs a job: it is a file of its own, so that nothing of the job stands in a command line. Its arguments are the limit and the umask of the shell
 * that started it.
 */
const RUNNER = `umask 077
job=\${0%/*} limit=$1 mask=$2
cd "$job" || exit 1
printf '%s\\n' "$limit" > limit
date +%s > started
read -r stat < /proc/$$/stat
set -- \${stat##*") "}
printf '%s %s\\n' $$ "\${20}" > process
if [ -f input ]; then exec < input; else exec < /dev/null; fi
( directory=$(cat directory); . ./environment; umask "$mask"; cd -- "$directory" || exit 1
  exec timeout -k 5 "$limit" /bin/sh "$job/script" ) > stdout 2> stderr
code=$?
date +%s > ended
rm -f script input environment directory
printf '%s\\n' "$code" > code.new
sync -- code.new
mv -f code.new code
`;

/**
 * Starts a script as a job of its own: under systemd where this is root's, so that nothing that ends with the session ends it; otherwise in a session
 * of its own. Prints the folder that it lives in.
 *
 * @param hasInput the script's standard input follows on that of this one.
 */
export function startJobScript(
  id: string,
  script: ShellText,
  limitSeconds: number,
  hasInput: boolean,
): ShellText {
  return shellLines(
    rawShell("mask=$(umask); umask 077; here=$PWD"),
    JOB_DIRECTORY,
    rawShell('mkdir -p -- "$jobs" || exit 1'),
    rawShell(
      `find "$jobs" -mindepth 2 -maxdepth 2 -name code -mtime +${KEPT_DAYS} 2>/dev/null | while IFS= read -r code; do rm -rf -- "\${code%/*}"; done`,
    ),
    sh`job="$jobs/"${id}`,
    sh`if ! mkdir -- "$job"; then [ -d "$job" ] && exit ${JOB_THERE}; exit 1; fi`,
    rawShell('cd -- "$job" || exit 1'),
    hasInput ? rawShell("cat > input || exit 1") : undefined,
    sh`printf '%s\n' ${script.shell} > script || exit 1`,
    sh`printf '%s' ${RUNNER} > run || exit 1`,
    rawShell("printf '%s\\n' \"$here\" > directory && export -p > environment || exit 1"),
    rawShell('if [ "$(id -u)" != 0 ] || [ ! -d /run/systemd/system ] ||'),
    // KillMode=process: a daemon that the job starts outlives it, as it would outlive a command.
    sh`  ! systemd-run --quiet --collect --unit=${`plumb-job-${id}`} -p KillMode=process /bin/sh "$job/run" ${limitSeconds} "$mask" 2>/dev/null`,
    sh`then setsid /bin/sh "$job/run" ${limitSeconds} "$mask" </dev/null >/dev/null 2>&1 & fi`,
    rawShell('printf "%s\\n" "$job"'),
  );
}

/** Forgets a job that has ended. */
export function forgetJobScript(id: string): ShellText {
  return shellLines(JOB_DIRECTORY, sh`rm -rf -- "$jobs/"${id}`);
}
