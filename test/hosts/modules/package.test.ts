import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { onHost } from "../lab-hosts.ts";
import { keepsItsPromise } from "./promise.ts";

const HOSTS = ["bookworm1", "trixie1"] as const;

/** A package with a configuration file, in two versions; the newer one in a repository on the host, and another package in one more. With Debian's lists beside them apt takes ten times as long for everything. */
const MAKE = String.raw`set -e
mkdir /root/debian; mv /etc/apt/sources.list /var/lib/apt/lists /root/debian; mkdir -p /var/lib/apt/lists/partial
mkdir -p /srv/other/DEBIAN; cd /srv/other
printf 'Package: plumb-other\nVersion: 1\nArchitecture: all\nMaintainer: t <t@t>\nDescription: t\n' > DEBIAN/control
dpkg-deb -b . other.deb >/dev/null
{ cat DEBIAN/control; echo "Filename: ./other.deb"; echo "Size: $(stat -c %s other.deb)"; echo "SHA256: $(sha256sum other.deb | cut -d' ' -f1)"; } > Packages
echo 'deb [trusted=yes] file:/srv/other ./' > /etc/apt/sources.list.d/other.list
rm -rf /srv/pool /srv/build; mkdir -p /srv/pool
for version in 1.0 2.0; do
  mkdir -p /srv/build/DEBIAN /srv/build/etc; echo "setting $version" > /srv/build/etc/plumb-dummy.conf; echo /etc/plumb-dummy.conf > /srv/build/DEBIAN/conffiles
  printf 'Package: plumb-dummy\nVersion: %s\nArchitecture: all\nMaintainer: t <t@t>\nDescription: t\n' "$version" > /srv/build/DEBIAN/control
  dpkg-deb -b /srv/build "/srv/pool/plumb-dummy_$version.deb" >/dev/null
done
cd /srv/pool; mv plumb-dummy_1.0.deb ..
{ cat /srv/build/DEBIAN/control; echo "Filename: ./plumb-dummy_2.0.deb"; echo "Size: $(stat -c %s plumb-dummy_2.0.deb)"; echo "SHA256: $(sha256sum plumb-dummy_2.0.deb | cut -d' ' -f1)"; } > Packages
echo 'deb [trusted=yes] file:/srv/pool ./' > /etc/apt/sources.list.d/dummy.list
apt-get -qq update
dpkg -i /srv/plumb-dummy_1.0.deb >/dev/null`;

/** Without apt's cache, which would be taken for true when dpkg's status has its old length, as with another version it has, and is of the same second. */
const OLDER = "dpkg -i /srv/plumb-dummy_1.0.deb >/dev/null 2>&1; rm -f /var/cache/apt/*.bin";

/** As a full disk leaves one whose configuration was under way. */
const HALF_CONFIGURED = `sed -i '/^Package: plumb-other$/,/^$/s/^Status: .*/Status: install ok half-configured/' /var/lib/dpkg/status; rm -f /var/cache/apt/*.bin`;

const control = (name: string): string =>
  String.raw`printf 'Package: ${name}\nVersion: 1\nArchitecture: all\nMaintainer: t <t@t>\nDescription: t\n' > DEBIAN/control`;

/** A package that starts its service, as Debian's do, in the other repository. */
const SERVED = String.raw`set -e; mkdir -p /srv/served/DEBIAN /srv/served/usr/lib/systemd/system; cd /srv/served
${control("plumb-served")}
printf '[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\n' > usr/lib/systemd/system/plumb-served.service
printf '#!/bin/sh\nset -e\n[ "$DEBIAN_FRONTEND" = noninteractive ]\nsystemctl daemon-reload\nsystemctl -q enable plumb-served.service\ndeb-systemd-invoke start plumb-served.service\n' > DEBIAN/postinst
printf '#!/bin/sh\nsystemctl -q disable --now plumb-served.service\n' > DEBIAN/prerm
chmod 755 DEBIAN/postinst DEBIAN/prerm; dpkg-deb -b . /srv/other/served.deb >/dev/null; cd /srv/other
{ echo; cat /srv/served/DEBIAN/control; echo "Filename: ./served.deb"; echo "Size: $(stat -c %s served.deb)"; echo "SHA256: $(sha256sum served.deb | cut -d' ' -f1)"; } >> Packages
apt-get -qq update -o Dir::Etc::sourcelist=sources.list.d/other.list -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0`;

/** A package whose installation goes on until it is let go. */
const SLOW = String.raw`mkdir -p /srv/slow/DEBIAN; cd /srv/slow; ${control("plumb-slow")}
printf '#!/bin/sh\ntouch /run/slow-begun; for n in $(seq 600); do [ ! -e /run/slow-go ] || exit 0; sleep 0.1; done; exit 1\n' > DEBIAN/preinst
chmod 755 DEBIAN/preinst; dpkg-deb -b . /srv/slow.deb >/dev/null`;

const BACK_TO_DEBIAN = `[ ! -d /root/debian ] || { rm -rf /etc/apt/sources.list.d/dummy.list /etc/apt/sources.list.d/other.list /srv/pool /srv/other /srv/build /srv/plumb-dummy_1.0.deb /var/lib/apt/lists
mv /root/debian/sources.list /etc/apt; mv /root/debian/lists /var/lib/apt; rmdir /root/debian; }`;

beforeAll(async () => {
  await Promise.all(HOSTS.map((host) => onHost(host, MAKE)));
}, 120_000);

afterAll(() => Promise.all(HOSTS.map((host) => onHost(host, BACK_TO_DEBIAN))));

describe("package", () => {
  test("brings every package up to date, and nothing twice", async () => {
    await keepsItsPromise({
      module: "package",
      tasks: "- package: {upgrade: full, update_cache: false}",
      holds: "dpkg-query -W -f='${Version}' plumb-dummy | grep -qx 2.0",
      drift: OLDER,
    });
  });

  test("lists that are to be fresh to the second are refreshed each time, and nothing else is a change", async () => {
    const run = async (task: string, check = false): Promise<string[]> =>
      (await runTasks(`- package: {${task}}`, { hosts: HOSTS, check })).tasks.map(({ status }) => status);
    const both = (status: string): string[] => HOSTS.map(() => status);
    const latest = "name: [plumb-dummy, adduser], state: latest, cache_valid_time: 0";
    await Promise.all(HOSTS.map((host) => onHost(host, OLDER)));
    expect(await run(latest, true)).toEqual(both("would-change"));
    expect(await run(latest)).toEqual(both("changed"));
    for (const host of HOSTS)
      expect(await onHost(host, "dpkg-query -W -f='${Version}' plumb-dummy")).toBe("2.0");
    // Before the lists are fresh, nobody can know; within the same second they are.
    await wait(1100);
    expect(await run(latest, true)).toEqual(both("unknown"));
    expect(await run(latest)).toEqual(both("ok"));
    expect(await run("upgrade: full, cache_valid_time: 0")).toEqual(both("ok"));
  });

  test("refreshes old lists before it decides what the latest is, and only upgrades where it is told so", async () => {
    const old = `${OLDER}; rm -f /var/lib/apt/lists/*srv_pool*; touch -d '1 day ago' /var/lib/apt/lists /var/lib/apt/periodic/update-success-stamp`;
    await keepsItsPromise({
      module: "package",
      tasks:
        "- package: {name: [plumb-dummy, plumb-other], state: latest, only_upgrade: true, cache_valid_time: 600}",
      before: `mkdir -p /var/lib/apt/periodic; ${old}`,
      holds: "dpkg-query -W -f='${Version}' plumb-dummy | grep -qx 2.0 && ! dpkg-query -W plumb-other",
      drift: old,
      unknownBefore: true,
    });
  });

  test("what an installation left that was cut short is finished first, with what it depends on", async () => {
    const host = "bookworm1";
    await onHost(
      host,
      "set -e; dpkg --purge plumb-dummy plumb-other >/dev/null 2>&1; mkdir -p /srv/needy/DEBIAN; printf 'Package: plumb-needy\\nVersion: 1\\nArchitecture: all\\nDepends: plumb-dummy\\nMaintainer: t <t@t>\\nDescription: t\\n' > /srv/needy/DEBIAN/control; dpkg-deb -b /srv/needy /srv/needy.deb >/dev/null; dpkg --unpack /srv/needy.deb >/dev/null",
    );
    const { tasks } = await runTasks("- package: {name: plumb-other}", { hosts: [host] });
    expect(tasks.map(({ status, message }) => `${status} ${message}`)).toEqual([
      "changed install plumb-other",
    ]);
    expect(
      await onHost(
        host,
        "dpkg-query -W -f='${db:Status-Status} ' plumb-dummy plumb-needy plumb-other; dpkg --purge plumb-needy plumb-other >/dev/null; rm -r /srv/needy*",
      ),
    ).toBe("installed installed installed ");
  });

  test("another package that an installation of Plumb's has left half done is finished, and one of somebody else's is not touched", async () => {
    const tasks = "- package: {name: plumb-dummy}";
    const mark = "/var/lib/plumb/apt-unfinished";
    const halfDone = `dpkg -s plumb-other >/dev/null 2>&1 || apt-get -qq install plumb-other >/dev/null; ${HALF_CONFIGURED}`;
    const run = async (): Promise<string[]> =>
      (await runTasks(tasks, { hosts: HOSTS })).tasks.map(({ status, message }) => `${status} ${message}`);
    const both = (told: string): string[] => HOSTS.map(() => told);
    const statuses = (): Promise<string[]> =>
      Promise.all(
        HOSTS.map((host) =>
          onHost(host, `dpkg-query -W -f='\${db:Status-Status}' plumb-other; ls ${mark} 2>/dev/null || true`),
        ),
      );
    await runTasks(tasks, { hosts: HOSTS });
    expect(await statuses()).toEqual(both(""));
    await Promise.all(HOSTS.map((host) => onHost(host, halfDone)));
    expect(await run()).toEqual(both("ok installed"));
    expect(await statuses()).toEqual(both("half-configured"));
    await Promise.all(HOSTS.map((host) => onHost(host, `touch ${mark}`)));
    expect(await run()).toEqual(both("changed finish an interrupted installation"));
    expect(await statuses()).toEqual(both("installed"));
    expect(await run()).toEqual(both("ok installed"));
    await Promise.all(HOSTS.map((host) => onHost(host, "dpkg --purge plumb-other >/dev/null 2>&1")));
  });

  test("an upgrade and a downgrade come back with a rollback, where a source has the version; otherwise it says so", async () => {
    const host = "bookworm1";
    const version = (): Promise<string> => onHost(host, "dpkg-query -W -f='${Version}' plumb-dummy");
    const statuses = async (task: string, runId: string): Promise<string[]> =>
      (await runTasks(task, { hosts: [host], override: { runId } })).tasks.map(({ status }) => status);
    await onHost(
      host,
      "cd /srv/pool; cp ../plumb-dummy_1.0.deb .; { sed 's/2\\.0/1.0/; /^Size/d; /^SHA256/d' Packages; echo \"Size: $(stat -c %s plumb-dummy_1.0.deb)\"; echo \"SHA256: $(sha256sum plumb-dummy_1.0.deb | cut -d' ' -f1)\"; echo; cat Packages; } > both; cp Packages only; mv both Packages; apt-get -qq update -o Dir::Etc::sourcelist=sources.list.d/dummy.list -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0; dpkg -i plumb-dummy_1.0.deb >/dev/null",
    );
    expect(await statuses("- package: {name: plumb-dummy, state: latest}", "upgrade")).toEqual(["changed"]);
    expect(await version()).toBe("2.0");
    expect(await statuses("- rollback: {run: upgrade}", "back")).toEqual(["changed"]);
    expect(await version()).toBe("1.0");
    // apt takes dpkg's list for the one that it knows when it is as long, and was written in the same second.
    await onHost(host, "dpkg -i /srv/pool/plumb-dummy_2.0.deb >/dev/null; rm /var/cache/apt/*pkgcache.bin");
    expect(await statuses("- package: {name: plumb-dummy=1.0, allow_downgrade: true}", "downgrade")).toEqual([
      "changed",
    ]);
    expect(await statuses("- rollback: {run: downgrade}", "forth")).toEqual(["changed"]);
    expect(await version()).toBe("2.0");
    await onHost(
      host,
      "dpkg -i /srv/pool/plumb-dummy_1.0.deb >/dev/null; cd /srv/pool; mv only Packages; apt-get -qq update -o Dir::Etc::sourcelist=sources.list.d/dummy.list -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0",
    );
    await statuses("- package: {name: plumb-dummy, state: latest}", "again");
    const { tasks, events } = await runTasks("- rollback: {run: again}", { hosts: [host] });
    expect(JSON.stringify([tasks, events])).toMatch(/plumb-dummy.*1\.0/);
    expect(await version()).toBe("2.0");
  });

  test("a service starts with its package only where that is wanted; a policy of the host's own counts and stays", async () => {
    const [policy, served] = ["/usr/sbin/policy-rc.d", "plumb-served"];
    const all = (command: string): Promise<string[]> =>
      Promise.all(HOSTS.map((host) => onHost(host, command)));
    // It would ask, were it not told that nobody answers.
    await all(SERVED);
    const look = `dpkg-query -W -f='\${db:Status-Status} ' ${served}; systemctl is-active ${served} | tr '\\n' ' '; cat ${policy} 2>/dev/null || echo no policy`;
    const installedAfter = async (before: string, more = ""): Promise<string[]> => {
      await all(`dpkg --purge ${served} >/dev/null 2>&1; ${before}`);
      const { tasks } = await runTasks(`- package: {name: ${served}, update_cache: false${more}}`, {
        hosts: HOSTS,
      });
      expect(tasks.map(({ status }) => status)).toEqual(HOSTS.map(() => "changed"));
      return all(look);
    };
    const each = (text: string): string[] => HOSTS.map(() => text);
    const own = "#!/bin/sh\nexit 101\n";
    const policyIs = (text: string): string => `printf '${text}' > ${policy}; chmod 755 ${policy}`;
    expect(await installedAfter(":", ", start_services: false")).toEqual(
      each("installed inactive no policy\n"),
    );
    expect(await installedAfter(policyIs(own))).toEqual(each(`installed inactive ${own}`));
    expect(await installedAfter(":", ", start_services: false")).toEqual(each(`installed inactive ${own}`));
    // What a run has left that was killed is not the host's own.
    const left = "#!/bin/sh\n# made by Plumb for the time of one installation\nexit 101\n";
    expect(await installedAfter(policyIs(left))).toEqual(each("installed active no policy\n"));
    await all(`dpkg --purge ${served} >/dev/null 2>&1; rm -r /srv/served*`);
  });

  test("waits while another program installs, for as long as it is told to, and asks nothing about files that were changed by hand", async () => {
    const host = "trixie1";
    const install = (more: string) =>
      runTasks(`- package: {name: plumb-dummy=2.0, update_cache: false${more}}`, { hosts: [host] });
    await onHost(
      host,
      `${OLDER}; echo by hand > /etc/plumb-dummy.conf; ${SLOW}; systemd-run -q dpkg -i /srv/slow.deb; until [ -e /run/slow-begun ]; do sleep 0.1; done`,
    );
    const { tasks } = await install(", lock_timeout: 1");
    expect(tasks.map(({ status, message }) => `${status} ${message}`)).toEqual([
      expect.stringMatching(/^failed .*dpkg frontend lock/s),
    ]);
    const waiting = install("");
    await onHost(
      host,
      "timeout 60 sh -c 'until ps -C apt-get -o args= | grep -v -q simulate; do sleep 0.2; done' && sleep 1 && touch /run/slow-go",
    );
    expect((await waiting).statuses).toEqual(["changed package"]);
    expect(
      await onHost(
        host,
        "dpkg-query -W -f='${Version} ' plumb-dummy plumb-slow; cat /etc/plumb-dummy.conf; dpkg --purge plumb-slow plumb-dummy >/dev/null; rm -r /srv/slow* /run/slow*; dpkg -i /srv/plumb-dummy_1.0.deb >/dev/null",
      ),
    ).toBe("2.0 1 by hand\n");
  });

  test("removes what nothing needs any more, and purges configuration files that an earlier removal left", async () => {
    await keepsItsPromise({
      module: "package",
      tasks: "- package: {autoremove: true, update_cache: false}",
      before: "apt-mark auto plumb-dummy >/dev/null",
      holds:
        "! dpkg-query -W -f='${db:Status-Status}' plumb-dummy | grep -qx installed && [ -e /etc/plumb-dummy.conf ]",
      drift: "dpkg -i /srv/plumb-dummy_1.0.deb >/dev/null; apt-mark auto plumb-dummy >/dev/null",
      undo: {
        tasks: "- package: {name: plumb-dummy, state: absent, purge: true}",
        gone: "[ ! -e /etc/plumb-dummy.conf ]",
      },
      after: BACK_TO_DEBIAN,
    });
  });

  test("refreshes the lists for their own sake, when they are old", async () => {
    await keepsItsPromise({
      module: "package",
      tasks: "- apt: {update_cache: true, cache_valid_time: 600}",
      before:
        "mkdir -p /var/lib/apt/periodic; touch -d '1 day ago' /var/lib/apt/lists /var/lib/apt/periodic/update-success-stamp",
      holds: '[ "$(( $(date +%s) - $(stat -c %Y /var/lib/apt/periodic/update-success-stamp) ))" -lt 300 ]',
      drift: "touch -d '1 day ago' /var/lib/apt/lists /var/lib/apt/periodic/update-success-stamp",
    });
  });
});
