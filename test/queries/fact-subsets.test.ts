import { expect, test } from "vitest";
import { factsIn, isFactSubset } from "../../src/queries/fact-subsets.ts";

const facts = { kernel: "6.1", processor_vcpus: 2, default_ipv4: {}, virtualization_type: "kvm" };

test.each([
  [[], ["kernel", "processor_vcpus", "default_ipv4", "virtualization_type"]],
  [["all"], ["kernel", "processor_vcpus", "default_ipv4", "virtualization_type"]],
  [["!all"], ["kernel"]],
  [
    ["!all", "network"],
    ["kernel", "default_ipv4"],
  ],
  [["network"], ["kernel", "default_ipv4"]],
  [["!hardware"], ["kernel", "default_ipv4", "virtualization_type"]],
  [["!all", "!min"], []],
  [["!min", "virtual"], ["virtualization_type"]],
  [
    ["!all", "distribution", "interfaces"],
    ["kernel", "default_ipv4"],
  ],
])("gather_subset %j leaves %j", (words, expected) => {
  expect(Object.keys(factsIn(facts, words))).toEqual(expected);
});

test("words that are no facts are told from those that are", () => {
  expect(["all", "!network", "date_time", "hardwear", ""].map(isFactSubset)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
