import { expect, test } from "vitest";
import { differenceLines } from "../../src/views/difference-lines.ts";

test("a path with line ends in it puts no line of its own into a difference", () => {
  const name = "/srv/a\n+b\u001b[2J";
  const lines = differenceLines({ kind: "text", name, before: "x\n", after: "y\n" }, (_, text) => text);
  expect(lines).toEqual([
    "--- /srv/a⏎+b\\u001b[2J (now)",
    "+++ /srv/a⏎+b\\u001b[2J (wanted)",
    "@@ -1,1 +1,1 @@",
    "-x",
    "+y",
  ]);
});
