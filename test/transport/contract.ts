import { describe, expect, test } from "vitest";
import { rawShell, sh } from "../../src/shell/shell-text.ts";
import type { ExecResult, ScriptRequest, Transport } from "../../src/transport/transport.ts";

/** What every transport must do. */
export function transportContract(open: () => Promise<Transport>): void {
  const onTransport = async <Result>(
    use: (
      run: (script: string, rest?: Partial<ScriptRequest>) => Promise<ExecResult>,
      transport: Transport,
    ) => Promise<Result>,
  ): Promise<Result> => {
    const transport = await open();
    try {
      return await use(
        (script, rest) => transport.run({ script: rawShell(script), as: { kind: "login" }, ...rest }),
        transport,
      );
    } finally {
      await transport.close();
    }
  };

  describe("scripts", () => {
    test("exit codes, stdout and stderr come back apart", () =>
      onTransport(async (run) => {
        const result = await run("echo out; echo err >&2; exit 3");
        expect([result.exitCode, result.stdout.toString(), result.stderr.toString()]).toEqual([
          3,
          "out\n",
          "err\n",
        ]);
      }));

    test("nothing that one script does reaches the next", () =>
      onTransport(async (run) => {
        const results = await Promise.all([
          run("cd /tmp; umask 077; x=1; set -e; trap 'echo trapped' EXIT; false"),
          run("if ("),
          run("exit 5"),
          run('echo "$x" "$(umask)"'),
        ]);
        expect(results.map(({ exitCode }) => exitCode)).toEqual([1, 2, 5, 0]);
        expect(results[3]?.stdout.toString()).toBe(" 0022\n");
      }));

    test("scripts sent without waiting run in order, in one round trip", () =>
      onTransport(async (run, transport) => {
        const results = await Promise.all(Array.from({ length: 20 }, (_, index) => run(`echo ${index}`)));
        expect(results.map(({ stdout }) => Number(stdout.toString()))).toEqual(
          Array.from({ length: 20 }, (_, index) => index),
        );
        expect(transport.counters().roundTrips).toBe(1);
      }));

    test("a script that only reads runs beside another, in the same round trip", () =>
      onTransport(async (run, transport) => {
        const file = (await run("mktemp -u")).stdout.toString().trim();
        const before = transport.counters().roundTrips;
        const wait = sh`until [ -e ${file} ]; do sleep 0.05; done`.shell;
        const results = await Promise.all([
          run(wait, { timeoutMs: 20_000 }),
          run(sh`touch ${file}`.shell, { besideOthers: true }),
        ]);
        expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
        expect(transport.counters().roundTrips - before).toBe(1);
        await run(sh`rm ${file}`.shell);
      }));

    test("binary input and output come through whole", () =>
      onTransport(async (run) => {
        const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256));
        expect((await run("cat", { stdin: bytes })).stdout.equals(bytes)).toBe(true);
      }));

    test("input that is left unread is not taken for the next script", () =>
      onTransport(async (run) => {
        await run("head -c 1", { stdin: Buffer.alloc(300_000, "echo wrong\n") });
        expect((await run("echo right")).stdout.toString()).toBe("right\n");
      }));

    test("a script without input that reads gets none", () =>
      onTransport(async (run) => {
        expect((await run("cat; echo end")).stdout.toString()).toBe("end\n");
      }));

    test("text in progress is never cut inside a character", () =>
      onTransport(async (run) => {
        const seen: string[] = [];
        await run("i=0; while [ $i -lt 3000 ]; do printf '€'; i=$((i+1)); done", {
          onOutput: (text) => seen.push(text),
        });
        expect(seen.join("")).toBe("€".repeat(3000));
      }));

    test("the environment is the script's own", () =>
      onTransport(async (run) => {
        expect((await run('printf %s "$NAME"', { environment: { NAME: "a'b\n$c" } })).stdout.toString()).toBe(
          "a'b\n$c",
        );
        expect((await run('printf %s "$NAME"')).stdout.toString()).toBe("");
      }));

    test("more output than the limit is thrown away, and said to be", () =>
      onTransport(async (run) => {
        const result = await run("head -c 100000 /dev/zero; exit 4", { maxOutputBytes: 1000 });
        expect([result.exitCode, result.stdout.byteLength, result.truncated]).toEqual([4, 1000, true]);
      }));

    test("a time limit ends the script and what it started, and the shell goes on", () =>
      onTransport(async (run) => {
        const result = await run("sleep 1234 & sleep 1234", { timeoutMs: 300 });
        expect([result.exitCode, result.timedOut, result.connectionLost]).toEqual([undefined, true, false]);
        expect((await run("echo alive")).stdout.toString()).toBe("alive\n");
      }));

    test("an abort ends the script, and says so", () =>
      onTransport(async (run) => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 200);
        const result = await run("sleep 1234", { signal: controller.signal });
        expect([result.exitCode, result.aborted]).toEqual([undefined, true]);
      }));

    test("which process runs a user's scripts is known when one has ended, and of the shell that comes after it anew", () =>
      onTransport(async (run, transport) => {
        const pid = Number((await run("echo $$")).stdout.toString());
        expect(transport.processOf({ kind: "login" })).toBe(pid);
        expect(transport.processOf({ kind: "become", user: "nobody", method: "sudo" })).toBeUndefined();
        await run("kill -KILL $$");
        const next = Number((await run("echo $$")).stdout.toString());
        expect(transport.processOf({ kind: "login" })).toBe(next);
        expect(next).not.toBe(pid);
      }));

    test("a script that kills its shell has no exit code, and the next one gets a new shell", () =>
      onTransport(async (run) => {
        expect((await run("kill -9 $$")).exitCode).toBeUndefined();
        expect((await run("echo again")).stdout.toString()).toBe("again\n");
      }));
  });

  describe("files", () => {
    test("an upload comes back as it was, private", () =>
      onTransport(async (_run, transport) => {
        const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 256));
        const path = await transport.upload(bytes, { kind: "login" });
        const mode = await transport.run({ script: sh`stat -c %a ${path}`, as: { kind: "login" } });
        expect(mode.stdout.toString().trim()).toBe("600");
        const pieces: Uint8Array[] = [];
        for await (const piece of transport.download(path, { kind: "login" })) pieces.push(piece);
        await transport.run({ script: sh`rm ${path}`, as: { kind: "login" } });
        expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
      }));

    test("a file that can't be read is an error, and no empty file", () =>
      onTransport(async (_run, transport) => {
        const read = async (): Promise<void> => {
          for await (const _piece of transport.download("/no/such/file", { kind: "login" }));
        };
        await expect(read()).rejects.toThrow("/no/such/file");
      }));
  });
}
