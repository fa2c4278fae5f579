import { setTimeout as wait } from "node:timers/promises";
import type { HostSession } from "../converge/host-session.ts";
import { describeEnd } from "../converge/script-end.ts";
import { onHosts } from "../fleet/on-hosts.ts";
import type { RunOptions } from "../fleet/run-options.ts";
import { type PoolerStatus, parsePoolerStatus, poolerStatusScript } from "../pgbouncer/pooler-status.ts";
import { paintFor } from "../views/colour.ts";
import { type HostPoolers, needsAttention, poolerStatusLines } from "../views/pooler-status.ts";
import { safeJson } from "../views/safe-text.ts";
import { EXIT, type ExitCode, exitCodeOfAnswers } from "./exit-codes.ts";
import { hostRunOptions } from "./host-run-options.ts";
import { type HostOptions, wholeNumber } from "./read-input.ts";

export interface StatusOptions extends HostOptions {
  watch?: boolean;
  interval?: string;
  json?: boolean;
}

/** `plumb pgbouncer status`: pools, clients, certificates and drift of poolers, once or until Ctrl-C. */
export async function statusCommand(pattern: string, options: StatusOptions): Promise<ExitCode> {
  // The console's socket lets in PgBouncer's own user, and root can be that.
  const run = await hostRunOptions({ become: true, ...options }, { onlyAsks: true });
  const intervalSeconds = wholeNumber("--interval", options.interval ?? "2");
  const known = new Map<string, HostPoolers>();
  const told = (): HostPoolers[] => [...known.values()].sort((a, b) => (a.host < b.host ? -1 : 1));
  const show = (): void => write(told(), options);
  const watching = options.watch === true;
  const answers = await onHosts(pattern, run, async (session) => {
    do {
      known.set(session.name, await askHost(session, run));
      if (!watching) return;
      show();
      await wait(intervalSeconds * 1000, undefined, { signal: run.stopping }).catch(() => undefined);
    } while (!run.stopping.aborted);
  });
  for (const { host, error } of answers)
    if (error !== undefined) known.set(host, { host, error: error.message });
  if (!watching) show();
  const code = exitCodeOfAnswers(answers);
  if (code !== EXIT.ok) return code;
  return told().some(needsAttention) ? EXIT.failed : EXIT.ok;
}

async function askHost(session: HostSession, run: RunOptions): Promise<HostPoolers> {
  const host = session.name;
  const result = await session.run(poolerStatusScript, session.shellUser("task", run.defaultUser));
  if (result.exitCode !== 0)
    return { host, error: `could not be asked: ${describeEnd(result)} ${result.stderr.toString().trim()}` };
  let poolers: PoolerStatus[];
  try {
    poolers = parsePoolerStatus(result.stdout.toString());
  } catch (error) {
    return { host, error: error instanceof Error ? error.message : String(error) };
  }
  return poolers.length === 0
    ? { host, error: "there is no PgBouncer: /etc/pgbouncer has no pgbouncer.ini" }
    : { host, poolers };
}

function write(hosts: readonly HostPoolers[], { json, watch }: StatusOptions): void {
  if (json === true) {
    process.stdout.write(`${safeJson({ at: new Date().toISOString(), hosts }, watch === true ? 0 : 2)}\n`);
    return;
  }
  const lines = poolerStatusLines(hosts, paintFor(process.stdout.isTTY));
  // A terminal shows one screen, from its top left corner; a file or a pipe gets one after the other.
  const before = watch === true && process.stdout.isTTY ? "\u001b[H\u001b[2J" : "";
  const clock = watch === true ? [`${new Date().toLocaleTimeString()}  Ctrl-C ends it`, ""] : [];
  process.stdout.write(`${before}${[...clock, ...lines].join("\n")}\n`);
}
