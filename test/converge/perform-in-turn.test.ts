import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { HostSession } from "../../src/converge/host-session.ts";
import { performInTurn, type TurnPart } from "../../src/converge/perform-in-turn.ts";
import { StepFailure } from "../../src/converge/perform-options.ts";
import type { HostStep } from "../../src/converge/plain-steps.ts";
import type { Prepared } from "../../src/converge/prepare.ts";
import { pathState } from "../../src/queries/path-state.ts";
import { rawShell } from "../../src/shell/shell-text.ts";
import type { ExecResult, ScriptRequest, ShellUser } from "../../src/transport/transport.ts";

/** Scripts are run by a shell here; what is tried is the script and how its output is read. */
const folder = mkdtempSync(path.join(tmpdir(), "plumb-in-turn-"));
const LOGIN: ShellUser = { kind: "login" };

/** How many things that take their time the last one had. */
let slow: number | undefined;

const session = (change: Partial<ExecResult> = {}): HostSession =>
  ({
    shellUser: () => LOGIN,
    act: async (
      { shell }: { shell: string },
      _: ShellUser,
      rest: Partial<ScriptRequest> & { slow?: number },
    ) => {
      slow = rest.slow;
      const input = rest.stdin as Uint8Array | undefined;
      const { status, stdout, stderr } = spawnSync("/bin/sh", ["-c", shell], { cwd: folder, input });
      const end = { durationMs: 1, timedOut: false, aborted: false, connectionLost: false, truncated: false };
      return { ...end, exitCode: status ?? undefined, stdout, stderr, ...change };
    },
  }) as unknown as HostSession;

const file = (name: string): string => path.join(folder, name);

const part = (about: string, ...scripts: string[]): TurnPart => ({
  prepared: {
    queries: new Map([["at", { query: pathState({ path: file(about), sha256: true }), as: LOGIN }]]),
  } as unknown as Prepared,
  steps: scripts.map((script): HostStep => ({ kind: "script", title: script, script: rawShell(script) })),
  keeper: undefined,
});

const perform = (parts: TurnPart[], change?: Partial<ExecResult>): ReturnType<typeof performInTurn> =>
  performInTurn(
    parts,
    {
      session: session(change),
      user: { become: false, becomeUser: "root", becomeMethod: "sudo" },
      stepLimitMs: 1000,
      job: undefined,
      signal: undefined,
      environment: {},
      keeper: undefined,
      progress: () => undefined,
      ask: undefined,
      stopping: new AbortController().signal,
      holdsSecret: () => false,
    },
    false,
  );

describe("several changes by one script, each asked about before it", () => {
  test("give each what its steps printed, and what the host said right behind them", async () => {
    const [one, nothing, two] = await perform([
      part("one", "echo first > one; printf 'a\\0b\\n\\n'; echo warned >&2", "printf 'no line'"),
      part("between"),
      part("two", "rm one; echo second > two"),
    ]);
    expect(one?.kind === "done" && one.outputs.map(({ exec }) => exec?.stdout.toString())).toEqual([
      "a\0b\n\n",
      "no line",
    ]);
    expect(one?.kind === "done" && one.outputs[0]?.exec?.stderr.toString()).toBe("warned\n");
    // It is gone by now, and was there when it was looked at.
    expect(one?.kind === "done" && one.answers?.get("at")).toMatchObject({
      known: true,
      answer: { type: "file" },
    });
    expect(nothing).toMatchObject({ kind: "done", outputs: [] });
    expect(two?.kind === "done" && two.answers?.get("at")).toMatchObject({ answer: { sizeBytes: 7 } });
  });

  test("say how many of them take their time: so much longer the next run waits for them, should this one die", async () => {
    const quick = part("quick", "true");
    const long = part("long", "true");
    const takingTime = { ...long, steps: long.steps.map((step) => ({ ...step, timeoutMs: 1000 })) };
    await perform([quick, takingTime, quick, takingTime]);
    expect(slow).toBe(2);
    await perform([quick, quick]);
    expect(slow).toBe(1);
  });

  test("end before the first of which something has moved, and before what follows it", async () => {
    const ends = await perform([
      part("three", "echo x > four"),
      part("five", "echo x > five"),
      part("four", "echo never > six"),
      part("seven", "echo never > seven"),
    ]);
    expect(ends.map(({ kind }) => kind)).toEqual(["done", "done"]);
    expect(() => readFileSync(file("six"))).toThrow();
    expect(() => readFileSync(file("seven"))).toThrow();
  });

  test("do not count what was as wanted, where a change before has moved it", async () => {
    const ends = await perform([part("eight", "echo x > nine"), part("nine"), part("ten", "echo x > ten")]);
    expect(ends.map(({ kind }) => kind)).toEqual(["done"]);
  });

  test("end at the first that fails, with its words; when that is the first of all, it is thrown", async () => {
    const ends = await perform([part("a", "true"), part("b", "echo no >&2; exit 3"), part("c", "echo > c")]);
    expect(ends).toHaveLength(2);
    expect(ends[1]?.kind === "failed" && ends[1].error.message).toBe("echo no >&2; exit 3: exit 3: no");
    expect(() => readFileSync(file("c"))).toThrow();
    await expect(perform([part("a", "exit 3"), part("b", "true")])).rejects.toBeInstanceOf(StepFailure);
  });

  test("that are cut short say so of the one that was under way, and what was done before it is done", async () => {
    const cut = { exitCode: undefined, timedOut: true, durationMs: 2000 };
    const ends = await perform([part("d", "true"), part("e", "kill -9 $$")], cut);
    expect(ends.map(({ kind }) => kind)).toEqual(["done", "failed"]);
    expect(ends[1]?.kind === "failed" && ends[1].error.message).toContain("its time limit");
  });
});
