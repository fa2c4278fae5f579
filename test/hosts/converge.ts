import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Event, RunFinished, TaskFinished } from "../../src/converge/event.ts";
import { run } from "../../src/fleet/run.ts";
import type { RunOptions } from "../../src/fleet/run-options.ts";
import { lab } from "./lab.ts";
import { labHost } from "./lab-hosts.ts";
import { usualOptions } from "./usual-options.ts";

/** What a run on lab hosts did. */
export interface Converged {
  events: Event[];
  finished: RunFinished;
  tasks: TaskFinished[];
  /** Status of each task, in order: "changed copy". */
  statuses: string[];
}

export interface ConvergeOptions {
  hosts?: readonly string[];
  check?: boolean;
  diff?: boolean;
  user?: string;
  /** undefined takes one of the usual variables away. */
  variables?: Record<string, string | undefined>;
  /** Groups of the hosts, besides `all`. */
  groups?: Readonly<Record<string, readonly string[]>>;
  stopping?: AbortSignal;
  /** Told each event as it comes. */
  hear?: (event: Event) => void;
  override?: Partial<RunOptions>;
}

/** Runs a playbook's text on lab hosts, in this process. Files beside the playbook go into `folder`. */
export async function runPlaybook(
  yaml: string,
  options: ConvergeOptions = {},
  folder?: string,
): Promise<Converged> {
  const directory = folder ?? (await mkdtemp(path.join(tmpdir(), "plumb-test-")));
  const file = path.join(directory, "play.yml");
  await writeFile(file, yaml);
  const events: Event[] = [];
  const finished = await run(
    await runOptions(file, options, (event) => {
      events.push(event);
      options.hear?.(event);
    }),
  );
  const tasks = events.filter((event) => event.type === "task-finished");
  return { events, finished, tasks, statuses: tasks.map(({ status, task }) => `${status} ${task.module}`) };
}

/** Runs tasks, as a play on the hosts, as root. */
export function runTasks(
  tasks: string,
  options: ConvergeOptions & { handlers?: string } = {},
  folder?: string,
): Promise<Converged> {
  const indent = (text: string): string => text.replace(/^/gm, "    ");
  const handlers = options.handlers === undefined ? "" : `  handlers:\n${indent(options.handlers)}\n`;
  return runPlaybook(
    `- hosts: all\n  become: true\n  tasks:\n${indent(tasks)}\n${handlers}`,
    options,
    folder,
  );
}

/** What a run keeps on a host lies under its name: no two have the same. */
let runs = 0;

async function runOptions(
  file: string,
  options: ConvergeOptions,
  emit: (event: Event) => void,
): Promise<RunOptions> {
  const { keyFile, knownHostsFile } = lab;
  const hosts = (options.hosts ?? ["bookworm1"]).map(labHost);
  const inventory = path.join(path.dirname(file), "hosts.ini");
  const own = options.variables?.["ansible_host"];
  const lines = hosts.map(({ name, address }) => `${name} ansible_host=${own ?? address}`);
  const variables = {
    ansible_user: options.user ?? "admin",
    ansible_ssh_private_key_file: keyFile,
    ansible_ssh_common_args: `-o UserKnownHostsFile=${knownHostsFile}`,
    ...options.variables,
  };
  const settings = Object.entries(variables)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value ?? ""}`);
  const groups = Object.entries(options.groups ?? {}).flatMap(([name, members]) => [`[${name}]`, ...members]);
  await writeFile(inventory, [...lines, ...groups, "[all:vars]", ...settings, ""].join("\n"));
  const usual = await usualOptions(inventory, file);
  return {
    ...usual,
    runId: `test-${process.pid}-${++runs}`,
    checkMode: options.check === true,
    diffMode: options.diff === true,
    emit,
    stopping: options.stopping ?? usual.stopping,
    ...options.override,
  };
}
