import { describe, expect, test } from "vitest";
import { type AddressedQuery, Answers } from "../../src/converge/answers.ts";
import { AskedBehind } from "../../src/converge/ask-behind.ts";
import type { HostSession, RunOptions } from "../../src/converge/host-session.ts";
import { hostClock } from "../../src/queries/host-clock.ts";
import type { ExecResult, ShellUser } from "../../src/transport/transport.ts";

const ROOT: ShellUser = { kind: "become", user: "root", method: "sudo" };
const LOGIN: ShellUser = { kind: "login" };

const question = (name: "now", as: ShellUser): AddressedQuery => ({ query: hostClock(name), as });

/** A session whose shells say what time it is. */
function sessionThat(ends: Partial<ExecResult> = {}): {
  session: HostSession;
  sent: { as: ShellUser; options: RunOptions }[];
} {
  const sent: { as: ShellUser; options: RunOptions }[] = [];
  const session = {
    answers: new Answers(),
    run: async (_: unknown, as: ShellUser, options: RunOptions) => {
      sent.push({ as, options });
      const end = { durationMs: 1, timedOut: false, aborted: false, connectionLost: false, truncated: false };
      return { ...end, exitCode: 0, stdout: Buffer.from("1795000000\n"), stderr: Buffer.alloc(0), ...ends };
    },
  };
  return { session: session as unknown as HostSession, sent };
}

describe("questions that are sent behind a change", () => {
  test("go to the shell that makes the change, and to no other, with the time of the change before their own", async () => {
    const { session, sent } = sessionThat();
    const [own, other] = [question("now", ROOT), question("now", LOGIN)];
    const behind = new AskedBehind(session, [own, other]);
    behind.send(ROOT, 1_800_000);
    await behind.keep();
    expect(sent.map(({ as }) => as)).toEqual([ROOT]);
    expect(sent[0]?.options.besideOthers).toBeUndefined();
    expect(sent[0]?.options.timeoutMs).toBeGreaterThan(1_800_000);
    expect(session.answers.has(own)).toBe(true);
    expect(session.answers.has(other)).toBe(false);
  });

  test("may wait as long as timers can, behind a change without a limit", () => {
    const { session, sent } = sessionThat();
    new AskedBehind(session, [question("now", ROOT)]).send(ROOT, 2_147_483_647);
    expect(sent[0]?.options.timeoutMs).toBe(2_147_483_647);
  });

  test("count for nothing where something else has been changed meanwhile", async () => {
    const { session } = sessionThat();
    const own = question("now", ROOT);
    const behind = new AskedBehind(session, [own]);
    behind.send(ROOT, 1000);
    const kept = behind.keep();
    session.answers.forgetAll();
    await kept;
    expect(session.answers.has(own)).toBe(false);
  });

  test("are asked again where their shell has ended", async () => {
    const { session } = sessionThat({ exitCode: undefined });
    const own = question("now", ROOT);
    const behind = new AskedBehind(session, [own]);
    behind.send(ROOT, 1000);
    await behind.keep();
    expect(session.answers.has(own)).toBe(false);
  });

  test("are nobody's failure where the connection is lost", async () => {
    const { session } = sessionThat();
    (session as { run: unknown }).run = () => Promise.reject(new Error("lost"));
    const behind = new AskedBehind(session, [question("now", ROOT)]);
    behind.send(ROOT, 1000);
    await expect(behind.keep()).resolves.toBeUndefined();
  });
});
