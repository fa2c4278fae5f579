import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { rawShell } from "../../src/shell/shell-text.ts";
import { FramedShell } from "../../src/transport/framed-shell.ts";

const hangs = (): FramedShell =>
  new FramedShell(
    {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      closed: new Promise<void>(() => undefined),
      close: () => undefined,
    },
    undefined,
    () => undefined,
  );

test.each(["aborted", "timedOut"] as const)(
  "a script that is %s ends although the shell never answers, and its channel is never closed",
  async (why) => {
    const shell = hangs();
    const how = why === "aborted" ? { signal: AbortSignal.timeout(10) } : { timeoutMs: 10 };
    // What keeps a connection open keeps the process, too.
    const alive = setInterval(() => undefined, 1000);
    const ended = shell.run({ script: rawShell("true"), as: { kind: "login" }, ...how }, () => shell.close());
    expect(await ended).toMatchObject({ exitCode: undefined, [why]: true });
    clearInterval(alive);
    expect(shell.isClosed).toBe(true);
  },
);
