import { beforeAll, describe, expect, test } from "vitest";
import type { TaskFinished } from "../../../src/converge/event.ts";
import { runTasks } from "../converge.ts";
import { havePackages } from "../have-packages.ts";
import { onHost } from "../lab-hosts.ts";
import { keepTheirPromises, type Promised } from "./promise.ts";

const HOSTS = ["bookworm1", "trixie1"] as const;
const onBoth = (command: string): Promise<string[]> =>
  Promise.all(HOSTS.map((host) => onHost(host, command)));

beforeAll(async () => {
  await onBoth(havePackages("iptables"));
}, 300_000);

const toldOf = ({ status, message }: TaskFinished): string => `${status}: ${message}`;

const RULE =
  "protocol: tcp, destination_ports: [8081, 8082], source: '!10.9.0.0/16', ctstate: [NEW], jump: ACCEPT";

const CASES: readonly Promised[] = [
  {
    module: "iptables",
    tasks: `- iptables: {chain: INPUT, ${RULE}, comment: it's ours}`,
    holds:
      "nft list chain ip plumb_filter INPUT | grep -q 'ip saddr != 10.9.0.0/16 .*dport { 8081, 8082 } ct state new counter .*accept comment' && nft -c -f /etc/nftables.d/plumb-iptables.nft && grep -q 8081 /etc/nftables.d/plumb-iptables.nft",
    drift: "nft flush chain ip plumb_filter INPUT; nft add rule ip plumb_filter INPUT tcp dport 8081 accept",
    undo: {
      tasks: `- iptables: {chain: INPUT, ${RULE}, state: absent}`,
      gone: "! nft list chain ip plumb_filter INPUT | grep -q 'ct state new' && ! grep -q 'ct state new' /etc/nftables.d/plumb-iptables.nft",
    },
    after: "nft delete table ip plumb_filter",
  },
  {
    module: "iptables",
    tasks:
      "- iptables: {table: nat, chain: PREROUTING, ip_version: ipv6, protocol: tcp, destination_port: 80, jump: REDIRECT, to_ports: 8080, in_interface: lo}",
    holds:
      "nft list table ip6 plumb_nat | grep -q 'iifname \"lo\" tcp dport 80 counter packets .* redirect to :8080'",
    drift: "nft delete table ip6 plumb_nat",
    undo: {
      tasks: "- iptables: {table: nat, ip_version: ipv6, flush: true}",
      gone: "! nft list table ip6 plumb_nat | grep -q redirect",
    },
    after: "nft delete table ip6 plumb_nat",
  },
];

describe("iptables", () => {
  test("keeps its promise", () => keepTheirPromises(CASES));

  test("a policy or a rule that would lock Plumb out is refused until a rule lets it in, and all is kept over a reboot", async () => {
    const tasks = `
- iptables: {chain: INPUT, policy: DROP}
  ignore_errors: true
- iptables: {chain: INPUT, protocol: tcp, jump: REJECT}
  ignore_errors: true
- iptables: {chain: INPUT, protocol: tcp, destination_port: 22, jump: ACCEPT}
- iptables: {chain: INPUT, ctstate: [ESTABLISHED, RELATED], jump: ACCEPT, action: insert}
- iptables: {chain: INPUT, policy: DROP}
- iptables: {chain: own, chain_management: true}
- iptables: {chain: INPUT, source: 10.250.0.0/16, jump: own}
`.trim();
    const onEach = async (text: string): Promise<string[][]> => {
      const run = await runTasks(text, { hosts: HOSTS });
      return HOSTS.map((name) => run.tasks.filter(({ host }) => host === name).map(toldOf));
    };
    const refused = "would lock Plumb out";
    for (const told of await onEach(tasks)) {
      expect(told.map((one) => one.split(":")[0])).toEqual([
        "ignored",
        "ignored",
        ...Array(5).fill("changed"),
      ]);
      for (const one of told.slice(0, 2)) expect(one).toContain(refused);
    }
    for (const told of await onEach(tasks))
      expect(told.map((one) => one.split(":")[0])).toEqual(["ok", "changed", ...Array(5).fill("ok")]);
    const rules = "nft -s list table ip plumb_filter";
    const before = await onBoth(rules);
    expect(await onBoth(`nft flush ruleset; nft -f /etc/nftables.conf; ${rules}`)).toEqual(before);
    const undo = await onEach(
      "- iptables: {chain: INPUT, policy: ACCEPT}\n- iptables: {flush: true}\n- iptables: {chain: own, chain_management: true, state: absent}",
    );
    for (const told of undo)
      expect(told.map((one) => one.split(":")[0])).toEqual(["changed", "changed", "changed"]);
    await onBoth(
      "! nft list table ip plumb_filter | grep -qE 'drop|accept comment|own' && nft delete table ip plumb_filter && rm /etc/nftables.d/plumb-iptables.nft",
    );
  });

  test("what nftables has no words for, and what the kernel refuses, is told in check mode as in a run, and nothing is loaded", async () => {
    const options = { hosts: HOSTS };
    const refused = [
      ["- iptables: {chain: INPUT, match: [nosuchmatch], jump: ACCEPT}", /no words for this rule/],
      ["- iptables: {chain: INPUT, source: 10.250.0.0/16, jump: nosuchchain}", /nosuchchain|No such file/],
    ] as const;
    for (const [task, says] of refused) {
      const checked = (await runTasks(task, { ...options, check: true })).tasks;
      const ran = (await runTasks(task, options)).tasks;
      expect(checked.map(({ status, message }) => [status, message]).toSorted()).toEqual(
        ran.map(({ status, message }) => [status, message]).toSorted(),
      );
      expect(ran.map(({ status, message }) => [status, says.test(message)])).toEqual([
        ["failed", true],
        ["failed", true],
      ]);
    }
  });
});
