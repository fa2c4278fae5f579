import { describe, expect, test } from "vitest";
import { runTasks } from "../converge.ts";
import { onHost } from "../lab-hosts.ts";

const HOSTS = ["bookworm1", "trixie1"];

const bootId = async (host: string): Promise<string> =>
  (await onHost(host, "cat /proc/sys/kernel/random/boot_id")).trim();

describe("reboot", () => {
  test("boots, waits for another boot id, takes the lock again, and goes on; the rules of a firewall are live again", async () => {
    const before = await Promise.all(HOSTS.map(bootId));
    const { finished, tasks, statuses } = await runTasks(
      `- nftables: {table: booted, policy: accept, rules: [{name: ssh, ports: [22]}, {name: kept, ports: [8123]}]}
- command: touch /run/gone-after-a-boot
- reboot:
    reboot_timeout: 60
    test_command: systemctl is-system-running --wait
  register: booted
- stat: {path: /run/gone-after-a-boot}
  register: left
- assert: {that: ["booted.rebooted", "not left.stat.exists"]}
- copy: {content: "after the boot", dest: /srv/after-a-boot}`,
      { hosts: HOSTS },
    );
    expect(tasks.filter(({ status }) => status === "failed")).toEqual([]);
    expect(finished.outcome).toBe("ok");
    const each = [
      "changed nftables",
      "changed command",
      "changed reboot",
      "ok stat",
      "ok assert",
      "changed copy",
    ];
    expect(statuses.toSorted()).toEqual(each.flatMap((one) => [one, one]).toSorted());
    for (const [index, host] of HOSTS.entries()) {
      expect(await bootId(host)).not.toBe(before[index]);
      expect(await onHost(host, "cat /srv/after-a-boot")).toBe("after the boot");
      expect(await onHost(host, "nft list table inet booted")).toContain(
        'tcp dport 8123 accept comment "kept"',
      );
    }
    const firewall = "- nftables: {table: booted, state: absent}";
    expect((await runTasks(firewall, { hosts: HOSTS })).finished.outcome).toBe("ok");
    for (const host of HOSTS)
      await onHost(host, "systemctl -q disable nftables; sed -i /nftables.d/d /etc/nftables.conf");
  });

  test("in check mode nothing is booted, and nobody knows what would come of it", async () => {
    const before = await bootId("bookworm1");
    const { statuses } = await runTasks("- reboot:", { check: true });
    expect(statuses).toEqual(["unknown reboot"]);
    expect(await bootId("bookworm1")).toBe(before);
  });

  test("a host that does not go down is not taken for one that came back", async () => {
    const { tasks } = await runTasks('- reboot: {reboot_timeout: 4, reboot_command: "true"}');
    expect(tasks[0]?.status).toBe("failed");
    expect(tasks[0]?.message).toContain("not back within 4 s: it has not gone down yet");
  });
});
