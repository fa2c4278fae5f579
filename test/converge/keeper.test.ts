import { describe, expect, test } from "vitest";
import { keeper, subjectsOf } from "../../src/converge/keeper.ts";
import type { AnyModule } from "../../src/converge/prepare.ts";
import type { NeededChange } from "../../src/modules/change.ts";
import type { Step } from "../../src/modules/step.ts";
import { rawShell } from "../../src/shell/shell-text.ts";

const change: NeededChange = { action: "update", summary: "change it", differences: [], detail: undefined };
const module = (touches?: AnyModule["touches"]): AnyModule =>
  ({ name: "some", ...(touches === undefined ? {} : { touches }) }) as AnyModule;
const write: Step = {
  kind: "write-file",
  title: "write",
  path: "/etc/a",
  content: { kind: "bytes", bytes: Buffer.from("x") },
};
const script = (touches?: string[]): Step => ({
  kind: "script",
  title: "do",
  script: rawShell("true"),
  ...(touches === undefined ? {} : { touches: touches.map((path) => ({ kind: "path" as const, path })) }),
});

describe("what is kept before a change", () => {
  test("files that are written as steps are kept by the writing, and not twice", () => {
    expect(subjectsOf(module(), {}, change, [write])).toEqual([]);
    const both = module(() => [
      { kind: "path", path: "/etc/a" },
      { kind: "path", path: "/etc/b" },
    ]);
    expect(subjectsOf(both, {}, change, [write])).toEqual([{ kind: "path", path: "/etc/b" }]);
  });

  test("a script that says nothing can't be undone, and that is kept", () => {
    expect(subjectsOf(module(), {}, change, [script(["/etc/b"]), script()])).toEqual([
      { kind: "path", path: "/etc/b" },
      { kind: "lost", what: "some: change it" },
    ]);
    expect(subjectsOf(module(), {}, change, [script([])])).toEqual([]);
  });

  test("it goes before the first script, once, and a script with nothing to keep stays as it is", () => {
    let number = 0;
    const one = keeper({
      journal: { runId: "r", session: "s", runs: 3 },
      subjects: [{ kind: "path", path: "/etc/b" }],
      task: "t",
      holdsSecret: (text) => text.includes("hunter2"),
      nextNumber: () => ++number,
    });
    expect(one.guarded(rawShell("first")).shell).toMatch(/keep_path s\.00001\.0 \/etc\/b[\s\S]*\nfirst$/);
    expect(one.guarded(rawShell("second")).shell).toBe("second");
    expect(one.beforeWrite("/etc/c", true)?.shell).toContain("keep_path s.00002.0 /etc/c");
  });

  test("what has a secret in its name is not kept, and that is said without the secret", () => {
    const one = keeper({
      journal: { runId: "r", session: "s", runs: 3 },
      subjects: [{ kind: "path", path: "/srv/hunter2/b" }],
      task: "t",
      holdsSecret: (text) => text.includes("hunter2"),
      nextNumber: () => 1,
    });
    const text = one.beforeWrite("/srv/hunter2/c", false)?.shell ?? "";
    expect(text).toContain("a path with a secret in its name");
    expect(text).not.toContain("hunter2");
  });
});
