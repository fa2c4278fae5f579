import { expect, test } from "vitest";
import { compareRpmVersions, rpmVersionText } from "../../src/modules/rpm-version.ts";

const version = (text: string): { epoch: number; version: string; release: string } => {
  const [, epoch = "0", number = "", release = "1"] = /^(?:(\d+):)?([^-]+)(?:-(.+))?$/.exec(text) ?? [];
  return { epoch: Number(epoch), version: number, release };
};

/** Each pair: older, newer; as `rpm --eval '%{lua: print(rpm.vercmp(…))}'` of rpm 4.18 has it. */
test.each([
  ["1.0", "2.0"],
  ["1.9", "1.10"],
  ["1.0", "1.0.1"],
  ["1.0", "1.0a"],
  ["1.0~rc1", "1.0"],
  ["1.0~rc1", "1.0~rc2"],
  ["1.0", "1.0^git1"],
  ["1.0^git1", "1.0.1"],
  ["1.a", "1.1"],
  ["9.9", "1:1.0"],
  ["1.0-1", "1.0-2"],
  ["1.0-1.el8", "1.0-1.el9"],
])("%s is older than %s", (older, newer) => {
  expect(compareRpmVersions(version(older), version(newer))).toBeLessThan(0);
  expect(compareRpmVersions(version(newer), version(older))).toBeGreaterThan(0);
});

test("separators and leading zeros do not count", () => {
  expect(compareRpmVersions(version("1.05"), version("1_5"))).toBe(0);
  expect(rpmVersionText(version("2:1.0-3"))).toBe("2:1.0-3");
});
