import { spawn } from "node:child_process";
import { settingsOfHosts } from "../fleet/host-settings.ts";
import type { ConnectionSettings } from "../transport/connection-settings.ts";
import { endKept } from "../transport/kept-connection.ts";
import { paintFor } from "../views/colour.ts";
import { safeText } from "../views/safe-text.ts";
import { tableLines } from "../views/table.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { hostRunOptions } from "./host-run-options.ts";
import type { KeptHost, ToKeep } from "./keep-connections.ts";
import { type HostOptions, wholeNumber } from "./read-input.ts";

export interface ConnectOptions extends HostOptions {
  for?: string;
  close?: boolean;
}

/** `plumb connect`: keeps connections for the runs that follow, in a process that stays behind. */
export async function connectCommand(pattern: string, options: ConnectOptions): Promise<ExitCode> {
  const idleSeconds = wholeNumber("--for", options.for ?? "600");
  const run = await hostRunOptions(options);
  const settings = (await settingsOfHosts(pattern, run)).map(({ settings: one }) => one);
  const overNetwork = settings.filter(({ connection }) => connection === "ssh");
  const kept =
    options.close === true
      ? await closed(overNetwork)
      : await keep({ settings: overNetwork, idleSeconds }, run.stopping);
  if (kept === undefined) return EXIT.interrupted;
  const paint = paintFor(process.stdout.isTTY);
  const rows = kept.map(({ host, error, said }) => [
    paint("bold", safeText(host)),
    error === undefined ? paint("green", said) : paint("red", safeText(run.secrets.redact(error))),
  ]);
  process.stdout.write(`${tableLines(rows).join("\n")}\n`);
  return kept.some(({ error }) => error !== undefined) ? EXIT.unreachable : EXIT.ok;
}

async function closed(settings: readonly ConnectionSettings[]): Promise<KeptHost[]> {
  return Promise.all(
    settings.map(async (one) => ({
      host: one.name,
      said: (await endKept(one)) ? "closed" : "there was none",
    })),
  );
}

/** What is secret in the settings goes by standard input. The process is on its own as soon as it has said what became of each host; undefined where it was stopped before, and ended. */
function keep(wanted: ToKeep, stopping: AbortSignal): Promise<KeptHost[] | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", "keep-connections"], {
      detached: true,
      // Not the terminal's: whoever reads our output must see its end.
      stdio: ["pipe", "pipe", "pipe"],
    });
    let said = "";
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (!said.endsWith("\n")) return;
      stopping.removeEventListener("abort", stop);
      child.unref();
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(JSON.parse(said) as KeptHost[]);
    });
    const stop = (): void => {
      child.kill();
      resolve(undefined);
    };
    stopping.addEventListener("abort", stop);
    if (stopping.aborted) stop();
    child.once("error", reject);
    child.once("exit", (status) =>
      reject(new Error(`keeping connections ended with status ${status}: ${complaint}`)),
    );
    child.stdin.end(JSON.stringify(wanted));
  });
}
