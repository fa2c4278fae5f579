import { execFile } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { stringify } from "yaml";
import type { TaskFinished } from "../../../src/converge/event.ts";
import { run } from "../../../src/fleet/run.ts";
import { extraVariables } from "../../../src/variables/extra-variables.ts";
import { PLUMB } from "../../built-plumb.ts";
import { lab } from "../lab.ts";
import { labHost } from "../lab-hosts.ts";
import { consoleRows } from "../pooler-health.ts";
import { usualOptions } from "../usual-options.ts";

/**
 * The shipped playbooks on the lab's hosts, as a production would run them: one folder with inventory, authority and passwords, shared by the files that use it.
 * Both monitoring hosts watch the same poolers, so that Prometheus of both releases is tried at once. The machine that runs the tests counts as a client.
 */
const GROUPS = {
  postgresql: ["db1"],
  poolers: ["pool1", "pool2"],
  clients: ["app1"],
  monitoring: ["db2", "mon1"],
  balancers: ["pool1", "pool2"],
  postgresql_replicas: ["db2"],
};

/** ufw here, nftables there, on both releases; what has several duties (db2) is open for all of them. */
const OWN: Readonly<Record<string, Record<string, unknown>>> = {
  pool2: { firewall_backend: "ufw" },
  db2: { firewall_backend: "ufw" },
  mon1: { firewall_backend: "ufw" },
};

/** Nowhere the usual ones: what asks there in spite of the inventory finds nobody. The main job has those. */
export const PORTS = {
  postgresql_port: 5544,
  pgbouncer_listen_port: 6544,
  pgbouncer_health_port: 9244,
  haproxy_port: 6644,
  prometheus_port: 9144,
  alertmanager_port: 9344,
} as const;

/** By which they are asked besides their own; their certificates have them. */
export const NAMES = { pooler: "pooler.example.org", database: "database.example.org" } as const;

export const folder = (): string => path.join(tmpdir(), `plumb-production-${lab.name}`);

/** Whom clients trust. */
let authority: string | undefined;

/** @param everybody more variables of all hosts. */
export async function prepareProduction(
  groups: Record<string, string[]> = {},
  variables: Record<string, Record<string, unknown>> = {},
  everybody: { tls_ca_file?: string } & Record<string, unknown> = {},
): Promise<void> {
  authority = everybody.tls_ca_file;
  await mkdir(folder(), { recursive: true });
  await cp("inventory/example/group_vars", path.join(folder(), "group_vars"), { recursive: true });
  const { keyFile, knownHostsFile } = lab;
  const children = Object.entries({ ...GROUPS, ...groups }).map(([group, hosts]) => [
    group,
    {
      hosts: Object.fromEntries(
        hosts.map((host) => [
          host,
          { ansible_host: labHost(host).address, ...OWN[host], ...variables[host] },
        ]),
      ),
    },
  ]);
  await writeFile(
    path.join(folder(), "hosts.yml"),
    stringify({
      all: {
        vars: {
          ansible_user: "admin",
          ansible_ssh_private_key_file: keyFile,
          ansible_ssh_common_args: `-o UserKnownHostsFile=${knownHostsFile}`,
          pgbouncer_other_clients: [controllerAddress()],
          ha_virtual_address: virtualAddress(),
          monitoring_viewers: [controllerAddress()],
          ...PORTS,
          pgbouncer_tls_names: [NAMES.pooler],
          postgresql_tls_names: [NAMES.database],
          ...everybody,
        },
        children: Object.fromEntries(children),
      },
    }),
  );
}

/** A playbook of a test's own. @returns what `provision` takes. */
export async function playbookOf(name: string, text: string): Promise<string> {
  const file = path.join(folder(), `${name}.yml`);
  await writeFile(file, text);
  return path.relative("playbooks", file);
}

/** The lab's bridge: where connections of the tests come from. */
const controllerAddress = (): string => labHost("app1").address.replace(/\.\d+$/, ".1");

export const virtualAddress = (): string => labHost("app1").address.replace(/\.\d+$/, ".200");

export interface Provisioned {
  outcome: string;
  tasks: TaskFinished[];
  failed: string[];
  changed: string[];
}

let runs = 0;

export async function provision(
  playbook: string,
  options: { check?: boolean; extra?: Record<string, unknown>; limit?: string } = {},
): Promise<Provisioned> {
  const tasks: TaskFinished[] = [];
  const finished = await run({
    ...(await usualOptions(path.join(folder(), "hosts.yml"), `playbooks/${playbook}`)),
    // What a run keeps to be undone lies under its name.
    runId: `production-${++runs}`,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    extraVariables: await extraVariables([JSON.stringify(options.extra ?? {})]),
    checkMode: options.check === true,
    emit: (event) => {
      if (event.type === "task-finished") tasks.push(event);
    },
  });
  const told = (wanted: readonly string[]): string[] =>
    tasks
      .filter(({ status }) => wanted.includes(status))
      .map(({ host, task, message }) => `${host} ${task.name}: ${message}`)
      // Which host is first is chance.
      .sort();
  return {
    outcome: finished.outcome,
    tasks,
    failed: told(["failed"]),
    changed: told(["changed", "would-change"]),
  };
}

/** A client that is logged in to a pooler as the application's user, TLS verified. `address` may be another than the host's own. */
export async function client(
  host: string,
  options: {
    address?: string;
    database?: string;
    user?: string;
    password?: string;
    timeoutMs?: number;
  } = {},
): Promise<pg.Client> {
  const made = new pg.Client({
    host: options.address ?? labHost(host).address,
    port: options.address === virtualAddress() ? PORTS.haproxy_port : PORTS.pgbouncer_listen_port,
    user: options.user ?? "app",
    database: options.database ?? "app",
    password: options.password ?? (await secret("app")),
    ssl: {
      ca: await readFile(authority ?? path.join(folder(), "pki", "ca.crt"), "utf8"),
      host: options.address ?? labHost(host).address,
    },
    connectionTimeoutMillis: options.timeoutMs ?? 10_000,
    query_timeout: options.timeoutMs ?? 30_000,
  } as pg.ClientConfig);
  made.on("error", () => undefined);
  await made.connect();
  return made;
}

/** The connections that this machine has at a pooler, as the pooler shows them. */
export const ownClients = async (host: string): Promise<Record<string, string>[]> =>
  (await consoleRows(host, "CLIENTS")).filter(({ addr }) => addr === controllerAddress());

export const secret = async (name: string): Promise<string> =>
  (await readFile(path.join(folder(), "secrets", name), "utf8")).trim();

/** The same command as a shell takes it. */
export const plumbLine = (...args: string[]): string =>
  [process.execPath, PLUMB, ...args, "-i", path.join(folder(), "hosts.yml")].join(" ");

/** The command as a person runs it, on the production's inventory. */
export function plumb(...args: string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    const inventory = path.join(folder(), "hosts.yml");
    const command = [PLUMB, ...args, "-i", inventory];
    execFile(process.execPath, command, (error, stdout) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout });
    });
  });
}
