import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { onHost } from "../lab-hosts.ts";
import { keepsItsPromise, keepTheirPromises, type Promised, titled } from "./promise.ts";

const HOSTS = ["bookworm1", "trixie1"];
/** A disk of 32 MiB, as /dev/plumb-disk: loop devices are the kernel's, so their nodes are made in the hosts that want one. */
const DISK = `set -e
[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
for number in $(seq 0 31); do [ -e /dev/loop$number ] || mknod -m 0660 /dev/loop$number b 7 $number; done
truncate -s 32M /srv/disk.img
ln -sfn "$(losetup --find --show /srv/disk.img)" /dev/plumb-disk`;

/** Another for the time of a test. Loop devices are every host's to see: LVM is told to look at these alone. */
const SECOND_DISK = `set -e
truncate -s 32M /srv/disk2.img
ln -sfn "$(losetup --find --show /srv/disk2.img)" /dev/plumb-disk2
echo 'devices { filter = [ "a|^/dev/plumb-disk|", "r|.*|" ] }' > /etc/lvm/lvmlocal.conf`;
const NO_SECOND_DISK =
  'losetup --detach "$(readlink /dev/plumb-disk2)"; rm -f /srv/disk2.img /dev/plumb-disk2 /etc/lvm/lvmlocal.conf';

/** They share one disk, so one comes after the other. */
const DISKS: readonly Promised[] = [
  {
    module: "filesystem",
    tasks: "- filesystem: {dev: /dev/plumb-disk, fstype: ext4, opts: -L plumbdisk, force: true}",
    holds: 'blkid -p /dev/plumb-disk | grep -q \'LABEL="plumbdisk".*TYPE="ext4"\'',
    drift: "wipefs --quiet --all /dev/plumb-disk; mkswap -q /dev/plumb-disk",
    undo: {
      tasks: "- filesystem: {dev: /dev/plumb-disk, state: absent}",
      gone: "! blkid -p /dev/plumb-disk",
    },
  },
  {
    module: "filesystem",
    tasks: "- filesystem: {dev: /dev/plumb-disk, fstype: ext4, resizefs: true}",
    before: "mkfs.ext4 -qF -b 1024 /dev/plumb-disk 8192",
    holds: "dumpe2fs -h /dev/plumb-disk 2>/dev/null | grep -q 'Block count: *32768'",
    drift: "mkfs.ext4 -qF -b 1024 /dev/plumb-disk 16384",
  },
  {
    module: "mount",
    tasks:
      "- mount: {path: '/mnt/plumb data', src: /dev/plumb-disk, fstype: ext4, opts: 'noexec,noatime', passno: 2, state: mounted}",
    holds:
      "grep -q '/mnt/plumb.040data .*noexec.* ext4 /dev/loop' /proc/self/mountinfo && grep -qxF '/dev/plumb-disk /mnt/plumb\\040data ext4 noexec,noatime 0 2' /etc/fstab && grep -q UNCONFIGURED /etc/fstab",
    drift: "umount '/mnt/plumb data'; sed -i 's/noexec/exec/' /etc/fstab",
    undo: {
      tasks: "- mount: {path: '/mnt/plumb data', state: absent}",
      gone: "! findmnt '/mnt/plumb data' && ! grep -q plumb /etc/fstab && [ ! -e '/mnt/plumb data' ]",
    },
  },
  {
    module: "mount",
    tasks: "- mount: {path: /mnt/plumb, src: tmpfs, fstype: tmpfs, opts: 'size=1m,nosuid', state: ephemeral}",
    holds: "findmnt -n -o OPTIONS /mnt/plumb | grep -q nosuid && ! grep -q plumb /etc/fstab",
    drift: "mount -o remount,suid /mnt/plumb",
    undo: {
      tasks: "- mount: {path: /mnt/plumb, state: unmounted}",
      gone: "! findmnt /mnt/plumb && [ -d /mnt/plumb ]",
    },
  },
  {
    module: "mount",
    tasks: "- mount: {path: /mnt/plumb, src: /srv/bound, fstype: none, opts: bind, state: mounted}",
    before: "mkdir -p /srv/bound && touch /srv/bound/here",
    holds: "[ -e /mnt/plumb/here ] && grep -qx '/srv/bound /mnt/plumb none bind 0 0' /etc/fstab",
    drift: "umount /mnt/plumb && mount -t tmpfs tmpfs /mnt/plumb",
    undo: {
      tasks: "- mount: {path: /mnt/plumb, state: absent}",
      gone: "! findmnt /mnt/plumb && [ -e /srv/bound/here ]",
    },
  },
  {
    module: "lvg",
    tasks: "- lvg: {vg: plumb-data, pvs: [/dev/plumb-disk, /dev/plumb-disk2], pesize: 1M}",
    before: `wipefs -qa /dev/plumb-disk; ${SECOND_DISK}`,
    holds:
      '[ "$(vgs --noheadings -o vg_extent_size,pv_count --units k plumb-data | tr -s " ")" = " 1024.00k 2" ]',
    drift: "vgreduce -q plumb-data /dev/plumb-disk2 && pvremove -q /dev/plumb-disk2",
    undo: {
      tasks: "- lvg: {vg: plumb-data, state: absent}",
      gone: "! vgs plumb-data && pvs /dev/plumb-disk",
    },
    after: NO_SECOND_DISK,
  },
  {
    module: "lvg",
    tasks: "- lvg: {vg: plumb-data, pvs: /dev/plumb-disk, pvresize: true}",
    before: `${SECOND_DISK}; pvremove -q /dev/plumb-disk; pvcreate -q --setphysicalvolumesize 16m /dev/plumb-disk; vgcreate -q plumb-data /dev/plumb-disk /dev/plumb-disk2`,
    holds: '[ "$(vgs --noheadings -o pv_count,vg_size --units m plumb-data | tr -s " ")" = " 1 28.00m" ]',
    drift: "vgextend -q plumb-data /dev/plumb-disk2",
    undo: { tasks: "- lvg: {vg: plumb-data, state: absent}", gone: "! vgs plumb-data" },
    after: `pvremove -q /dev/plumb-disk; ${NO_SECOND_DISK}`,
  },
  {
    // The kernel is shared, and names a swap area by its path alone: each host has its own path.
    module: "swap",
    tasks: "- swap: {path: '/mnt/swap-{{inventory_hostname}}/file', size: 4M, priority: 5}",
    before:
      "place=/mnt/swap-$(cat /etc/hostname); mkdir -p $place && mkfs.ext4 -qF /dev/plumb-disk && mount /dev/plumb-disk $place",
    holds:
      'cd /mnt/swap-* && grep -q "^$PWD/file .*[[:space:]]5$" /proc/swaps && [ "$(stat -c \'%a %s\' file)" = \'600 4194304\' ] && grep -qx "$PWD/file none swap sw,pri=5 0 0" /etc/fstab',
    drift: "swapoff /mnt/swap-*/file && sed -i /swap/d /etc/fstab",
    undo: {
      tasks: "- swap: {path: '/mnt/swap-{{inventory_hostname}}/file', state: absent}",
      gone: 'cd /mnt/swap-* && ! grep -q "^$PWD/file" /proc/swaps && [ ! -e file ] && ! grep -q swap /etc/fstab',
    },
    after: "umount /mnt/swap-*",
  },
];

/** These are not in each other's way. */
const SCHEDULES: readonly Promised[] = [
  {
    module: "cron",
    tasks:
      "- cron: {name: report, user: operator, minute: '*/15', hour: 8-18, weekday: mon-fri, job: 'echo \"it''s\" >/dev/null'}",
    before: "printf '%s\\n' '# mine' '#Ansible: other' '0 0 * * * true' | crontab -u operator -",
    holds:
      "crontab -u operator -l | grep -qxF '*/15 8-18 * * mon-fri echo \"it'\"'\"'s\" >/dev/null' && crontab -u operator -l | grep -qx '# mine' && crontab -u operator -l | grep -qx '0 0 \\* \\* \\* true'",
    drift: "crontab -u operator -l | sed 's/8-18/9-17/' | crontab -u operator -",
    undo: {
      tasks: "- cron: {name: report, user: operator, state: absent}",
      gone: "! crontab -u operator -l | grep -q -e report -e echo && crontab -u operator -l | grep -q true",
    },
    after: "crontab -u operator -r",
  },
  {
    module: "cron",
    tasks: "- cron: {cron_file: plumb-test, name: nightly, user: daemon, special_time: daily, job: 'true'}",
    holds:
      "grep -qx '@daily daemon true' /etc/cron.d/plumb-test && [ \"$(stat -c '%U %a' /etc/cron.d/plumb-test)\" = 'root 644' ]",
    drift: "echo > /etc/cron.d/plumb-test",
    undo: {
      tasks: "- cron: {cron_file: plumb-test, name: nightly, state: absent}",
      gone: "[ ! -e /etc/cron.d/plumb-test ]",
    },
  },
  {
    module: "systemd_timer",
    tasks:
      "- systemd_timer: {name: plumb-test, command: [/bin/mkdir -p /srv/timer, /bin/touch /srv/timer/ran], on_calendar: '*-*-* 04:00', hardening: none}",
    holds:
      "systemctl is-active plumb-test.timer && systemctl is-enabled plumb-test.timer && systemctl start plumb-test.service && rm /srv/timer/ran && systemctl list-timers plumb-test.timer | grep -q ' 04:00:00'",
    drift:
      "systemctl disable --now plumb-test.timer && sed -i 's/04:00/05:00/' /etc/systemd/system/plumb-test.timer",
    undo: {
      tasks: "- systemd_timer: {name: plumb-test, state: absent}",
      gone: "! systemctl cat plumb-test.timer && ! systemctl cat plumb-test.service",
    },
  },
];

beforeAll(async () => {
  await Promise.all(
    HOSTS.map((host) =>
      onHost(host, `${havePackages("cron", "dosfstools", "e2fsprogs", "fdisk", "lvm2")}; ${DISK}`),
    ),
  );
});

/** What belongs to the kernel outlives the hosts. */
afterAll(async () => {
  await Promise.all(
    HOSTS.map((host) =>
      onHost(
        host,
        'swapoff -a; for place in /mnt/swap /mnt/plumb \'/mnt/plumb data\'; do umount "$place" 2>/dev/null; done; losetup --detach "$(readlink /dev/plumb-disk)"; rm -f /srv/disk.img /dev/plumb-disk',
      ),
    ),
  );
});

test.each(titled(DISKS))("$title: check told the truth, applied, repeated, drift mended, undone", (one) =>
  keepsItsPromise(one),
);

test("each type of file system is made, and known when it is there", async () => {
  // What the kernel can't mount is made all the same; xfs and btrfs want larger disks than this one.
  const types = ["ext2", "ext3", "vfat", "swap"];
  const tasks = types.flatMap((type) =>
    Array(2).fill(`- filesystem: {dev: /dev/plumb-disk, fstype: ${type}, force: true}`),
  );
  const { tasks: done } = await runTasks(
    [...tasks, "- filesystem: {dev: /dev/plumb-disk, state: absent}"].join("\n"),
    { hosts: HOSTS },
  );
  for (const host of HOSTS)
    expect(
      done.filter((one) => one.host === host).map(({ status, message }) => `${status}: ${message}`),
    ).toEqual([
      ...types.flatMap(() => [expect.stringMatching(/^changed: /), expect.stringMatching(/^ok: /)]),
      expect.stringMatching(/^changed: take swap off/),
    ]);
});

test("schedules: check told the truth, applied, repeated, drift mended, undone", () =>
  keepTheirPromises(SCHEDULES));

describe("what is there already is not harmed", () => {
  test.each([
    [
      "mkswap -q /dev/plumb-disk",
      "- filesystem: {dev: /dev/plumb-disk, fstype: ext4}",
      /holds swap: it is not formatted/,
    ],
    [
      "printf 'label: gpt\\n,\\n' | sfdisk -q /dev/plumb-disk",
      "- filesystem: {dev: /dev/plumb-disk, fstype: ext4}",
      /holds gpt: it is not formatted/,
    ],
    [
      "mkfs.ext4 -qF /dev/plumb-disk && mount /dev/plumb-disk /mnt",
      "- filesystem: {dev: /dev/plumb-disk, state: absent}",
      /busy/,
    ],
    [
      "mkswap -q /dev/plumb-disk",
      "- filesystem: {dev: /dev/plumb-disk, fstype: ext4, state: absent}",
      /holds swap, and not ext4/,
    ],
    ["true", "- filesystem: {dev: /dev/no-such-disk, fstype: ext4}", /no device \/dev\/no-such-disk/],
    ["true", "- swap: {path: /etc/hostname, size: 1M}", /holds something else/],
    [
      "mkfs.ext4 -qF /dev/plumb-disk",
      "- lvg: {vg: plumb-data, pvs: /dev/plumb-disk}",
      /holds ext4: it is not taken/,
    ],
    ["true", "- lvg: {vg: plumb-data, pvs: /dev/no-such-disk}", /no device \/dev\/no-such-disk/],
    [
      "pvcreate -q /dev/plumb-disk; vgcreate -q -s 1m plumb-other /dev/plumb-disk",
      "- lvg: {vg: plumb-data, pvs: /dev/plumb-disk}",
      /is in the volume group plumb-other/,
    ],
    [
      "pvcreate -q /dev/plumb-disk; vgcreate -q -s 1m plumb-other /dev/plumb-disk",
      "- lvg: {vg: plumb-other, pvs: /dev/plumb-disk, pesize: 2}",
      /extents of plumb-other have 1048576 bytes, and 2097152 are wanted/,
    ],
    ["true", "- mount: {path: /mnt/nothing, state: remounted}", /nothing is mounted/],
    ["true", "- cron: {name: x, user: nobody-at-all, job: 'true'}", /no user nobody-at-all/],
    [
      "true",
      "- systemd_timer: {name: plumb-bad, command: /bin/true, on_calendar: whenever}",
      /check the times.*whenever/s,
    ],
  ])("after `%s`: %s", async (before, task, message) => {
    await onHost("bookworm1", before);
    const { tasks } = await runTasks(task, { hosts: ["bookworm1"] });
    await onHost(
      "bookworm1",
      "umount /mnt 2>/dev/null; vgremove -fq plumb-other >/dev/null 2>&1; wipefs -qa /dev/plumb-disk; [ ! -e /etc/systemd/system/plumb-bad.timer ]",
    );
    expect(tasks[0]?.status).toBe("failed");
    expect(tasks[0]?.message).toMatch(message);
  });

  test("without cron nobody knows in check mode what an earlier task would bring; without one it is an error", async () => {
    await onHost("bookworm1", "mount --bind /dev/null /usr/bin/crontab");
    const job = "- cron: {name: x, job: 'true'}";
    const pending = await runTasks(`- command: "true"\n${job}`, { hosts: ["bookworm1"], check: true });
    const alone = await runTasks(job, { hosts: ["bookworm1"], check: true });
    await onHost("bookworm1", "umount /usr/bin/crontab");
    expect(pending.statuses).toEqual(["unknown command", "unknown cron"]);
    expect(alone.tasks[0]).toMatchObject({ status: "failed", message: "the host has no cron" });
  });

  test("mounting anew happens each time, and says so in advance", async () => {
    await onHost("trixie1", "mkdir -p /mnt/plumb && mount -t tmpfs -o noexec tmpfs /mnt/plumb");
    const task = "- mount: {path: /mnt/plumb, state: remounted}";
    const predicted = await runTasks(task, { hosts: ["trixie1"], check: true });
    const done = await runTasks(task, { hosts: ["trixie1"] });
    await onHost("trixie1", "umount /mnt/plumb");
    expect([predicted, done].map(({ tasks }) => tasks[0]?.status)).toEqual(["unknown", "changed"]);
  });
});
