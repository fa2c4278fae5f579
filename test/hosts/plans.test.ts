import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { lab } from "./lab.ts";
import { labHost, onHost, sendToHost } from "./lab-hosts.ts";

/** Plans, what becomes of them, and drift: the command as a person runs it, in a project of its own. */
let project = "";

const HOSTS = ["bookworm1", "trixie1"];
const SECRET = "sesame-in-the-vault";
const VAULT = ["--vault-password-file", "vault-pass"];

beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), "plumb-plans-"));
  await mkdir(path.join(project, ".plumb"));
  await mkdir(path.join(project, "templates"));
  const { keyFile, knownHostsFile } = lab;
  const settings = `ansible_user=admin ansible_ssh_private_key_file=${keyFile} ansible_ssh_common_args="-o UserKnownHostsFile=${knownHostsFile}"`;
  const lines = HOSTS.map((name) => `${name} ansible_host=${labHost(name).address} ${settings}\n`);
  await writeFile(path.join(project, "hosts.ini"), lines.join(""));
  await writeFile(path.join(project, "vault-pass"), "opens\n", { mode: 0o600 });
  await mkdir(path.join(project, "group_vars"));
  await writeFile(path.join(project, "group_vars/all.yml"), `token: ${SECRET}\n`);
  await plumb("vault", "encrypt", ...VAULT, "group_vars/all.yml");
  await writeFile(
    path.join(project, "templates/site.conf"),
    "name {{ inventory_hostname }}\ntoken {{ token }}\n",
  );
  await writeFile(path.join(project, "site.yml"), PLAYBOOK);
  for (const host of HOSTS) await onHost(host, CLEAN);
});

const CLEAN =
  "systemctl disable --now plans.service 2>/dev/null; rm -rf /srv/plans /etc/systemd/system/plans.service /etc/cron.d/plans /etc/sysctl.d/*plans*; systemctl daemon-reload; userdel -rf plans 2>/dev/null; groupdel plansters 2>/dev/null; apt-get purge -qq -y tree >/dev/null 2>&1; true";

const PLAYBOOK = `- hosts: all
  become: true
  tasks:
    - name: group
      group: {name: plansters}
    - name: person
      user: {name: plans, groups: [plansters], shell: /bin/sh}
    - name: folder
      file: {path: /srv/plans, state: directory, owner: plans, group: plansters, mode: "0750"}
    - name: content
      copy: {content: "one\\ntwo\\n", dest: /srv/plans/content, mode: "0644"}
    - name: link
      file: {src: /srv/plans/content, dest: /srv/plans/link, state: link}
    - name: site
      template: {src: site.conf, dest: /srv/plans/site.conf, owner: plans, mode: "0600"}
      notify: restart it
    - name: first line
      lineinfile: {path: /srv/plans/lines, line: three, create: true}
    - name: second line
      lineinfile: {path: /srv/plans/lines, line: four, create: true}
    - name: setting
      ini_file: {path: /srv/plans/set.ini, section: a, option: b, value: c, create: true}
    - name: job
      blockinfile: {path: /srv/plans/set.ini, block: "[d]\\ne = f"}
    - name: unit
      systemd_unit: {name: plans.service, service: {ExecStart: /bin/sleep infinity}, install: {WantedBy: multi-user.target}}
      notify: restart it
    - name: service
      systemd: {name: plans.service, state: started, enabled: true}
    - name: a package
      package: {name: tree}
    - name: what the package brings
      file: {path: /usr/share/doc/tree, state: directory, mode: "0755"}
    - name: a password that the plan makes
      copy: {content: !expr 'password_file(playbook_dir + "/files/made")', dest: /srv/plans/password}
    - name: an authority, for both hosts
      tls_ca: {directory: pki, dest: /srv/plans/ca.crt}
    - name: its certificate
      tls_certificate: {ca_directory: pki, common_name: "{{ inventory_hostname }}", key_path: /srv/plans/key, cert_path: /srv/plans/crt}
    - name: look
      command: "true"
      changed_when: false
    - name: items
      file: {path: "/srv/plans/{{ item }}", state: directory}
      loop: [x, y]
  handlers:
    - name: restart it
      systemd: {name: plans.service, state: restarted}
`;

interface Ended {
  code: number | null;
  output: string;
}

function plumb(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [PLUMB, ...args], {
    cwd: project,
    env: { ...process.env, PLUMB_RUNS_DIR: "", NODE_ENV: "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const hear = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

const plan = (file: string, ...more: string[]): Promise<Ended> => {
  rmSync(path.join(project, file), { force: true });
  return plumb("plan", "site.yml", "-i", "hosts.ini", ...VAULT, "-o", file, ...more);
};

describe("a plan", () => {
  test("comes true: what apply does is what the plan says, and the score says so", async () => {
    const planned = await plan("first.plan");
    expect(planned.output).toContain("would change  folder");
    expect(planned.code).toBe(0);
    expect((statSync(path.join(project, "first.plan")).mode & 0o777).toString(8)).toBe("600");
    expect((await plumb("show", "first.plan")).output).toContain("+token ********");
    const json = JSON.parse((await plumb("show", "first.plan", "--json")).output);
    expect(json).toMatchObject({ type: "plumb-plan", schema: 1, playbooks: ["site.yml"] });
    expect(json.hosts.trixie1.tasks).toContainEqual(
      expect.objectContaining({ title: "what the package brings", status: "would-change", tentative: true }),
    );
    const applied = await plumb("apply", "first.plan", ...VAULT);
    const [, right, tested] = /(\d+) of (\d+) predictions right/.exec(applied.output) ?? [];
    expect(applied.output).not.toContain("wrong:");
    expect(right).toBe(tested);
    expect(Number(right)).toBeGreaterThanOrEqual(30);
    expect(applied.output).toContain("; 2 done by earlier tasks");
    expect(applied.code).toBe(0);
    for (const host of HOSTS) {
      expect(
        await onHost(
          host,
          "cat /srv/plans/content /srv/plans/lines /srv/plans/site.conf; systemctl is-active plans",
        ),
      ).toBe(`one\ntwo\nthree\nfour\nname ${host}\ntoken ${SECRET}\nactive\n`);
    }
    const shown = await plumb("history", "show", "last");
    expect(shown.output).toContain(`${right} of ${tested} predictions right`);
    // What needs no decision in between is made in one trip here too: it is begun before what comes before it is over.
    const newest = readdirSync(path.join(project, ".plumb/runs"))
      .filter((name) => name.endsWith(".jsonl"))
      .sort()
      .at(-1);
    const events = readFileSync(path.join(project, ".plumb/runs", newest ?? ""), "utf8").split("\n");
    for (const host of HOSTS) {
      const at = (type: string, name: string): number =>
        events.findIndex((line) =>
          [`"type":"${type}"`, `"host":"${host}"`, `"name":"${name}"`].every((part) => line.includes(part)),
        );
      expect(at("task-started", "second line")).toBeGreaterThan(-1);
      expect(at("task-started", "setting")).toBeGreaterThan(-1);
      expect(at("task-started", "setting")).toBeLessThan(at("task-finished", "second line"));
    }
  });

  test("is refused when a host has moved, before anything is touched, and what moved is named", async () => {
    await onHost("trixie1", "rm /srv/plans/link; chmod 0700 /srv/plans");
    await plan("second.plan");
    await onHost("trixie1", "chmod 0711 /srv/plans");
    const refused = await plumb("apply", "second.plan", ...VAULT);
    expect(refused.code).toBe(6);
    expect(refused.output).toMatch(/trixie1: folder: .*mode/);
    expect(await onHost("trixie1", "ls /srv/plans; stat -c %a /srv/plans")).not.toContain("link");
    expect(refused.output).not.toContain("PLAY");
  });

  test("is refused when something that was in order has to be changed now", async () => {
    await plan("third.plan");
    await onHost("bookworm1", "rm -r /srv/plans/x");
    const refused = await plumb("apply", "third.plan", ...VAULT);
    expect(refused.code).toBe(6);
    expect(refused.output).toMatch(/bookworm1: items => x: was ok, is would-change/);
    expect(refused.output).not.toContain("trixie1: ");
  });

  test("is refused when its input has changed, without a host being asked", async () => {
    await plan("fourth.plan");
    await writeFile(path.join(project, "templates/site.conf"), "name\ntoken {{ token }}\n");
    const refused = await plumb("apply", "fourth.plan", ...VAULT, "-e", "more=1");
    expect(refused.code).toBe(6);
    expect(refused.output).toContain("templates/site.conf has changed");
    expect(refused.output).toContain("the variables given with -e has changed");
  });

  test("says unknown of what only a run can tell, and never counts it as right", async () => {
    await writeFile(
      path.join(project, "unknown.yml"),
      "- hosts: bookworm1\n  become: true\n  tasks:\n    - command: cat /etc/hostname\n      register: name\n    - copy: {content: '{{ name.stdout }}', dest: /srv/plans/name}\n",
    );
    rmSync(path.join(project, "unknown.plan"), { force: true });
    const planned = await plumb(
      "plan",
      "unknown.yml",
      "-i",
      "hosts.ini",
      ...VAULT,
      "-o",
      "unknown.plan",
      "--detailed-exitcode",
    );
    expect(planned.code).toBe(3);
    expect(planned.output.match(/^ {2}unknown {2}/gm)).toHaveLength(2);
    const applied = await plumb("apply", "unknown.plan", ...VAULT);
    expect(applied.output).toContain("0 of 0 predictions right; 2 could not be made");
    expect(applied.code).toBe(0);
  });

  test("says of a handler that only looks that it changes nothing, and unknown of those that depend on what it finds", async () => {
    await writeFile(
      path.join(project, "looks.yml"),
      "- hosts: bookworm1\n  become: true\n  tasks:\n    - copy: {content: x, dest: /srv/plans/looked-at}\n      notify: [look, go on]\n  handlers:\n    - name: look\n      command: echo 1\n      register: found\n      changed_when: false\n    - name: go on\n      command: touch /srv/plans/gone-on\n      when: default(found.stdout, '0') != '0'\n",
    );
    rmSync(path.join(project, "looks.plan"), { force: true });
    const planned = await plumb("plan", "looks.yml", "-i", "hosts.ini", ...VAULT, "-o", "looks.plan");
    expect(planned.output.match(/^ {2}(?:would change|unknown) {2}.*(?=:)/gm)).toEqual([
      "  would change  copy",
      "  unknown  go on",
    ]);
    const applied = await plumb("apply", "looks.plan", ...VAULT);
    expect(applied.output).toContain("2 of 2 predictions right; 1 could not be made");
  });
});

describe("drift", () => {
  const drift = (...more: string[]): Promise<Ended> =>
    plumb("drift", "site.yml", "-i", "hosts.ini", ...VAULT, ...more);

  test("is none with exit 0, and is found, dated and graded with exit 3", async () => {
    expect((await plumb("run", "site.yml", "-i", "hosts.ini", ...VAULT)).code).toBe(0);
    const none = await drift();
    expect(none.output).toContain("no drift");
    expect(none.code).toBe(0);
    await onHost("bookworm1", "chmod 0777 /srv/plans; echo five >> /srv/plans/site.conf");
    const before = Date.now();
    const found = await drift("--output", "json");
    expect(found.code).toBe(3);
    const { items, hosts } = JSON.parse(found.output);
    expect(
      items.map((item: { host: string; task: string; severity: string }) => [
        item.host,
        item.task,
        item.severity,
      ]),
    ).toEqual([
      ["bookworm1", "folder", "high"],
      ["bookworm1", "site", "medium"],
    ]);
    expect(hosts.map(({ host, drift: count }: { host: string; drift: number }) => [host, count])).toEqual([
      ["bookworm1", 2],
      ["trixie1", 0],
    ]);
    for (const { lastTrue, firstSeen } of items) {
      expect(Date.parse(lastTrue)).toBeLessThan(before);
      expect(firstSeen).toBeUndefined();
    }
    const again = JSON.parse((await drift("--output", "json")).output);
    expect(again.items[0].lastTrue).toBe(items[0].lastTrue);
    expect(Date.parse(again.items[0].firstSeen)).toBeGreaterThan(before);
  });

  test("is told in every format, and what can't be known is told as unknown", async () => {
    expect((await drift()).output).toContain("2 out of true");
    const junit = path.join(project, "drift.xml");
    await drift("--output", "junit", "-o", junit);
    expect(
      execFileSync(
        "python3",
        [
          "-c",
          "import sys,xml.dom.minidom as m;print(len(m.parse(sys.argv[1]).getElementsByTagName('failure')))",
          junit,
        ],
        { encoding: "utf8" },
      ).trim(),
    ).toBe("2");
    expect((await drift("--output", "markdown")).output).toMatch(
      /\| bookworm1 \| drift \| high \| folder \|/,
    );
    const metrics = path.join(project, "plumb.prom");
    await drift("--output", "prometheus", "-o", metrics);
    expect(await readFile(metrics, "utf8")).toContain(
      'plumb_drift_resources{host="bookworm1",state="drift"} 2',
    );
    const unknown = await plumb("drift", "unknown.yml", "-i", "hosts.ini", ...VAULT);
    expect(unknown.output).toContain("2 unknown: only a run would tell");
    expect(unknown.output).not.toContain("no drift");
    expect(unknown.code).toBe(7);
  });
});

test("no plan, record or report holds a secret", async () => {
  const files = ["first.plan", "second.plan", "third.plan", "fourth.plan", "drift.xml", "plumb.prom"].map(
    (name) => path.join(project, name),
  );
  const runs = path.join(project, ".plumb/runs");
  const records = readdirSync(runs).map((name) => path.join(runs, name));
  expect(records.length).toBeGreaterThan(10);
  for (const file of [...files, ...records]) expect(readFileSync(file, "utf8")).not.toContain(SECRET);
  for (const host of HOSTS) await onHost(host, CLEAN);
});

test("the timer of the example looks for drift again and again, as a user of its own, and leaves its report", async () => {
  const { keyFile, knownHostsFile } = lab;
  const host = "bookworm1";
  await onHost(
    host,
    "useradd -m -s /bin/sh plumb; mkdir -p /opt/plumb /srv/plumb/.plumb /srv/plumb/inventory/production /var/lib/prometheus/node-exporter /home/plumb/.ssh",
  );
  const send = async (file: string, content: string | Buffer): Promise<void> =>
    sendToHost(host, `cat > ${file}; chmod 600 ${file}`, content);
  await send("/usr/local/bin/node", readFileSync(process.execPath));
  await sendToHost(
    host,
    "tar xz -C /opt/plumb --no-same-owner",
    execFileSync("tar", ["cz", "bin", "dist", "package.json"], { maxBuffer: 2 ** 26 }),
  );
  await send("/home/plumb/.ssh/id_ed25519", readFileSync(keyFile));
  await send("/home/plumb/.ssh/known_hosts", readFileSync(knownHostsFile));
  await send(
    "/srv/plumb/inventory/production/hosts",
    `trixie1 ansible_host=${labHost("trixie1").address} ansible_user=admin\n`,
  );
  await send(
    "/srv/plumb/site.yml",
    "- hosts: all\n  tasks:\n    - file: {path: /srv/out-of-true, state: directory}\n",
  );
  for (const unit of ["plumb-drift.service", "plumb-drift.timer"])
    await send(`/etc/systemd/system/${unit}`, readFileSync(path.join("examples/drift", unit)));
  const often = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/2\nRandomizedDelaySec=0\nAccuracySec=100ms\n";
  await onHost(host, "mkdir -p /etc/systemd/system/plumb-drift.timer.d");
  await send("/etc/systemd/system/plumb-drift.timer.d/often.conf", often);
  const metrics = "/var/lib/prometheus/node-exporter/plumb.prom";
  const said = await onHost(
    host,
    `chmod 755 /usr/local/bin/node; chown -R plumb: /home/plumb /srv/plumb /var/lib/prometheus/node-exporter; systemd-analyze verify plumb-drift.service plumb-drift.timer 2>&1; systemctl daemon-reload; systemctl -q start plumb-drift.timer
for n in $(seq 300); do [ "$(ls /srv/plumb/.plumb/runs/*.jsonl 2>/dev/null | wc -l)" -ge 2 ] && [ -f ${metrics} ] && break; sleep 0.2; done; systemctl stop plumb-drift.timer; while [ "$(systemctl is-active plumb-drift.service)" = activating ]; do sleep 0.1; done; systemctl is-failed plumb-drift.service; stat -c '%U %a' ${metrics}; cat ${metrics}`,
  );
  expect(said).toContain('plumb_drift_resources{host="trixie1",state="drift"} 1');
  expect(said).toMatch(/^inactive\nplumb 644\n/);
  await onHost(
    host,
    "rm -rf /etc/systemd/system/plumb-drift.* /opt/plumb /srv/plumb /usr/local/bin/node /var/lib/prometheus; systemctl daemon-reload; userdel -rf plumb 2>/dev/null; true",
  );
}, 180_000);
