import { z } from "zod";
import { cutOff } from "../shell/cut-off.ts";
import { sh, shellLines } from "../shell/shell-text.ts";
import { connectThrough, waitSeconds } from "./connect-through.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import { plainAddress } from "./plain-address.ts";
import type { StepHost } from "./step.ts";
import { CONNECTION_STATES, tcpConnections } from "./tcp-connections.ts";

const AN_ADDRESS = { error: "must be an address: names are not looked up" };

const params = z
  .strictObject({
    host: z.string().min(1).default("127.0.0.1").describe("Address of the port, as the host sees it."),
    port: z.number().int().min(1).max(65535).optional().describe("A TCP port."),
    path: absolutePath.optional().describe("A path on the host, instead of a port."),
    state: z
      .enum(["started", "stopped", "drained", "present", "absent"])
      .default("started")
      .describe(
        "`started`, `present`: is there. `stopped`, `absent`: is not. `drained`: the host has no connection to this port of its own, at any of its addresses.",
      ),
    exclude_hosts: z
      .array(z.union([z.ipv4(AN_ADDRESS), z.ipv6(AN_ADDRESS)], AN_ADDRESS))
      .default([])
      .describe("With `drained`: addresses whose connections do not count."),
    active_connection_states: z
      .array(z.enum(CONNECTION_STATES))
      .default(["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"])
      .describe("With `drained`: states of connections that count."),
    search_regex: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Text that must be in the file (an extended regular expression of grep), or that the port must say (one of JavaScript).",
      ),
    delay: z.number().min(0).default(0).describe("Seconds to wait before looking."),
    sleep: z.number().min(0.1).default(1).describe("Seconds between two looks."),
    timeout: z.number().min(0).default(300).describe("Seconds after which it fails."),
    connect_timeout: z.number().min(0.1).default(5).describe("Seconds that one connection may take."),
    msg: z.string().optional().describe("What to say when it fails."),
  })
  .refine((all) => all.port === undefined || all.path === undefined, {
    error: "give either `port` or `path`",
    path: ["port"],
  })
  .refine((all) => all.state !== "drained" || all.port !== undefined, {
    error: "`drained` is about a `port`",
    path: ["state"],
  })
  .refine((all) => all.state === "drained" || all.exclude_hosts.length === 0, {
    error: "belongs to `state: drained`",
    path: ["exclude_hosts"],
  })
  .refine((all) => all.search_regex === undefined || all.port !== undefined || all.path !== undefined, {
    error: "`search_regex` needs a `path` or a `port`",
    path: ["search_regex"],
  });

type Params = z.infer<typeof params>;

export const waitFor = defineModule({
  name: "wait_for",
  summary: "Waits for a port, a file, or a time",
  description:
    "A port is tried through the host's SSH connection, so nothing has to be installed there. Without `port` and `path` it waits for `timeout` seconds.",
  params,
  examples: [
    { title: "A port", yaml: "- wait_for:\n    port: 5432\n    timeout: 30\n" },
    {
      title: "Nobody is connected any more, but for who watches",
      yaml: "- wait_for:\n    port: 6432\n    state: drained\n    exclude_hosts: [127.0.0.1]\n    active_connection_states: [ESTABLISHED]\n",
    },
    {
      title: "A line in a log",
      yaml: "- wait_for:\n    path: /var/log/app.log\n    search_regex: 'ready|listening'\n",
    },
    {
      title: "A lock that must go",
      yaml: "- wait_for:\n    path: /run/app/upgrade.lock\n    state: absent\n",
    },
  ],
  returns: { elapsed: "Seconds that it took.", state: "What was waited for." },
  queries: () => ({}),
  diff: (want) => ({
    action: "run",
    summary: `wait for ${subject(want)}`,
    differences: [],
    detail: undefined,
  }),
  touches: () => [],
  steps: (change, want) => [
    {
      kind: "controller",
      title: change.summary,
      timeoutMs: (want.timeout + 60) * 1000,
      run: async (host) => ({ output: { title: change.summary, data: await waitUntil(host, want) } }),
    },
  ],
  result: (want, outputs) => ({
    changed: false,
    message: isAboutNothing(want) ? "waited" : `${subject(want)} is ${want.state}`,
    data: { elapsed: Number(outputs[0]?.data ?? 0), state: want.state },
  }),
});

function isAboutNothing({ port, path }: Params): boolean {
  return port === undefined && path === undefined;
}

function subject(want: Params): string {
  if (isAboutNothing(want)) return `${want.timeout} s`;
  return want.path ?? `port ${String(want.port)} of ${want.host}`;
}

/** @returns seconds. @throws ModuleFailure after the time limit. */
async function waitUntil(host: StepHost, want: Params): Promise<number> {
  const started = performance.now();
  const elapsed = (): number => Math.round((performance.now() - started) / 100) / 10;
  await waitSeconds(want.delay, host);
  if (isAboutNothing(want)) {
    await waitSeconds(want.timeout, host);
    return elapsed();
  }
  const wanted = want.state === "started" || want.state === "present";
  while ((await isThere(host, want)) !== wanted) {
    if (elapsed() >= want.timeout) {
      throw new ModuleFailure(want.msg ?? `${subject(want)} was not ${want.state} within ${want.timeout} s`, {
        data: { elapsed: elapsed(), state: want.state },
      });
    }
    host.progress(`${Math.round(elapsed())} s`);
    await waitSeconds(want.sleep, host);
  }
  return elapsed();
}

function isThere(host: StepHost, want: Params): Promise<boolean> {
  if (want.state === "drained") return isUsed(host, want);
  return want.path === undefined ? isListening(host, want) : isAtPath(host, want.path, want.search_regex);
}

/** Whether somebody is connected to the port (proc(5)). */
async function isUsed(host: StepHost, want: Params): Promise<boolean> {
  const result = await host.run(sh`cat /proc/net/tcp; [ ! -e /proc/net/tcp6 ] || cat /proc/net/tcp6`);
  if (result.exitCode !== 0)
    throw new ModuleFailure(`the host's connections can't be read: ${result.stderr.toString().trim()}`);
  return tcpConnections(result.stdout.toString()).some(
    ({ localPort, remoteAddress, state }) =>
      localPort === want.port &&
      want.active_connection_states.includes(state) &&
      !want.exclude_hosts.some((one) => plainAddress(one) === remoteAddress),
  );
}

/** Exit codes of the script below; others mean that it could not be found out. */
const [THERE, NOT_THERE, BAD_PATTERN] = [0, 1, 3] as const;

async function isAtPath(host: StepHost, path: string, pattern: string | undefined): Promise<boolean> {
  const script =
    pattern === undefined
      ? sh`[ -e ${path} ] || [ -L ${path} ]`
      : shellLines(
          // grep exits 2 for a bad pattern and for a file that it can't read alike; on /dev/null only the first is left.
          // The pattern goes by standard input: it may hold a secret, and everybody can read arguments.
          sh`printf '%s\n' ${pattern} | grep -qE -f - /dev/null; [ $? -le 1 ] || exit ${BAD_PATTERN}`,
          sh`[ -e ${path} ] || exit ${NOT_THERE}`,
          sh`printf '%s\n' ${pattern} | grep -qE -f - -- ${path}`,
        );
  const result = await host.run(script);
  if (result.exitCode === THERE) return true;
  if (result.exitCode === NOT_THERE) return false;
  const said = result.stderr.toString().trim();
  throw new ModuleFailure(
    result.exitCode === BAD_PATTERN
      ? `\`search_regex\` is no regular expression of grep's: ${said}`
      : `could not look at ${path}: ${said || "it did not end"}`,
  );
}

async function isListening(host: StepHost, want: Params): Promise<boolean> {
  const timeoutMs = want.connect_timeout * 1000;
  const target = { host: want.host, port: want.port ?? 0 };
  const stream = await connectThrough(host, target, timeoutMs).catch((error: unknown) => {
    if (error instanceof ModuleFailure) throw error;
    // A refused connection is the answer that was asked for.
    return undefined;
  });
  if (stream === undefined) return false;
  try {
    if (want.search_regex === undefined) return true;
    return await says(stream, new RegExp(want.search_regex, "m"), timeoutMs);
  } finally {
    stream.destroy();
  }
}

/** What the other side says is its own to choose. @throws ModuleFailure for a pattern that never comes to an end over it, which nothing that it says later would mend. */
function matches(pattern: RegExp, text: string): boolean {
  return cutOff(
    () => pattern.test(text),
    () =>
      new ModuleFailure("`search_regex` needs more than a second for what is said there", {
        hint: "a repetition inside of a repetition, such as (a+)+, can take years for one line: write it without",
      }),
  );
}

/** More than this is no greeting. */
const LONGEST_GREETING_BYTES = 64 * 1024;

/** Whether what the other side says of itself matches, before it stops or time is up. */
function says(stream: NodeJS.ReadableStream, pattern: RegExp, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let heard = Buffer.alloc(0);
    const timer = setTimeout(() => resolve(false), timeoutMs);
    const end = (matches: boolean): void => {
      clearTimeout(timer);
      resolve(matches);
    };
    stream.on("data", (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      let isFound: boolean;
      try {
        isFound = matches(pattern, heard.toString());
      } catch (error) {
        clearTimeout(timer);
        reject(error);
        stream.removeAllListeners("data");
        return;
      }
      if (isFound) end(true);
      else if (heard.byteLength > LONGEST_GREETING_BYTES) end(false);
    });
    stream.once("end", () => end(false));
    stream.once("error", () => end(false));
    stream.once("close", () => end(false));
  });
}
