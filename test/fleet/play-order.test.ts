import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { planPlays } from "../../src/fleet/plan-plays.ts";
import { checkOptions } from "./run-options.ts";

/** The order in which a play takes its hosts. */
async function hostsInOrder(order: string): Promise<readonly string[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "plumb-test-"));
  writeFileSync(path.join(folder, "hosts.ini"), "[web]\nweb10\nweb2\nb\n[db]\nc\nweb2\na\n");
  writeFileSync(path.join(folder, "play.yml"), `- hosts: db,web\n  ${order}\n  tasks: []\n`);
  const options = await checkOptions([path.join(folder, "hosts.ini")], [path.join(folder, "play.yml")]);
  return planPlays(options)[0]?.run?.hosts ?? [];
}

/** Group by group as the pattern names them: Ansible 2.14 has these orders too. */
const asWritten = ["c", "web2", "a", "web10", "b"];

test.each([
  ["name: no order at all", asWritten],
  ["order: inventory", asWritten],
  ["order: reverse_inventory", asWritten.toReversed()],
  ["order: sorted", ["a", "b", "c", "web10", "web2"]],
  ["order: reverse_sorted", ["web2", "web10", "c", "b", "a"]],
])("%s: hosts have their turn as they have it in Ansible", async (order, expected) => {
  expect(await hostsInOrder(order)).toEqual(expected);
});

test("order: shuffle takes each host once, in another order now and then", async () => {
  const orders = await Promise.all(Array.from({ length: 20 }, () => hostsInOrder("order: shuffle")));
  for (const order of orders) expect(order.toSorted()).toEqual(asWritten.toSorted());
  expect(new Set(orders.map((order) => order.join())).size).toBeGreaterThan(1);
});
