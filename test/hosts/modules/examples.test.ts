import { execFile } from "node:child_process";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import type { TaskFinished } from "../../../src/converge/event.ts";
import { loadModule, moduleNames } from "../../../src/modules/catalogue.ts";
import type { Module, ModuleExample } from "../../../src/modules/module.ts";
import { changesNothing } from "../../../src/modules/undone-by.ts";
import { runPlaybook } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { onHost, sendToHost } from "../lab-hosts.ts";
import {
  CONTROLLER_FILES,
  PACKAGES,
  PREPARATIONS,
  type Preparation,
  SETTING,
} from "./example-preparations.ts";

/**
 * What the pages of the modules show, run as it stands there: first in check mode, then in earnest, then once more. Much is left on the hosts: this file is
 * one of the last that they have.
 */
const HOSTS = ["bookworm1", "trixie1"] as const;

/** Which lines of the playbook are what. */
interface Stretch {
  module: string;
  /** undefined: the test's own preparation. */
  example: ModuleExample | undefined;
  /** It finds the module's preparation as it is, not what another example made. */
  first: boolean;
  again: boolean;
  from: number;
  to: number;
}

interface Written {
  yaml: string;
  stretches: readonly Stretch[];
}

const HEAD = `- hosts: all
  become: true
  ignore_errors: true
  vars:
    app_password: secret-44871
    pgbouncer_admin_password: secret-44871
    pgbouncer_auth_password: secret-44871
    stats_password: secret-44871
    monitor_password: secret-44871
    report_password: secret-44871
    app_verifier: SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2E=$CwuVh4TOHL8m0BoBGVVHbLqJkTKGgIArJ0h+EYZg3pw=:bq4YVoCKPh6kuQIHXOLXjVVbgtIWmP5GKpCJX+Dy3tE=
    pgbouncer_instances: 1
    token: secret
  tasks:
    - file: {path: /etc/ssl/plumb, state: directory}
      check_mode: false
    - tls_ca: {directory: pki, dest: /etc/ssl/plumb/ca.crt}
      check_mode: false
    - tls_certificate:
        ca_directory: pki
        key_path: /srv/server.key
        cert_path: /srv/server.crt
        common_name: pool1
        subject_alt_names: [pool1, "{{ inventory_hostname }}", "{{ ansible_host }}", 127.0.0.1, 10.0.0.2, example.org, registry.internal, www.internal, api.internal, git.example.org]
      check_mode: false`;

/** Every example of every module in one play. */
async function write(check: boolean): Promise<Written> {
  const lines = HEAD.split("\n");
  const stretches: Stretch[] = [
    { module: "all", example: undefined, first: false, again: false, from: 1, to: lines.length },
  ];
  const add = (module: string, text: string, example?: ModuleExample, again = false): void => {
    const from = lines.length + 1;
    lines.push(...text.trimEnd().split("\n"));
    const first = stretches.at(-1)?.example === undefined;
    stretches.push({ module, example, first, again, from, to: lines.length });
  };
  const prepare = (module: string, cmd: string | undefined): void => {
    if (cmd === undefined) return;
    const shell = JSON.stringify({ cmd, executable: "/bin/bash" });
    add(module, `    - shell: ${shell}\n      check_mode: false`);
  };
  prepare("all", SETTING);
  for (const name of moduleNames()) {
    const preparation = PREPARATIONS[name] ?? {};
    prepare(name, preparation.before);
    for (const example of (await loadModule(name)).examples) {
      if (!check && preparation.onlyChecked?.[example.title] !== undefined) continue;
      for (const again of check ? [false] : [false, true])
        add(name, block(example, preparation), example, again);
    }
    // In check mode nothing was made that could be removed.
    prepare(
      name,
      preparation.after === undefined ? undefined : `{ ${preparation.after}; } 2>/dev/null; true`,
    );
  }
  return { yaml: `${lines.join("\n")}\n`, stretches };
}

/** The handlers that examples notify are the reader's. */
function block({ title, yaml }: ModuleExample, { defaults, onlyOn }: Preparation): string {
  const tasks = yaml.replace(/^ +notify: .*\n/gm, "").replace(/^/gm, "        ");
  const only = onlyOn?.[title] === undefined ? "" : `      when: inventory_hostname == '${onlyOn[title]}'\n`;
  const given = defaults === undefined ? "" : `      module_defaults: ${JSON.stringify(defaults)}\n`;
  return `    - name: example\n${only}${given}      block:\n${tasks}`;
}

let folder = "";
let modules: readonly Module[] = [];

beforeAll(async () => {
  modules = await Promise.all(moduleNames().map(loadModule));
  folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
  for (const [name, text] of Object.entries(CONTROLLER_FILES)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  await mkdir(path.join(folder, "tls"));
  const certificate =
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -keyout tls/web.key -out tls/web.crt -subj /CN=www.example.org -addext subjectAltName=DNS:www.example.org 2>/dev/null && cp tls/web.crt tls/public-ca.crt";
  const release = "mkdir -p app/bin && echo x > app/bin/app && tar -czf files/app-1.4.2.tar.gz app";
  await promisify(execFile)("/bin/sh", ["-ec", `${certificate}; ${release}`], { cwd: folder });
  await Promise.all(HOSTS.map((host) => sendToHost(host, "bash -s", havePackages(...PACKAGES.split(" ")))));
  const key = await onHost("bookworm1", "cat /etc/apt/trusted.gpg.d/debian-archive-bookworm-automatic.asc");
  await writeFile(path.join(folder, "files", "vendor.asc"), key);
});

const outcomes = new Map<string, string>();
/** Of both runs. */
const all: Done[] = [];

test("every example of every module can be checked on a host", async () => {
  const written = await write(true);
  const done = await run(written, true);
  expect(complaints(done, ["ok", "would-change", "unknown", "skipped"])).toEqual([]);
  for (const { key, status } of done) outcomes.set(key, status);
  all.push(...done);
}, 300_000);

test("every example works, as check mode said where it saw the same, and does nothing more when it is repeated", async () => {
  const done = await run(await write(false), false);
  all.push(...done);
  expect(complaints(done, ["ok", "changed", "skipped"])).toEqual([]);
  const lies = done
    .filter(({ stretch }) => stretch.first && stretch.example !== undefined)
    .map(({ key, status }) => ({ key, status, said: outcomes.get(key) }))
    .filter(
      ({ said, status }) => said !== "unknown" && said !== (status === "changed" ? "would-change" : status),
    );
  expect(lies).toEqual([]);
  const restless = done.filter(
    ({ stretch: { module, example, again }, status }) =>
      again && status === "changed" && !happensEveryTime(PREPARATIONS[module], example),
  );
  expect(restless.map(({ key, task }) => `${key} ${task.message}`)).toEqual([]);
}, 300_000);

/** They do something that nobody can compare with what is there: what they tell is that they have done it. */
const NOT_COMPARED =
  "async_status command pgbouncer_acceptance pgbouncer_admin pgbouncer_restart raw reboot script shell tempfile uri".split(
    " ",
  );

test("whatever changes something was seen to foretell and to tell what, on both releases; what only looks never did", () => {
  const untold = ofExamples().filter(
    ({ status, task }) =>
      ["changed", "would-change"].includes(status) &&
      task.differences.length === 0 &&
      !NOT_COMPARED.includes(task.task.module),
  );
  expect(untold.map(({ key, status }) => `${key}: ${status}`)).toEqual([]);
  const seen = new Set(
    ofExamples().flatMap(({ task: { host, status, differences, task } }) =>
      differences.length > 0 && status !== "ok" ? [`${task.module} on ${host}`] : [],
    ),
  );
  const changing = modules.filter((module) => !changesNothing(module)).map(({ name }) => name);
  const wanted = changing
    .filter((name) => !NOT_COMPARED.includes(name) && !CHANGES_ELSEWHERE.includes(name))
    .flatMap((name) => HOSTS.map((host) => `${name} on ${host}`));
  expect([...seen].sort()).toEqual(wanted.sort());
});

test("register gives what a module's page names, all of it and nothing else", () => {
  const problems = modules.flatMap((module) => {
    const { name, returns = {} } = module;
    const given = new Set(
      ofExamples()
        .filter(({ task, stretch }) => task.task.module === name && stretch.module === name)
        .flatMap(({ task }) => Object.keys(task.data ?? {})),
    );
    const named = new Set([
      ...Object.keys(returns),
      ...Object.values(returns).flatMap((text) =>
        [...text.matchAll(/`(\w+)`/g)].map(([, word = ""]) => word),
      ),
    ]);
    const headers = name === "uri";
    return [
      ...[...given]
        .filter((one) => !(named.has(one) || OF_EVERY_TASK.has(one) || headers))
        .map((one) => `${name}: ${one} is not on its page`),
      ...Object.keys(returns)
        .filter((one) => !(given.has(one) || RESULTS_ELSEWHERE[name]?.includes(one)))
        .map((one) => `${name}: ${one} never came`),
    ];
  });
  expect(problems).toEqual([]);
});

/** Results of every task, of loops and of jobs. */
const OF_EVERY_TASK = new Set(
  "msg changed failed skipped attempts results ansible_job_id started finished results_file".split(" "),
);

/** They change what no example can make here: instances of the role pgbouncer, a run to undo. */
const CHANGES_ELSEWHERE: readonly string[] = ["pgbouncer_instances", "rollback"];

/** Results that no example has here; the tests beside this one see them. */
const RESULTS_ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  pgbouncer_restart: ["way", "clients", "cut", "version"],
  reboot: ["rebooted", "elapsed"],
  unarchive: ["files"],
  uri: ["content", "json", "path"],
};

const ofExamples = (): Done[] => all.filter(({ stretch }) => stretch.example !== undefined);

function happensEveryTime({ everyTime }: Preparation = {}, example?: ModuleExample): boolean {
  return everyTime === "all" || (example !== undefined && everyTime?.includes(example.title) === true);
}

interface Done {
  /** Module, example, which of its tasks, host. */
  key: string;
  stretch: Stretch;
  status: string;
  task: TaskFinished;
}

async function run({ yaml, stretches }: Written, check: boolean): Promise<Done[]> {
  const { tasks, events } = await runPlaybook(
    yaml,
    { hosts: HOSTS, check, diff: true, groups: { postgresql: HOSTS, databases: HOSTS } },
    folder,
  );
  expect(events.filter(({ type }) => type === "host-unreachable")).toEqual([]);
  return tasks.flatMap((task) => {
    const { line } = task.task.at;
    const stretch = stretches.find(({ from, to }) => line >= from && line <= to);
    if (stretch === undefined) return [];
    const { module, example, from } = stretch;
    const item = task.task.item === undefined ? "" : ` item ${task.task.item.label}`;
    const key = `${task.host}: ${module}: ${example?.title ?? "preparation"}, line ${line - from}${item}`;
    return [{ key, stretch, status: task.status, task }];
  });
}

/** What went otherwise than it should. */
function complaints(done: readonly Done[], allowed: readonly string[]): string[] {
  return done
    .filter(({ stretch: { module, example }, status }) => {
      if (example === undefined) return status !== "changed" && status !== "ok";
      const fails = PREPARATIONS[module]?.fails?.includes(example.title) === true;
      return fails ? status !== "ignored" : !allowed.includes(status);
    })
    .map(({ key, task }) => `${key}: ${task.status}: ${task.message} ${task.hint ?? ""}`);
}
