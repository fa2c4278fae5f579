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
  'printf "plumb-ready %s\\n" "$$"',
  "while IFS=' ' read -r plumb_mark plumb_size plumb_input plumb_lines; do",
  'if [ "$plumb_lines" -gt 0 ]; then',
  'plumb_script=; while [ "$plumb_lines" -gt 0 ]; do',
  'IFS= read -r plumb_line; plumb_script="$plumb_script$plumb_line\n"; plumb_lines=$((plumb_lines - 1))',
  'done; plumb_script="${plumb_script}x"',
  "else",
  'plumb_script=$(head -c "$plumb_size"; printf x)',
  "fi",
  'printf "%s\\n" "$plumb_mark"; printf "%s\\n" "$plumb_mark" >&2',
  'if [ "$plumb_input" -ge 0 ]; then',
  'head -c "$plumb_input" | { ( exec 6<&- 7<&-; unset plumb_mark; eval "${plumb_script%x}" ); plumb_code=$?; cat >/dev/null; exit "$plumb_code"; }',
  "else",
  '( exec 6<&- 7<&-; unset plumb_mark; eval "${plumb_script%x}" ) </dev/null',
  "fi",
  "plumb_code=$?",
  'printf "\\n%s %s\\n" "$plumb_mark" "$plumb_code"; printf "\\n%s\\n" "$plumb_mark" >&2',
  "done",
].join("\n");

/** The command that starts a framed shell whatever the login shell is: sh, csh and fish agree on these words. */
export const START_SHELL_LOOP = `exec /bin/sh -c ${quote(SHELL_LOOP)}`;

/** A frame on its way. */
export interface Frame {
  mark: string;
  /** Header, script and input, ready to be written. */
  bytes: Buffer[];
}

/** A shell reads a byte at a time: up to here that is quicker than another process. */
const READ_BY_LINES_BYTES = 2048;

/** Lines of some shells lose control characters when they are read. */
const CONTROL_CHARACTER = /[^\t\n\x20-\x7e\x80-\uffff]/;

/** The frame for a script. Its environment travels in it, and nowhere else. */
export function encodeFrame(
  script: ShellText,
  input: Uint8Array | undefined,
  environment: Readonly<Record<string, string>> = {},
): Frame {
  const mark = `plumb-${randomBytes(12).toString("hex")}`;
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  const written = exports.join("") + script.shell;
  const byLines = Buffer.byteLength(written) <= READ_BY_LINES_BYTES && !CONTROL_CHARACTER.test(written);
  const text = Buffer.from(byLines ? `${written}\n` : written);
  const lines = byLines ? text.reduce((count, byte) => (byte === 10 ? count + 1 : count), 0) : 0;
  const header = Buffer.from(
    `${mark} ${text.byteLength} ${input === undefined ? -1 : input.byteLength} ${lines}\n`,
  );
  return { mark, bytes: input === undefined ? [header, text] : [header, text, Buffer.from(input)] };
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
