import { describe, expect, test } from "vitest";
import type { Situation } from "../../src/modules/module.ts";
import { ModuleFailure } from "../../src/modules/module.ts";
import { rollback } from "../../src/modules/rollback.ts";
import { type KeptState, keptState } from "../../src/queries/kept-state.ts";
import { SITUATION } from "./answers.ts";

const situation: Situation = { ...SITUATION, diffMode: true, runId: "now" };

const line = (...fields: string[]): string => fields.join("\t");

/** What the script says of a run, as a host printed it. */
function kept(...lines: string[]): KeptState {
  const stdout = Buffer.from(`=\n${[line("kept", "r1"), line("run", "r1"), ...lines].join("\n")}\n`);
  const [answer] = keptState.kind.parse({ stdout, stderr: "", exitCode: 0 }, [
    { run: undefined, self: "now", contents: true },
  ]);
  if (answer?.known !== true) throw new Error(answer?.reason);
  return answer.answer;
}

const path = (number: string, key: string, before: string, now: string, info = '{"task":"copy"}'): string =>
  line("thing", number, "path", key, before, info, now, before === now ? "same" : "differs");

const diff = (state: KeptState, since = 0) =>
  rollback.diff(
    { run: undefined, since, ...(since === 0 ? {} : { session: "s" }) },
    { kept: state },
    situation,
  );

describe("what a rollback would put back", () => {
  test("of several states of a file the oldest counts", () => {
    const change = diff(
      kept(
        path("s.00001.0", "/etc/a", "absent", "file:0:0:644"),
        path("s.00002.0", "/etc/a", "file:0:0:600", "file:0:0:644"),
      ),
    );
    expect(change).toMatchObject({ action: "update", detail: { things: [{ number: "s.00001.0" }] } });
  });

  test("a transaction takes back no more than what its own session has replaced after its start", () => {
    const state = kept(
      path("s.00001.0", "/etc/a", "absent", "file:0:0:644"),
      path("other.00002.0", "/etc/c", "absent", "file:0:0:644"),
      path("s.00002.0", "/etc/b", "absent", "file:0:0:644"),
    );
    expect(diff(state, 1)).toMatchObject({ detail: { things: [{ key: "/etc/b" }] } });
  });

  test("what is as before is left alone, and then nothing is reloaded", () => {
    const change = diff(
      kept(
        path("s.00001.0", "/etc/a", "absent", "absent"),
        line(
          "thing",
          "s.00002.0",
          "again",
          "reload x",
          "17",
          '{"task":"t","script":"reload"}',
          "-",
          "differs",
        ),
      ),
    );
    expect(change.action).toBe("none");
  });

  test("an undoing that was begun is finished, though nothing differs any more", () => {
    const change = diff(kept(line("begun", ""), path("s.00001.0", "/etc/a", "absent", "absent")));
    expect(change).toMatchObject({ action: "update", detail: { things: [] } });
  });

  test.each([
    [
      "a command",
      line("thing", "s.00001.0", "lost", "command: run x", "-", '{"task":"do x"}', "-", "differs"),
      "command: run x (do x)",
    ],
    [
      "a directory in the way of a file",
      path("s.00001.0", "/etc/a", "file:0:0:644", "directory:0:0:755"),
      "/etc/a: a directory is in the way",
    ],
    [
      "a version that is gone",
      line("thing", "s.00001.0", "packages", "packages", "listed", '{"task":"p"}', "?tree=1.0 ", "differs"),
      "tree=1.0: no source has this version any more",
    ],
  ])("%s is a warning and not tried", (_, thing, warning) => {
    const change = diff(kept(thing));
    expect(change.action).toBe("none");
    expect(change.warnings?.map(({ message }) => message)).toEqual([`can't be undone: ${warning}`]);
  });

  test("of a package that goes it is said that its configuration stays, and nothing of one that comes back", () => {
    const change = diff(
      kept(
        line(
          "thing",
          "s.00001.0",
          "packages",
          "packages",
          "listed",
          '{"task":"p"}',
          "-cron +tree=1.0 ",
          "differs",
        ),
      ),
    );
    expect(change).toMatchObject({
      action: "update",
      data: { cannot: [] },
      warnings: [{ message: "what cron leaves behind stays: its configuration and its data" }],
    });
  });

  test("the content of a file that held a secret is not shown", () => {
    const content = line("content", "s.00001.0", Buffer.from("old password").toString("base64"), "-");
    const secret = path("s.00001.0", "/etc/a", "file:0:0:644", "absent", '{"task":"copy","secret":true}');
    expect(JSON.stringify(diff(kept(secret, content)))).toContain('"kind":"field","name":"/etc/a"');
    const open = path("s.00001.0", "/etc/a", "file:0:0:644", "absent");
    expect(diff(kept(open, content))).toMatchObject({
      differences: [{ kind: "text", after: "old password" }],
    });
  });

  test("a run that kept nothing is a failure with the ones that did", () => {
    const state: KeptState = { run: undefined, runs: ["r1"], things: [], isBegun: false, otherUsers: [] };
    expect(() => rollback.diff({ run: "r0", since: 0 }, { kept: state }, situation)).toThrow(ModuleFailure);
  });

  test("an answer that can't be understood is not known", () => {
    const parse = (stdout: string, exitCode = 0) =>
      keptState.kind.parse({ stdout: Buffer.from(stdout), stderr: "", exitCode }, [
        { run: undefined, self: "now", contents: false },
      ]);
    expect(parse("")[0]?.known).toBe(false);
    expect(parse("=\n", 1)[0]?.known).toBe(false);
    expect(parse(`=\n${line("thing", "1", "path", "/a", "absent", "{", "absent", "same")}\n`)[0]?.known).toBe(
      false,
    );
    expect(parse("=\n")[0]).toMatchObject({ known: true, answer: { runs: [] } });
  });
});
