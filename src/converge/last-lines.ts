/** Longer lines tell nobody how far a program has come. */
const LONGEST_LINE = 1_000;
/** Nobody reads more of them than this. */
const EVERY_MS = 100;

/**
 * Tells now and then the last line that a program has printed. Only whole lines: a secret that is half there would not be known for one. However much is printed, little is
 * kept, and little is told.
 */
export function lastLines(tell: (line: string) => void): (text: string, stream: "stdout" | "stderr") => void {
  const begun = { stdout: "", stderr: "" };
  let toldMs = Number.NEGATIVE_INFINITY;
  return (text, stream) => {
    const end = Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r"));
    if (end === -1) {
      // A line that is too long is told as little as its end alone.
      begun[stream] = (begun[stream] + text).slice(0, LONGEST_LINE + 1);
      return;
    }
    const before = begun[stream];
    begun[stream] = text.slice(end + 1, end + 2 + LONGEST_LINE);
    const now = performance.now();
    if (now - toldMs < EVERY_MS) return;
    const start = Math.max(0, end - 4 * LONGEST_LINE);
    const [first = "", ...rest] = text.slice(start, end).split(/[\r\n]+/);
    const lines = start === 0 ? [before + first, ...rest] : rest;
    const line = lines.findLast((one) => one.trim() !== "" && one.length <= LONGEST_LINE);
    if (line === undefined) return;
    toldMs = now;
    tell(line);
  };
}
