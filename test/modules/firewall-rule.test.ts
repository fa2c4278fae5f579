import { expect, test } from "vitest";
import { firewallRule, nftablesRule, refuseLockout } from "../../src/modules/firewall-rule.ts";

const SSH = { clientAddress: "10.0.0.7", clientPort: 4711, serverPort: 22 } as never;

/** Whether Plumb, which came from 10.0.0.7, could connect again. */
function letsIn(rules: readonly object[], isTried = true): boolean {
  try {
    refuseLockout(
      rules.map((rule) => nftablesRule.parse({ name: "x", ...rule })),
      SSH,
      isTried,
    );
    return true;
  } catch {
    return false;
  }
}

test.each([
  [true, [{ ports: [22] }]],
  [true, [{ ports: ["20-30"] }]],
  [false, [{ ports: ["23-30"] }]],
  [false, []],
  [true, [{ ports: [22], sources: ["10.0.0.0/8"] }]],
  [false, [{ ports: [22], sources: ["10.1.0.0/16"] }]],
  [false, [{ sources: ["10.0.0.0/8"], verdict: "drop" }, { ports: [22] }]],
  [true, [{ ports: [22] }, { sources: ["10.0.0.0/8"], verdict: "drop" }]],
  [true, [{ sources: ["10.1.0.0/16"], verdict: "reject" }, { ports: [22] }]],
  [true, [{ protocol: "udp", ports: [22], verdict: "drop" }, { ports: [22] }]],
])("%s: %j", (expected, rules) => {
  expect(letsIn(rules)).toBe(expected);
});

test("what a rule in nft's own words lets in is left to the trial, where there is one", () => {
  const own = [{ rule: "tcp dport 22 limit rate 10/minute accept" }];
  expect(letsIn(own, true)).toBe(true);
  expect(letsIn(own, false)).toBe(false);
  expect(letsIn([...own, { ports: [22], verdict: "drop" }], true)).toBe(false);
});

test.each([firewallRule, nftablesRule])(
  "a list of sources in which there is none lets nobody in by accident: it is refused",
  (rule) => {
    const parsed = rule.safeParse({ name: "backup", ports: [9000], sources: [] });
    expect(parsed.error?.issues.map(({ path, message }) => [path, message])).toEqual([
      [["sources"], expect.stringContaining("leave `sources` out if that is meant")],
    ]);
    expect(rule.parse({ name: "web", ports: [443] }).sources).toEqual([]);
  },
);
