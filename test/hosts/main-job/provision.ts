import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { stringify } from "yaml";
import type { Event, RunFinished, TaskFinished } from "../../../src/converge/event.ts";
import { run } from "../../../src/fleet/run.ts";
import { extraVariables } from "../../../src/variables/extra-variables.ts";
import { lab } from "../lab.ts";
import { labHost } from "../lab-hosts.ts";
import { usualOptions } from "../usual-options.ts";

/** A copy of the example's group_vars with an inventory of the lab's hosts: db1, pool1 (Debian 12), pool2 (Debian 13), app1. */
export async function mainJobInventory(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-main-job-"));
  await cp("inventory/example/group_vars", path.join(folder, "group_vars"), { recursive: true });
  await writeFile(path.join(folder, "hosts.yml"), inventoryOf(["db1"]));
  // With a PostgreSQL of Debian 13 beside the first.
  await writeFile(path.join(folder, "two-servers.yml"), inventoryOf(["db1", "mon1"]));
  return folder;
}

/** PostgreSQL, the poolers and a client; by other addresses than the lab's where that is wanted. */
export function inventoryOf(
  servers: readonly string[],
  other: {
    addressOf?: (name: string) => string;
    knownHostsFile?: string;
    groups?: Readonly<Record<string, readonly string[]>>;
    variables?: Readonly<Record<string, unknown>>;
  } = {},
): string {
  const { keyFile, knownHostsFile } = { ...lab, ...other };
  const addressOf = other.addressOf ?? ((name: string) => labHost(name).address);
  const members = (...names: readonly string[]) => ({
    hosts: Object.fromEntries(names.map((name) => [name, { ansible_host: addressOf(name) }])),
  });
  return stringify({
    all: {
      vars: {
        ansible_user: "admin",
        ansible_ssh_private_key_file: keyFile,
        ansible_ssh_common_args: `-o UserKnownHostsFile=${knownHostsFile}`,
        ...other.variables,
      },
      children: {
        postgresql: members(...servers),
        poolers: members("pool1", "pool2"),
        clients: members("app1"),
        ...Object.fromEntries(
          Object.entries(other.groups ?? {}).map(([group, names]) => [group, members(...names)]),
        ),
      },
    },
  });
}

export interface ProvisionOptions {
  check?: boolean;
  /** Variables as `-e` takes them. */
  extra?: string[];
  /** Another file of the folder than hosts.yml. */
  inventory?: string;
  limit?: string;
  playbook?: string;
  tags?: string[];
}

export interface Provisioned {
  finished: RunFinished;
  tasks: TaskFinished[];
  events: Event[];
  /** Tasks with another status, but for skipped ones. */
  not: (status: string) => TaskFinished[];
}

/** Runs playbooks/pgbouncer.yml, or another one, on the inventory. */
export async function provisionFrom(folder: string, options: ProvisionOptions = {}): Promise<Provisioned> {
  const events: Event[] = [];
  const inventory = path.join(folder, options.inventory ?? "hosts.yml");
  const finished = await run({
    ...(await usualOptions(inventory, options.playbook ?? "playbooks/pgbouncer.yml")),
    runId: "main-job",
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    tags: options.tags ?? [],
    extraVariables: await extraVariables(options.extra ?? []),
    checkMode: options.check === true,
    emit: (event) => events.push(event),
  });
  const tasks = events.filter((event): event is TaskFinished => event.type === "task-finished");
  return {
    finished,
    tasks,
    events,
    not: (status: string) => tasks.filter((task) => task.status !== status && task.status !== "skipped"),
  };
}

/** Host, status, task and message of each. */
export const told = (tasks: readonly TaskFinished[]): string[] =>
  tasks.map(({ host, status, task, message }) => `${host} ${status} ${task.name}: ${message}`);

/** A password that the first run made. */
export async function passwordOf(folder: string, name: string): Promise<string> {
  return (await readFile(path.join(folder, "secrets", name), "utf8")).trim();
}

/** The authority's certificate. */
export function authorityOf(folder: string): Promise<string> {
  return readFile(path.join(folder, "pki", "ca.crt"), "utf8");
}

/** A playbook in `folder` that has PgBouncer of some hosts read its configuration, and nothing else. */
export async function applyPlaybook(folder: string, hosts: string): Promise<string> {
  const file = path.join(folder, "apply.yml");
  await writeFile(
    file,
    `- hosts: ${hosts}
  become: true
  tasks:
    - pgbouncer_admin:
        command: apply
        socket: /run/pgbouncer
        user: pgb_admin
        password: "{{ pgbouncer_admin_password }}"
`,
  );
  return file;
}
