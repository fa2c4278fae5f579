import { StringDecoder } from "node:string_decoder";
import { encodeFrames, FrameReader, newMark, type ScriptToSend } from "../shell/frame.ts";
import type { ByteChannel } from "./byte-channel.ts";
import type { ExecResult, ScriptRequest } from "./transport.ts";

const DEFAULT_OUTPUT_BYTES = 16 * 1024 * 1024;

/** A channel that is not closed by then is given up. */
const CLOSE_MS = 1000;

/** A script that was sent and has not ended. */
interface Running {
  finish(end: Partial<Pick<ExecResult, "exitCode" | "connectionLost">>): void;
}

/**
 * One long-lived shell on one channel. States: OPEN, then CLOSED when the channel ends, for whatever reason: what was under way then ends
 * without an exit code.
 */
export class FramedShell {
  readonly #channel: ByteChannel;
  readonly #stdout = new FrameReader();
  readonly #stderr = new FrameReader();
  readonly #running = new Set<Running>();
  readonly #unsent: ScriptToSend[] = [];
  readonly #onClose: () => void;
  #closed = false;
  #greeting = "";
  #complaint = "";
  /** Process id of the shell at the other end; known when it has said that it is ready. */
  pid: number | undefined;

  constructor(channel: ByteChannel, pid: number | undefined, onClose: () => void) {
    this.#channel = channel;
    this.pid = pid;
    channel.stdout.on("data", (chunk: Buffer) => this.#readStdout(chunk));
    channel.stderr.on("data", (chunk: Buffer) => this.#readStderr(chunk));
    channel.stdin.on("error", () => channel.close());
    this.#onClose = onClose;
    void channel.closed.then(() => this.#end());
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    for (const running of this.#running) running.finish({ connectionLost: true });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** What stood on stderr before the shell was ready: why there is none, if there is none. */
  get complaint(): string {
    return this.#complaint;
  }

  #readStdout(chunk: Buffer): void {
    if (this.pid === undefined && this.#greeting.length < 4096) {
      this.#greeting += chunk.toString("latin1");
      const ready = /plumb-ready (\d+)\n/.exec(this.#greeting);
      if (ready?.[1] !== undefined) this.pid = Number(ready[1]);
    }
    this.#stdout.push(chunk);
  }

  #readStderr(chunk: Buffer): void {
    if (this.pid === undefined && this.#complaint.length < 4096) this.#complaint += chunk.toString();
    this.#stderr.push(chunk);
  }

  /** Sends a script; the result says how it ended. Nothing is awaited before it is sent. */
  run(request: ScriptRequest, end: (why: "timedOut" | "aborted") => void): Promise<ExecResult> {
    const started = performance.now();
    if (this.#closed) return Promise.resolve(lostResult());
    const mark = newMark();
    const limit = request.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES;
    const stdout = new Collector(limit, request.onOutput && ((text) => request.onOutput?.(text, "stdout")));
    const stderr = new Collector(limit, request.onOutput && ((text) => request.onOutput?.(text, "stderr")));
    const promise = new Promise<ExecResult>((resolve) => {
      const ended = { timedOut: false, aborted: false };
      const stop = (why: "timedOut" | "aborted"): void => {
        if (ended.timedOut || ended.aborted) return;
        ended[why] = true;
        end(why);
      };
      const timer = setTimeout(() => stop("timedOut"), request.timeoutMs ?? 300_000);
      const onAbort = (): void => stop("aborted");
      request.signal?.addEventListener("abort", onAbort);
      const running: Running = {
        finish: ({ exitCode, connectionLost = false }) => {
          clearTimeout(timer);
          request.signal?.removeEventListener("abort", onAbort);
          this.#running.delete(running);
          resolve({
            exitCode: ended.timedOut || ended.aborted ? undefined : exitCode,
            stdout: stdout.bytes(),
            stderr: stderr.bytes(),
            durationMs: performance.now() - started,
            ...ended,
            connectionLost,
            truncated: stdout.truncated || stderr.truncated,
          });
        },
      };
      this.#running.add(running);
      let exitCode: number | undefined;
      let open = 2;
      const endOne = (): void => {
        open -= 1;
        if (open === 0) running.finish(exitCode === undefined ? {} : { exitCode });
      };
      this.#stdout.expect(mark, {
        output: (bytes) => stdout.add(bytes),
        end: (trailer) => {
          exitCode = /^\d+$/.test(trailer) ? Number(trailer) : undefined;
          endOne();
        },
      });
      this.#stderr.expect(mark, { output: (bytes) => stderr.add(bytes), end: endOne });
      const { script, stdin: input, environment = {} } = request;
      this.#send({ mark, script, input, environment });
      if (request.signal?.aborted === true) onAbort();
    });
    return promise;
  }

  /** In one piece with what else is sent in this turn: each write is a packet of its own, to be encrypted, sent and read. */
  #send(script: ScriptToSend): void {
    this.#unsent.push(script);
    if (this.#unsent.length > 1) return;
    process.nextTick(() => {
      this.#channel.stdin.write(encodeFrames(this.#unsent.splice(0)));
    });
  }

  close(): void {
    this.#channel.stdin.end();
    this.#channel.close();
    // sshd keeps a channel until the program at its end is gone, and one that hangs never is.
    setTimeout(() => this.#end(), CLOSE_MS).unref();
  }
}

/** Output up to a limit; text for a listener is never cut inside a character. */
class Collector {
  readonly #chunks: Buffer[] = [];
  readonly #limit: number;
  readonly #listener: ((text: string) => void) | undefined;
  readonly #decoder = new StringDecoder("utf8");
  #size = 0;
  truncated = false;

  constructor(limit: number, listener: ((text: string) => void) | undefined) {
    this.#limit = limit;
    this.#listener = listener;
  }

  add(bytes: Buffer): void {
    this.#listener?.(this.#decoder.write(bytes));
    const room = this.#limit - this.#size;
    if (bytes.byteLength > room) this.truncated = true;
    const kept = bytes.subarray(0, Math.max(0, room));
    if (kept.byteLength > 0) this.#chunks.push(Buffer.from(kept));
    this.#size += kept.byteLength;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** The result of a script that could not be sent any more. */
export function lostResult(): ExecResult {
  return {
    exitCode: undefined,
    stdout: Buffer.alloc(0),
    stderr: Buffer.alloc(0),
    durationMs: 0,
    timedOut: false,
    aborted: false,
    connectionLost: true,
    truncated: false,
  };
}
