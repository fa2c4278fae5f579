import { describe, expect, test } from "vitest";
import { settledPlay } from "../../src/playbook/play-keywords.ts";
import type { Play } from "../../src/playbook/playbook.ts";
import { createScope } from "../../src/variables/host-scope.ts";
import type { Value } from "../../src/variables/value.ts";
import { withPlaybook } from "./loading.ts";

async function settled(keywords: string, variables: Record<string, Value>): Promise<Play> {
  return withPlaybook(`- hosts: all\n  ${keywords}\n  tasks: []\n`, ({ plays: [play] }) => {
    if (play === undefined) throw new Error("no play");
    const layer = new Map(
      Object.entries(variables).map(([name, value]) => [
        name,
        { value: { kind: "literal" as const, value } },
      ]),
    );
    return settledPlay(play, createScope({ layers: [{ level: "extra vars", variables: layer }] }));
  });
}

describe("templates in a play's keywords", () => {
  test.each<[string, Record<string, Value>, Partial<Play>]>([
    ['serial: "{{ size }}"', { size: "30%" }, { serial: [{ percent: 30 }] }],
    ['serial: "{{ sizes }}"', { sizes: [1, "50%"] }, { serial: [1, { percent: 50 }] }],
    ['serial: [1, "{{ size }}"]', { size: 5 }, { serial: [1, 5] }],
    ['max_fail_percentage: "{{ most }}"', { most: 25 }, { maxFailPercentage: 25 }],
    ["gather_facts: !expr not quick", { quick: true }, { gatherFacts: false }],
    ['strategy: "{{ how }}"', { how: "free" }, { strategy: "free" }],
    ['order: "{{ how }}"', { how: "sorted" }, { order: "sorted" }],
  ])("%s", async (keywords, variables, expected) => {
    expect(await settled(keywords, variables)).toMatchObject(expected);
  });

  test.each([
    ['serial: "{{ size }}"', { size: "many" }],
    ['strategy: "{{ how }}"', { how: "quick" }],
    ['serial: "{{ nowhere }}"', {}],
  ])("%s that comes to nothing the keyword takes is refused", async (keywords, variables) => {
    await expect(settled(keywords, variables)).rejects.toThrow();
  });
});

test.each(["{}", "[[]]", "[{a: b}]"])("hosts: %s is refused, with its place", async (hosts) => {
  await expect(withPlaybook(`- hosts: ${hosts}\n  tasks: []\n`, () => undefined)).rejects.toMatchObject({
    diagnostics: [expect.objectContaining({ code: "wrong-type", at: expect.objectContaining({ line: 1 }) })],
  });
});
