import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { folderWithHosts, onHost } from "./lab-hosts.ts";

/** What runs have made and no playbook asks for any more. */
const HOSTS = ["bookworm1", "trixie1"];
let folder = "";

const CLEAN =
  "systemctl -q disable --now orphan 2>/dev/null; rm -rf /etc/orphans /srv/orphans /etc/systemd/system/orphan.service /etc/nftables.d/orphans.nft /var/lib/plumb/made; systemctl daemon-reload; userdel -r orphan 2>/dev/null; groupdel orphans 2>/dev/null; nft delete table inet orphans 2>/dev/null; true";

const ROLE = `
- file: {path: /etc/orphans, state: directory}
- copy: {dest: /etc/orphans/made, content: "made\\n"}
- copy: {dest: /etc/orphans/changed, content: "made\\n"}
- copy: {dest: /srv/orphans/there, content: "replaced\\n"}
- systemd_unit: {name: orphan, unit: {Description: o}, service: {ExecStart: /usr/bin/sleep infinity}, install: {WantedBy: multi-user.target}}
- systemd: {name: orphan, state: started, enabled: true}
- group: {name: orphans}
- user: {name: orphan, create_home: false}
- nftables: {table: orphans, policy: accept, rules: [{name: ssh, ports: [22]}]}
`;

const PLAY = (roles: string): string => `- hosts: all
  become: true
  vars: {wanted: false}
  roles: [${roles}]
  tasks:
    - copy: {dest: "/srv/orphans/{{ name }}", content: "x\\n"}
      loop: [kept-1, kept-2]
      loop_control: {loop_var: name}
    - copy: {dest: /srv/orphans/skipped, content: "x\\n"}
      when: wanted
    - copy: {dest: /srv/orphans/tagged, content: "x\\n"}
      tags: [never, rare]
    - block:
        - command: "true"
      rescue:
        - copy: {dest: /srv/orphans/rescued, content: "x\\n"}
  handlers:
    - name: by hand
      copy: {dest: /srv/orphans/handled, content: "x\\n"}
`;

function plumb(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [PLUMB, ...args, "-i", "hosts.ini"], {
    cwd: folder,
    env: { ...process.env, NODE_ENV: "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

const everywhere = (command: string): Promise<string[]> =>
  Promise.all(HOSTS.map((name) => onHost(name, command)));

beforeAll(async () => {
  await everywhere(`${CLEAN}; mkdir -p /srv/orphans; echo before > /srv/orphans/there`);
  folder = await folderWithHosts("orphans", HOSTS);
  await mkdir(path.join(folder, "roles/gone/tasks"), { recursive: true });
  await mkdir(path.join(folder, ".plumb"));
  await writeFile(path.join(folder, "roles/gone/tasks/main.yml"), ROLE);
  await writeFile(path.join(folder, "with.yml"), PLAY("gone"));
  await writeFile(path.join(folder, "without.yml"), PLAY(""));
  await writeFile(path.join(folder, "role.yml"), "- hosts: all\n  become: true\n  roles: [gone]\n");
});

afterAll(async () => {
  await everywhere(CLEAN);
});

const listed = (output: string): string[] =>
  [
    ...new Set([...output.matchAll(/^\s*(\S.*?): made by an earlier run/gm)].map(([, name = ""]) => name)),
  ].sort();

test("what a role has made that is gone from the playbook is listed, and nothing else; it is removed when asked, and can be put back", async () => {
  const first = await plumb("run", "with.yml", "-e", '{"wanted": true}', "--tags", "all,rare");
  expect(first.code, first.output).toBe(0);
  await everywhere(
    "for one in handled rescued; do echo x > /srv/orphans/$one; printf 'path\\t/srv/orphans/%s\\t%s\\n' $one $(date +%s) >> /var/lib/plumb/made; done; touch -d '+5 min' /etc/orphans/changed",
  );
  const whole = await plumb("plan", "with.yml", "--orphans");
  expect([whole.code, listed(whole.output)], whole.output).toEqual([0, []]);

  const found = await plumb("plan", "without.yml", "--orphans", "--detailed-exitcode");
  expect(listed(found.output), found.output).toEqual([
    "/etc/nftables.d/orphans.nft",
    "/etc/orphans/made",
    "group orphans",
    "nftables-table inet orphans",
    "unit /etc/systemd/system/orphan.service",
    "user orphan",
  ]);
  expect(found.code).toBe(3);
  expect(found.output).toContain(
    "/etc/orphans/changed is asked for by nobody, but somebody else has changed it since: it stays",
  );
  expect(found.output).toContain(
    "/etc/orphans is asked for by nobody, but there is something else in it: it stays",
  );
  const [one = "", other = ""] = HOSTS;
  const limited = await plumb("plan", "without.yml", "--orphans", "--limit", other);
  expect(listed(limited.output)).toEqual(listed(found.output));
  expect(limited.output).not.toContain(one);
  // Another playbook may ask for it.
  const both = await plumb("plan", "without.yml", "role.yml", "--orphans");
  expect([both.code, listed(both.output)], both.output).toEqual([0, []]);
  expect(await everywhere("systemctl is-active orphan; cat /etc/orphans/made")).toEqual(
    Array(2).fill("active\nmade\n"),
  );

  const alone = await plumb("plan", "without.yml", "--orphans", "--limit", other, "--remove");
  expect(alone.code, alone.output).toBe(0);
  expect(alone.output).not.toContain(one);
  expect(await everywhere("systemctl is-active orphan || true; getent passwd orphan | wc -l")).toEqual([
    "active\n1\n",
    "inactive\n0\n",
  ]);
  const removed = await plumb("plan", "without.yml", "--orphans", "--remove");
  expect(removed.code, removed.output).toBe(0);
  expect(
    await everywhere(
      "systemctl is-active orphan; ls /etc/orphans /srv/orphans; getent passwd orphan; getent group orphans; nft list tables | grep orphans; ls /etc/systemd/system/orphan.service /etc/systemd/system/multi-user.target.wants/orphan.service 2>/dev/null; true",
    ),
  ).toEqual(
    Array(2).fill(
      "inactive\n/etc/orphans:\nchanged\n\n/srv/orphans:\nhandled\nkept-1\nkept-2\nrescued\nskipped\ntagged\nthere\n",
    ),
  );
  const again = await plumb("plan", "without.yml", "--orphans", "--detailed-exitcode");
  expect([again.code, listed(again.output)], again.output).toEqual([0, []]);

  const back = await plumb("rollback", "all");
  expect(back.code, back.output).toBe(0);
  expect(
    await everywhere(
      "systemctl is-active orphan; cat /etc/orphans/made; id -u orphan >/dev/null && getent group orphans | cut -d: -f1; nft list tables | grep orphans",
    ),
  ).toEqual(Array(2).fill("active\nmade\norphans\ntable inet orphans\n"));
}, 240_000);

test("a host that can't tell says so, nothing is removed where perhaps more is asked for, and only some of the tasks are no answer", async () => {
  await writeFile(
    path.join(folder, "unsure.yml"),
    '- hosts: all\n  become: true\n  tasks:\n    - command: echo made\n      register: said\n    - copy: {dest: "/etc/orphans/{{ said.stdout }}", content: "x"}\n',
  );
  const unsure = await plumb("plan", "unsure.yml", "--orphans", "--remove");
  expect(
    [unsure.code, unsure.output.includes("nothing was removed, because perhaps more is asked for")],
    unsure.output,
  ).toEqual([1, true]);
  expect(await everywhere("cat /etc/orphans/made")).toEqual(Array(2).fill("made\n"));
  const some = await plumb("plan", "without.yml", "--orphans", "--tags", "rare");
  expect([some.code, some.output.includes("--tags can't be with --orphans")], some.output).toEqual([2, true]);
  await everywhere("mv /var/lib/plumb/made /var/lib/plumb/made.away");
  const none = await plumb("plan", "without.yml", "--orphans");
  await everywhere("mv /var/lib/plumb/made.away /var/lib/plumb/made");
  expect(
    [none.code, none.output.includes("nobody can tell: there is no list on this host")],
    none.output,
  ).toEqual([0, true]);
}, 120_000);
