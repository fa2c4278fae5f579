import { z } from "zod";
import { JOB_DIRECTORY, JOB_ID, type JobState, jobState } from "../queries/job-state.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { COMMAND_RETURNS, commandData } from "./command-result.ts";
import { defineModule, ModuleFailure } from "./module.ts";

const params = z.strictObject({
  jid: z
    .string()
    .regex(JOB_ID, { error: "must be a job's id, as `ansible_job_id` of a task with `poll: 0` gives it" })
    .describe("The job: `ansible_job_id` of the task that started it."),
  mode: z
    .enum(["status", "cleanup"])
    .default("status")
    .describe("`cleanup` forgets the job, once it has ended."),
});

type Params = z.infer<typeof params>;
type Finished = Extract<JobState, { state: "finished" }>;

const FORGET = "forget";

export const asyncStatus = defineModule<
  Params,
  { job: ReturnType<typeof jobState> },
  Finished | typeof FORGET
>({
  name: "async_status",
  summary: "Looks at a job that a task with `async` and `poll: 0` has started",
  description:
    "Jobs belong to the user who started them: look as the same one (`become`). `finished` and `started` are true or false, so `until: job.finished` waits for the end. A job that failed fails this task.",
  params,
  inCheckMode: ({ mode }) => (mode === "status" ? "run" : "predict"),
  returns: {
    ansible_job_id: "The job.",
    started: "Whether it has started.",
    finished: "Whether it has ended.",
    erased: "With `mode: cleanup`: the job of which nothing is kept any more.",
    ...COMMAND_RETURNS,
  },
  examples: [
    {
      title: "Start it, do something else, wait for it",
      yaml: [
        "- shell: /usr/local/bin/rebuild-index",
        "  async: 3600",
        "  poll: 0",
        "  register: rebuild",
        "- async_status:",
        '    jid: "{{ rebuild.ansible_job_id }}"',
        "  register: job",
        "  until: job.finished",
        "  retries: 1800",
        "  delay: 2",
        "",
      ].join("\n"),
    },
    {
      title: "Forget it",
      yaml: '- async_status:\n    jid: "{{ rebuild.ansible_job_id }}"\n    mode: cleanup\n',
    },
  ],
  queries: ({ jid }) => ({ job: jobState(jid) }),
  diff: ({ jid, mode }, { job }) => {
    if (mode === "cleanup") {
      if (job.state === "absent") return { action: "none", reason: `there is no job ${jid}` };
      if (job.state === "running")
        throw new ModuleFailure(`job ${jid} is running`, { hint: "wait for its end first" });
      return { action: "delete", summary: `forget job ${jid}`, differences: [], detail: FORGET };
    }
    const data = { ansible_job_id: jid, started: true, finished: job.state !== "running" };
    switch (job.state) {
      case "running":
        return { action: "none", reason: `job ${jid} is running`, data };
      case "absent":
        throw new ModuleFailure(`there is no job ${jid} of this user`, {
          data,
          hint: "jobs belong to the user who started them: look with the same `become`; after seven days they are forgotten",
        });
      case "gone":
        throw new ModuleFailure(
          `job ${jid} ended without saying how: it was killed, or the host was booted`,
          { data },
        );
      case "finished":
        return { action: "run", summary: `job ${jid} has ended`, differences: [], detail: job };
    }
  },
  touches: () => [],
  steps: ({ detail }, { jid }) =>
    detail === FORGET
      ? [
          {
            kind: "script",
            title: `forget job ${jid}`,
            script: shellLines(JOB_DIRECTORY, sh`rm -rf -- "$jobs/"${jid}`, rawShell("exit 0")),
          },
        ]
      : [],
  result: ({ jid }, _outputs, { detail }) => {
    if (detail === FORGET) return { changed: true, data: { erased: jid } };
    const { code, timedOut, seconds } = detail;
    const failed = code !== 0;
    return {
      changed: !failed,
      failed,
      message: timedOut
        ? `job ${jid} did not end within its limit, and was ended after ${seconds} s`
        : failed
          ? `job ${jid} ended with exit ${code}`
          : `job ${jid} ended after ${seconds} s`,
      data: {
        ansible_job_id: jid,
        started: true,
        finished: true,
        ...commandData({ ...detail, exitCode: code }, true),
      },
    };
  },
});
