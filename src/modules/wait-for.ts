import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { sh } from "../shell/shell-text.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import type { StepHost } from "./step.ts";

const params = z
  .strictObject({
    host: z.string().default("127.0.0.1").describe("Address of the port, as the host sees it."),
    port: z.number().int().min(1).max(65535).optional().describe("A TCP port."),
    path: absolutePath.optional().describe("A path on the host, instead of a port."),
    state: z
      .enum(["started", "stopped", "present", "absent"])
      .default("started")
      .describe("`started`, `present`: is there. `stopped`, `absent`: is not."),
    search_regex: z
      .string()
      .optional()
      .describe("Text that must be in the file (a basic regular expression)."),
    delay: z.number().min(0).default(0).describe("Seconds to wait before looking."),
    sleep: z.number().min(0.1).default(1).describe("Seconds between two looks."),
    timeout: z.number().min(1).default(300).describe("Seconds after which it fails."),
    msg: z.string().optional().describe("What to say then."),
  })
  .refine((all) => (all.port === undefined) !== (all.path === undefined), {
    error: "give either `port` or `path`",
    path: ["port"],
  });

type Params = z.infer<typeof params>;

export const waitFor = defineModule({
  name: "wait_for",
  summary: "Waits for a port or a file",
  params,
  examples: [
    { title: "A port", yaml: "- wait_for:\n    port: 5432\n    timeout: 30\n" },
    { title: "A line in a log", yaml: "- wait_for:\n    path: /var/log/app.log\n    search_regex: ready\n" },
  ],
  returns: { elapsed: "Seconds that it took." },
  queries: () => ({}),
  diff: (want) => ({
    action: "run",
    summary: `wait for ${subject(want)}`,
    differences: [],
    detail: undefined,
  }),
  steps: (change, want) => [
    {
      kind: "controller",
      title: change.summary,
      run: async (host) => ({ output: { title: change.summary, data: await waitUntil(host, want) } }),
    },
  ],
  result: (want, outputs) => ({
    changed: false,
    message: `${subject(want)} is ${want.state}`,
    data: { elapsed: Number(outputs[0]?.data ?? 0) },
  }),
});

const subject = ({ port, path, host }: Params): string =>
  path === undefined ? `port ${String(port)} of ${host}` : path;

/** @returns seconds. @throws ModuleFailure after the time limit. */
async function waitUntil(host: StepHost, want: Params): Promise<number> {
  const started = Date.now();
  const wanted = want.state === "started" || want.state === "present";
  await wait(want.delay * 1000, undefined, { signal: host.signal });
  while ((await isThere(host, want)) !== wanted) {
    const elapsed = (Date.now() - started) / 1000;
    if (elapsed > want.timeout) {
      throw new ModuleFailure(want.msg ?? `${subject(want)} was not ${want.state} within ${want.timeout} s`);
    }
    host.progress(`${Math.round(elapsed)} s`);
    await wait(want.sleep * 1000, undefined, { signal: host.signal });
  }
  return (Date.now() - started) / 1000;
}

async function isThere(host: StepHost, want: Params): Promise<boolean> {
  if (want.path !== undefined) {
    const script =
      want.search_regex === undefined
        ? sh`[ -e ${want.path} ]`
        : sh`grep -q -e ${want.search_regex} -- ${want.path}`;
    return (await host.run(script)).exitCode === 0;
  }
  try {
    const stream = await host.transport.forward({ host: want.host, port: want.port ?? 0 });
    stream.destroy();
    return true;
  } catch {
    // A refused connection is the answer that was asked for.
    return false;
  }
}
