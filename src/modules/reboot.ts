import { z } from "zod";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { TransportError } from "../transport/transport.ts";
import { waitSeconds } from "./connect-through.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import type { StepHost } from "./step.ts";

const params = z.strictObject({
  reboot_timeout: z
    .number()
    .min(1)
    .max(86_400)
    .default(600)
    .describe("Seconds within which the host must be back, and say so."),
  pre_reboot_delay: z.number().min(0).default(0).describe("Seconds to wait before."),
  post_reboot_delay: z.number().min(0).default(0).describe("Seconds to wait after, before it is looked for."),
  test_command: z
    .string()
    .min(1)
    .default("true")
    .describe(
      "The host is back when this succeeds as the task's user; for example `systemctl is-system-running --wait`.",
    ),
  reboot_command: z.string().min(1).default("systemctl reboot").describe("What boots it."),
  msg: z
    .string()
    .default("Reboot initiated by Plumb")
    .describe("What is written to the host's log, so that people find out why."),
});

type Params = z.infer<typeof params>;

/** Seconds between two looks. */
const LOOK_EVERY_SECONDS = 1;

/** Another one after each boot (random(4)); a host that answers with the old one has not gone down yet. */
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

export const reboot = defineModule({
  name: "reboot",
  summary: "Boots a host, and waits until it is back",
  description:
    "It is back when it answers over SSH with another boot id than before and `test_command` succeeds; a host that only looks as if it had been booted is not taken for one. The host's lock is taken anew, and what was known about it is asked again.",
  params,
  examples: [
    { title: "Boot", yaml: "- reboot:\n    reboot_timeout: 300\n" },
    {
      title: "Only where a package asked for it",
      yaml: "- stat:\n    path: /run/reboot-required\n  register: required\n- reboot:\n  when: required.stat.exists\n",
    },
  ],
  returns: { rebooted: "True.", elapsed: "Seconds that it took." },
  queries: () => ({}),
  diff: () => ({ action: "run", summary: "reboot", differences: [], detail: undefined }),
  steps: (change, want) => [
    {
      kind: "controller",
      title: change.summary,
      timeoutMs: (want.pre_reboot_delay + want.reboot_timeout + want.post_reboot_delay + 120) * 1000,
      run: async (host) => ({ output: { title: change.summary, data: await bootAnew(host, want) } }),
    },
  ],
  result: (_want, outputs) => ({
    changed: true,
    message: `back after ${String(outputs[0]?.data)} s`,
    data: { rebooted: true, elapsed: Number(outputs[0]?.data) },
  }),
});

/** @returns seconds. @throws ModuleFailure */
async function bootAnew(host: StepHost, want: Params): Promise<number> {
  if (host.transport.isLocal)
    throw new ModuleFailure("this would boot the machine that Plumb runs on", {
      hint: "boot the controller by hand, or from another one",
    });
  const before = await bootId(host);
  if (before === undefined) throw new ModuleFailure(`${BOOT_ID} can't be read on this host`);
  await waitSeconds(want.pre_reboot_delay, host);
  const started = performance.now();
  const elapsed = (): number => Math.round((performance.now() - started) / 100) / 10;
  await goDown(host, want);
  await waitSeconds(want.post_reboot_delay, host);
  for (;;) {
    const state = await lookForIt(host, want, before);
    if (state === "back") return elapsed();
    if (elapsed() >= want.reboot_timeout)
      throw new ModuleFailure(`not back within ${want.reboot_timeout} s: ${state}`);
    host.progress(`${Math.round(elapsed())} s: ${state}`);
    await waitSeconds(LOOK_EVERY_SECONDS, host);
  }
}

/** The command is left to a process of its own: the shell that starts it has to be able to answer before the host goes down. */
async function goDown(host: StepHost, { reboot_command: command, msg }: Params): Promise<void> {
  const later = `sleep 0.5; ${command}`;
  const script = shellLines(
    sh`command -v logger >/dev/null && logger -t plumb -- ${msg}`,
    rawShell("if [ -d /run/systemd/system ]; then"),
    // A unit of its own outlives the SSH session wherever logind ends what a session leaves behind (KillUserProcesses=).
    sh`  systemd-run --quiet --collect --no-block /bin/sh -c ${later}`,
    rawShell("else"),
    sh`  setsid /bin/sh -c ${later} </dev/null >/dev/null 2>&1 &`,
    rawShell("fi"),
  );
  const result = await host.run(script);
  if (result.exitCode !== 0)
    throw new ModuleFailure(
      `could not be booted: ${result.stderr.toString().trim() || `exit ${String(result.exitCode)}`}`,
    );
}

/** @returns "back", or why it is not. */
async function lookForIt(host: StepHost, want: Params, before: string): Promise<string> {
  try {
    await host.reconnect();
    const now = await bootId(host);
    if (now === undefined || now === before) return "it has not gone down yet";
    const test = await host.run(rawShell(want.test_command));
    return test.exitCode === 0 ? "back" : `\`${want.test_command}\` fails`;
  } catch (error) {
    if (error instanceof TransportError) return error.message;
    throw error;
  }
}

async function bootId(host: StepHost): Promise<string | undefined> {
  const result = await host.run(sh`cat ${BOOT_ID}`);
  return result.exitCode === 0 ? result.stdout.toString().trim() : undefined;
}
