import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { onHost } from "../lab-hosts.ts";
import { keepTheirPromises, type Promised } from "./promise.ts";

const HOSTS = ["bookworm1", "trixie1"];

/** dnf works on Debian, with a database of its own; the repository holds two versions of one package. */
const REPOSITORY = `set -e
${havePackages("acl", "dnf", "createrepo-c", "rpm")}
mkdir -p /srv/rpms /etc/yum.repos.d && cd /srv/rpms
for version in 1.0 2.0; do
  printf '%s\\n' 'Name: plumb-hello' "Version: $version" 'Release: 1' 'Summary: For a test' 'License: MIT' 'BuildArch: noarch' '%description' 'For a test.' '%install' 'mkdir -p %{buildroot}/opt/hello' "echo $version > %{buildroot}/opt/hello/version" '%files' '/opt/hello/version' > hello.spec
  rpmbuild --quiet -bb --define '_rpmdir /srv/rpms' hello.spec 2>/dev/null
done
createrepo_c -q /srv/rpms
printf '%s\\n' '[plumb-test]' 'name=For a test' 'baseurl=file:///srv/rpms' 'gpgcheck=0' 'enabled=0' > /etc/yum.repos.d/plumb-test.repo`;

const SOURCES =
  "apt-get -qq update -o Dir::Etc::sourcelist=/srv/signed.list -o Dir::Etc::sourceparts=/dev/null -o APT::Get::List-Cleanup=0";

let folder = "";

const CASES: readonly Promised[] = [
  {
    // Text for apt, from a binary file.
    module: "apt_key",
    tasks: "- apt_key: {keyring: /etc/apt/keyrings/plumb-test.asc, file: archive.gpg}",
    before: `mirror=$(awk '$1 == "deb" { print $2; exit }' /etc/apt/sources.list); echo "deb [signed-by=/etc/apt/keyrings/plumb-test.asc] $mirror bookworm-updates main" > /srv/signed.list`,
    holds: `${SOURCES} -o APT::Update::Error-Mode=any && head -n 1 /etc/apt/keyrings/plumb-test.asc | grep -q BEGIN`,
    drift: "chmod 0600 /etc/apt/keyrings/plumb-test.asc; sed -i 3d /etc/apt/keyrings/plumb-test.asc",
    undo: {
      tasks: "- apt_key: {keyring: /etc/apt/keyrings/plumb-test.asc, state: absent}",
      gone: "[ ! -e /etc/apt/keyrings/plumb-test.asc ]",
    },
  },
  {
    module: "acl",
    tasks:
      "- acl: {path: '/srv/shared folder', etype: user, entity: daemon, permissions: rx, recursive: true, state: present}",
    before:
      "mkdir -p '/srv/shared folder/a b' && echo secret > '/srv/shared folder/a b/c' && chmod -R o= '/srv/shared folder'",
    holds: "su -s /bin/sh daemon -c 'grep -q secret \"/srv/shared folder/a b/c\"'",
    drift: "setfacl -m u:daemon:- '/srv/shared folder/a b/c'",
    undo: {
      tasks:
        "- acl: {path: '/srv/shared folder', etype: user, entity: daemon, recursive: true, state: absent}",
      gone: "! getfacl -R '/srv/shared folder' | grep daemon",
    },
  },
  {
    module: "acl",
    tasks:
      "- acl: {path: /srv/inbox, etype: group, entity: games, permissions: rwx, default: true, state: present}",
    before: "mkdir -p /srv/inbox",
    holds:
      "rm -f /srv/inbox/new && touch /srv/inbox/new && getfacl /srv/inbox/new | grep -q '^group:games:rwx'",
    drift: "setfacl -k /srv/inbox",
    undo: {
      tasks: "- acl: {path: /srv/inbox, etype: group, entity: games, default: true, state: absent}",
      gone: "! getfacl /srv/inbox | grep games",
    },
  },
  {
    module: "dnf",
    tasks: "- dnf: {name: plumb-hello, state: latest, enablerepo: plumb-test}",
    holds: "rpm -q plumb-hello-2.0-1.noarch && grep -qx 2.0 /opt/hello/version",
    drift: "dnf -y -q --enablerepo=plumb-test downgrade plumb-hello-1.0 >/dev/null 2>&1",
    undo: {
      tasks: "- dnf: {name: plumb-hello, state: absent}",
      gone: "! rpm -q plumb-hello && [ ! -e /opt/hello/version ]",
    },
  },
];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
  await Promise.all(HOSTS.map((host) => onHost(host, REPOSITORY)));
  const encoded = await onHost("bookworm1", "base64 -w0 /usr/share/keyrings/debian-archive-keyring.gpg");
  await writeFile(path.join(folder, "archive.gpg"), Buffer.from(encoded, "base64"));
});

test(
  "check told the truth, applied, repeated, drift mended, undone",
  () => keepTheirPromises(CASES, folder),
  300_000,
);

describe("what can't be had is told", () => {
  test.each([
    ["- dnf: {name: plumb-nope, enablerepo: plumb-test}", /no repository has plumb-nope/],
    ["- acl: {path: /no/such/place}", /is not there/],
    [
      "- acl: {path: /etc/hostname, etype: user, entity: daemon, permissions: r, default: true, state: present}",
      /no folder/,
    ],
    [
      "- acl: {path: /etc, etype: user, entity: nobody-at-all, permissions: r, state: present}",
      /allow user:nobody-at-all/,
    ],
    ["- apt_key: {keyring: /etc/apt/keyrings/x.asc, data: nonsense}", /no public key/],
    [
      "- apt_key: {keyring: /etc/apt/keyrings/x.asc, file: archive.gpg, id: 0123456789ABCDEF0123456789ABCDEF01234567}",
      /another fingerprint/,
    ],
  ])("%s", async (task, message) => {
    const { tasks } = await runTasks(task, { hosts: ["trixie1"] }, folder);
    expect(tasks[0]?.status).toBe("failed");
    expect(tasks[0]?.message).toMatch(message);
  });

  test("a pinned package is taken back to an older version only if that was asked for", async () => {
    const pinned = "plumb-hello-1.0, enablerepo: plumb-test";
    const run = async (task: string): Promise<(string | undefined)[]> =>
      (await runTasks(task, { hosts: ["trixie1"] })).tasks.map(({ status, message }) =>
        status === "failed" ? message : status,
      );
    expect(await run("- dnf: {name: plumb-hello, enablerepo: [plumb-test]}")).toEqual(["changed"]);
    expect(await run(`- dnf: {name: ${pinned}}`)).toEqual([
      "plumb-hello-1.0 is older than the 2.0-1 that is installed",
    ]);
    expect(await run(`- dnf: {name: ${pinned}, allow_downgrade: true}`)).toEqual(["changed"]);
    expect(await onHost("trixie1", "cat /opt/hello/version")).toBe("1.0\n");
    expect(await run(`- dnf: {name: ${pinned}}`)).toEqual(["ok"]);
  });

  test("an access control list is not set through a link of a user to what is somebody else's", async () => {
    await Promise.all(
      HOSTS.map((host) =>
        onHost(
          host,
          "useradd -m mallory; rm -rf /srv/kept; mkdir /srv/kept; echo x > /srv/kept/file; cd /home/mallory && mkdir tree && touch tree/own && mkfifo pipe && ln -s /srv/kept/file link && ln -s /srv/kept folder && ln -s /srv/kept/file tree/link && ln -s /srv/kept tree/folder && ln -s /srv/kept/file /srv/by-root && chown -hR mallory .",
        ),
      ),
    );
    const to = (path: string, more = ""): string =>
      `- acl: {path: ${path}, etype: user, entity: mallory, permissions: rw, state: present${more}}\n  ignore_errors: true`;
    const home = "/home/mallory";
    const { tasks } = await runTasks(
      [
        to(`${home}/link`),
        to(`${home}/folder`, ", default: true"),
        to(`${home}/folder`, ", recursive: true"),
        to(`${home}/folder/file`),
        to(`${home}/pipe`),
        to(`${home}/tree`, ", recursive: true"),
        to(`${home}/tree`, ", recursive: true, default: true"),
      ].join("\n"),
      { hosts: HOSTS },
    );
    const said = tasks.map(({ status, message }) => `${status} ${message}`);
    const refused = /^ignored .*by a link of a user whom that does not belong to/;
    expect(said.filter((one) => refused.test(one))).toHaveLength(8);
    expect(
      said.filter((one) => /^ignored .*lies where somebody else can put another thing/.test(one)),
    ).toHaveLength(2);
    expect(said.filter((one) => one.startsWith("changed"))).toHaveLength(4);
    for (const host of HOSTS)
      expect(
        await onHost(
          host,
          "getfacl -R /srv/kept 2>/dev/null | grep mallory || echo none; getfacl /home/mallory/tree/own 2>/dev/null | grep -c mallory:rw",
        ),
      ).toBe("none\n1\n");
    // Root's own link is followed as ever.
    const { statuses } = await runTasks(to("/srv/by-root"), { hosts: HOSTS });
    expect(statuses).toEqual(["changed acl", "changed acl"]);
    for (const host of HOSTS)
      expect(
        await onHost(
          host,
          "getfacl /srv/kept/file 2>/dev/null | grep mallory; userdel -rf mallory 2>/dev/null; rm -r /srv/kept /srv/by-root",
        ),
      ).toBe("user:mallory:rw-\n");
  });

  test("an access control list can be looked at, and packages of RPM are facts", async () => {
    const tasks = [
      "- acl: {path: /etc}",
      "  register: etc",
      "- package_facts: {manager: rpm}",
      "- assert:",
      "    that:",
      "      - \"'user::rwx' in etc.acl\"",
      "      - ansible_facts.packages['plumb-hello'][0].version == '1.0'",
    ].join("\n");
    const { statuses } = await runTasks(tasks, { hosts: ["trixie1"] });
    expect(statuses).toEqual(["ok acl", "ok package_facts", "ok assert"]);
  });

  /** What the host is told to be by the file that facts are made of. */
  const ROCKY = `cp -L /etc/os-release /srv/os-release; rm /etc/os-release; printf '%s\\n' 'NAME="Rocky Linux"' ID=rocky 'ID_LIKE="rhel centos fedora"' 'VERSION_ID="9.4"' > /etc/os-release; sed -i s/enabled=0/enabled=1/ /etc/yum.repos.d/plumb-test.repo; rpm -e plumb-hello 2>/dev/null; true`;
  const DEBIAN_AGAIN =
    "rm /etc/os-release; ln -s ../usr/lib/os-release /etc/os-release; sed -i s/enabled=1/enabled=0/ /etc/yum.repos.d/plumb-test.repo; rpm -e plumb-hello 2>/dev/null; true";

  test("`package` takes dnf where the facts say so or `use` does, and apt elsewhere", async () => {
    const one = "- package: {name: plumb-hello, state: latest}";
    const statuses = async (text: string, check = false): Promise<string[]> =>
      (await runTasks(text, { hosts: HOSTS, check })).tasks
        .map(({ host, status, message }) => `${host} ${status}${status === "failed" ? `: ${message}` : ""}`)
        .sort();
    await onHost("trixie1", ROCKY);
    try {
      const apart = (status: string): string[] => [
        "bookworm1 failed: apt knows no package plumb-hello",
        `trixie1 ${status}`,
      ];
      expect(await statuses(one, true)).toEqual(apart("would-change"));
      expect(await statuses(one)).toEqual(apart("changed"));
      expect(await onHost("trixie1", "cat /opt/hello/version")).toBe("2.0\n");
      expect(await statuses(one)).toEqual(apart("ok"));
      const gone = "- package: {name: plumb-hello, state: absent}";
      expect(await statuses(gone)).toEqual(["bookworm1 ok", "trixie1 changed"]);
      const { events } = await runTasks("- package: {name: plumb-hello, purge: true, default_release: x}", {
        hosts: ["trixie1"],
      });
      expect(JSON.stringify(events)).toMatch(/`purge` is apt's.*`default_release` is apt's/);
      // On this host it is dnf that is asked for, whatever it is.
      await onHost("trixie1", DEBIAN_AGAIN);
      const used = "- package: {name: plumb-hello-1.0, use: dnf}";
      await onHost("trixie1", "sed -i s/enabled=0/enabled=1/ /etc/yum.repos.d/plumb-test.repo");
      const { statuses: named } = await runTasks(`${used}\n- package: {name: acl, use: apt}`, {
        hosts: ["trixie1"],
      });
      expect(named).toEqual(["changed package", "ok package"]);
      expect(await onHost("trixie1", "rpm -q plumb-hello")).toBe("plumb-hello-1.0-1.noarch\n");
    } finally {
      await onHost("trixie1", DEBIAN_AGAIN);
    }
  }, 120_000);
});
