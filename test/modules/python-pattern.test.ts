import { describe, expect, test } from "vitest";
import { expandReplacement, pythonPattern } from "../../src/modules/python-pattern.ts";

describe("patterns as Ansible's users write them", () => {
  test.each([
    ["(?i)HELLO", "say hello", true],
    ["(?P<key>\\w+)=(?P=key)", "a=a", true],
    ["(?P<key>\\w+)=(?P=key)$", "a=b", false],
    ["\\Ab", "a\nb", false],
    ["a\\Z", "a\nb", false],
    ["\\\\A", "\\A", true],
  ])("%s on %j: %j", (pattern, text, matches) => {
    expect(pythonPattern(pattern, "m").test(text)).toBe(matches);
  });

  test("groups go into the replacement by number and by name, one that took no part is empty", () => {
    const match = pythonPattern("(a)(?P<two>b)?(c)?").exec("ab");
    if (match === null) throw new Error("no match");
    expect(expandReplacement("\\1-\\g<two>-\\g<1>-\\3|\\n\\\\1 $1 $& \\d", match)).toBe(
      "a-b-a-|\n\\1 $1 $& \\d",
    );
  });

  test("a group that the pattern has not is an error", () => {
    const match = pythonPattern("(a)").exec("a");
    if (match === null) throw new Error("no match");
    expect(() => expandReplacement("\\2", match)).toThrow(RangeError);
    expect(() => expandReplacement("\\g<constructor>", match)).toThrow(RangeError);
  });
});
