import { randomBytes } from "node:crypto";
import { quote, type ShellText } from "./shell-text.ts";

/**
 * The framed shell: one `sh` that lives as long as the connection and runs one script after another.
 *
 * Its program is the fixed text below, given in argv, so that standard input carries nothing but frames (a shell that reads its program from
 * standard input reads ahead, and would swallow them). A frame is a header line, the script, and the script's standard input:
 *
 *     MARK SCRIPT_BYTES INPUT_BYTES SCRIPT_LINES\n SCRIPT INPUT       (INPUT_BYTES -1: no input, /dev/null)
 *
 * A short script is read line by line (SCRIPT_LINES above 0, the last line ended too): to start head(1) for it would take the host longer than most scripts do.
 * Several scripts without input that are sent at once travel in one frame, a pack (INPUT_BYTES -2), which is read at once: it is itself a script, run by the loop, that
 * sets for each of them mark and text, and calls `plumb_run`. That takes a host half the time of a frame for each.
 *
 * The answer stands between marks on both streams, so that it is binary safe, and late output of an earlier script's background process is told apart:
 *
 *     MARK\n  output  \nMARK EXIT_CODE\n    on stdout         MARK\n  output  \nMARK\n    on stderr
 *
 * Scripts run in a subshell: whatever they do to directory, variables, traps or descriptors ends with them, and a syntax error or
 * `exit` ends only them. When the connection is lost, a script that is under way goes on to its end: the shell holds its own output open for reading, so that what is written there
 * kills nobody (an installation that SIGPIPE ends half way may be beyond repair). Input that a script leaves unread is read away, so that it can't be taken for the next frame.
 */
export const SHELL_LOOP = [
  "unset LANGUAGE",
  "LC_ALL=C.UTF-8",
  "export LC_ALL",
  // Readers of our own: see above.
  "if ( : < /proc/$$/fd/1 ) 2>/dev/null; then exec 7< /proc/$$/fd/1; fi",
  "if ( : < /proc/$$/fd/2 ) 2>/dev/null; then exec 6< /proc/$$/fd/2; fi",
  // A home that only the one who logged in may enter: many programs refuse to work in a place that they can't see.
  "if ! [ -r . ] || ! [ -x . ]; then cd /; fi",
  // No script sees its own mark, nor those of others: what it prints can't be taken for an end.
  'plumb_alone() { exec 6<&- 7<&-; unset plumb_mark plumb_pack; eval "$plumb_script"; }',
  "plumb_run() {",
  'printf "%s\\n" "$plumb_mark"; printf "%s\\n" "$plumb_mark" >&2',
  'if [ "$plumb_input" -ge 0 ]; then',
  'head -c "$plumb_input" | { ( plumb_alone ); plumb_code=$?; cat >/dev/null; exit "$plumb_code"; }',
  "else",
  "( plumb_alone ) </dev/null",
  "fi",
  "plumb_code=$?",
  'printf "\\n%s %s\\n" "$plumb_mark" "$plumb_code"; printf "\\n%s\\n" "$plumb_mark" >&2',
  "}",
  'printf "plumb-ready %s\\n" "$$"',
  "while IFS=' ' read -r plumb_mark plumb_size plumb_input plumb_lines; do",
  'if [ "$plumb_lines" -gt 0 ]; then',
  'plumb_script=; while [ "$plumb_lines" -gt 0 ]; do',
  'IFS= read -r plumb_line; plumb_script="$plumb_script$plumb_line\n"; plumb_lines=$((plumb_lines - 1))',
  "done",
  "else",
  'plumb_script=$(head -c "$plumb_size"; printf x); plumb_script=${plumb_script%x}',
  "fi",
  'if [ "$plumb_input" -eq -2 ]; then plumb_pack=$plumb_script; eval "$plumb_pack"; else plumb_run; fi',
  "done",
].join("\n");

/** The command that starts a framed shell whatever the login shell is: sh, csh and fish agree on these words. */
export const START_SHELL_LOOP = `exec /bin/sh -c ${quote(SHELL_LOOP)}`;

/** A script on its way to a framed shell. */
export interface ScriptToSend {
  /** From `newMark`. */
  mark: string;
  script: ShellText;
  input: Uint8Array | undefined;
  /** It travels with the script, and nowhere else. */
  environment: Readonly<Record<string, string>>;
}

/** A shell reads a byte at a time: up to here that is quicker than another process. */
const READ_BY_LINES_BYTES = 2048;

/** Nothing of a pack runs before all of it has arrived: on a connection that did nothing yet, more than this comes with another trip. */
const PACK_BYTES = 8192;

/** Lines of some shells lose control characters when they are read. */
const CONTROL_CHARACTER = /[^\t\n\x20-\x7e\x80-\uffff]/;

/** What no output has in it that doesn't know it. */
export const newMark = (): string => `plumb-${randomBytes(12).toString("hex")}`;

/** The frames for scripts that are sent at once, in the order in which they run. */
export function encodeFrames(scripts: readonly ScriptToSend[]): Buffer {
  const pieces: (string | Uint8Array)[] = [];
  let packed: ScriptToSend[] = [];
  let bytes = 0;
  const endPack = (): void => {
    const [first] = packed;
    if (first !== undefined) pieces.push(packed.length === 1 ? single(first) : pack(packed));
    packed = [];
    bytes = 0;
  };
  for (const one of scripts) {
    if (bytes + one.script.shell.length > PACK_BYTES || one.input !== undefined) endPack();
    packed.push(one);
    bytes += one.script.shell.length;
    if (one.input !== undefined) {
      endPack();
      pieces.push(one.input);
    }
  }
  endPack();
  return Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece)));
}

function withEnvironment({ script, environment }: ScriptToSend): string {
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  return exports.join("") + script.shell;
}

function pack(scripts: readonly ScriptToSend[]): string {
  const text = scripts
    .map((one) => `plumb_mark=${one.mark}; plumb_script=${quote(withEnvironment(one))}; plumb_run\n`)
    .join("");
  return `- ${Buffer.byteLength(text)} -2 0\n${text}`;
}

function single(one: ScriptToSend): string {
  const script = withEnvironment(one);
  const byLines = Buffer.byteLength(script) <= READ_BY_LINES_BYTES && !CONTROL_CHARACTER.test(script);
  const text = byLines ? `${script}\n` : script;
  const lines = byLines ? text.split("\n").length - 1 : 0;
  return `${one.mark} ${Buffer.byteLength(text)} ${one.input?.byteLength ?? -1} ${lines}\n${text}`;
}

/** What one stream of a framed shell said of one frame. */
export interface StreamSink {
  output(bytes: Buffer): void;
  /** The text after the closing mark: the exit code on stdout, empty on stderr. */
  end(trailer: string): void;
}

/**
 * Takes one stream of a framed shell apart, in whatever pieces it arrives. `expect` says which frames were sent, in order.
 */
export class FrameReader {
  readonly #waiting: { mark: string; sink: StreamSink }[] = [];
  #started = false;
  #rest: Buffer = Buffer.alloc(0);

  expect(mark: string, sink: StreamSink): void {
    this.#waiting.push({ mark, sink });
  }

  push(chunk: Buffer): void {
    this.#rest = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#step());
  }

  /** @returns whether there is more to read in what has arrived. */
  #step(): boolean {
    const current = this.#waiting[0];
    if (current === undefined) {
      this.#rest = Buffer.alloc(0);
      return false;
    }
    return this.#started ? this.#readOutput(current) : this.#readStart(current);
  }

  #readStart({ mark }: { mark: string }): boolean {
    const opening = `${mark}\n`;
    const at = this.#rest.indexOf(opening);
    if (at === -1) {
      // Nobody waits for what came before the mark; only the beginning of a mark at its end counts.
      this.#rest = this.#rest.subarray(Math.max(0, this.#rest.byteLength - opening.length + 1));
      return false;
    }
    this.#rest = this.#rest.subarray(at + opening.length);
    this.#started = true;
    return true;
  }

  #readOutput({ mark, sink }: { mark: string; sink: StreamSink }): boolean {
    const closing = `\n${mark}`;
    const at = this.#rest.indexOf(closing);
    if (at === -1) {
      const sure = this.#rest.byteLength - closing.length + 1;
      if (sure <= 0) return false;
      sink.output(this.#rest.subarray(0, sure));
      this.#rest = this.#rest.subarray(sure);
      return false;
    }
    const lineEnd = this.#rest.indexOf("\n", at + closing.length);
    if (lineEnd === -1) {
      if (at > 0) sink.output(this.#rest.subarray(0, at));
      this.#rest = this.#rest.subarray(at);
      return false;
    }
    if (at > 0) sink.output(this.#rest.subarray(0, at));
    const trailer = this.#rest.subarray(at + closing.length, lineEnd).toString();
    this.#rest = this.#rest.subarray(lineEnd + 1);
    this.#started = false;
    this.#waiting.shift();
    sink.end(trailer.trim());
    return true;
  }
}
