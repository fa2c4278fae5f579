import { cutOff, LONGEST_MATCH_MS } from "../../shell/cut-off.ts";

/** Text this short can't keep a pattern busy that repeats in one place only. */
const SHORT_TEXT = 2_000;

/**
 * Runs a match that can be cut off: patterns that can't run away go without.
 *
 * @throws Error naming the function when it takes too long.
 */
function bounded<Type>(
  name: string,
  { pattern, subject }: { pattern: RegExp; subject: string },
  run: () => Type,
): Type {
  const repetitions = pattern.source.match(/[*+]|\{\d*,\d*\}/g)?.length ?? 0;
  if (repetitions <= 1 && !/\)[*+?{]/.test(pattern.source) && subject.length < SHORT_TEXT) return run();
  return cutOff(
    run,
    () =>
      new Error(
        `${name}: the pattern ${pattern.source} needs more than ${LONGEST_MATCH_MS / 1000} s for a text of ${subject.length} characters; ` +
          "a repetition inside of a repetition, such as (a+)+, does that",
      ),
  );
}

const compiled = new Map<string, RegExp>();

/**
 * A pattern as JavaScript takes it. What Python spells otherwise is taken too: `(?P<name>…)`, `(?P=name)`, `(?i)` in front, `\A`, `\Z`.
 *
 * @param flags letters: i ignores case, m lets `^` and `$` stand at every line, s lets `.` stand for line ends.
 * @throws Error naming the function
 */
function compile(name: string, source: string, flags: string): RegExp {
  const key = `${flags}/${source}`;
  const known = compiled.get(key);
  if (known !== undefined) {
    known.lastIndex = 0;
    return known;
  }
  if (/[^imsg]/.test(flags)) throw new Error(`${name}: flags are made of i, m and s, and this is "${flags}"`);
  const inline = /^\(\?([ims]+)\)/.exec(source);
  const text = source
    .slice(inline?.[0].length ?? 0)
    .replaceAll(/\\[\s\S]|\(\?P<|\(\?P=(\w+)\)/g, (token: string, reference?: string) => {
      if (token === "\\A") return "(?<![\\s\\S])";
      if (token === "\\Z") return "(?![\\s\\S])";
      if (token === "(?P<") return "(?<";
      return reference === undefined ? token : `\\k<${reference}>`;
    });
  let pattern: RegExp;
  try {
    pattern = new RegExp(text, [...new Set(flags + (inline?.[1] ?? ""))].join(""));
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (compiled.size > 500) compiled.clear();
  compiled.set(key, pattern);
  return pattern;
}

/** The first match with its groups; undefined without one. @throws Error */
export function findPattern(
  name: string,
  subject: string,
  source: string,
  flags = "",
): RegExpExecArray | undefined {
  const pattern = compile(name, source, flags);
  return bounded(name, { pattern, subject }, () => pattern.exec(subject)) ?? undefined;
}

/** Every match with its groups. @throws Error */
export function findAllPatterns(
  name: string,
  subject: string,
  source: string,
  flags = "",
): RegExpExecArray[] {
  const pattern = compile(name, source, `${flags}g`);
  return bounded(name, { pattern, subject }, () => [...subject.matchAll(pattern)]);
}

/** Every match, or the first few, replaced. @throws Error */
export function replacePattern(
  name: string,
  subject: string,
  { source, flags = "", by, count = 0 }: { source: string; flags?: string; by: string; count?: number },
): string {
  const found = findAllPatterns(name, subject, source, flags);
  let result = "";
  let end = 0;
  for (const match of count === 0 ? found : found.slice(0, count)) {
    result += subject.slice(end, match.index) + expanded(by, match);
    end = match.index + match[0].length;
  }
  return result + subject.slice(end);
}

/** Python's and JavaScript's ways to name a group in what a match is replaced by. */
function expanded(by: string, match: RegExpExecArray): string {
  return by.replaceAll(
    /\\(\d{1,2}|n|t|\\)|\\g<(\w+)>|\$(\d{1,2}|&|\$)|\$<(\w+)>/g,
    (token: string, python?: string, pythonName?: string, script?: string, scriptName?: string) => {
      if (python === "n" || python === "t") return python === "n" ? "\n" : "\t";
      if (python === "\\" || script === "$") return token.slice(1);
      const group = python ?? pythonName ?? script ?? scriptName ?? "0";
      if (group === "&") return match[0];
      return (/^\d+$/.test(group) ? match[Number(group)] : match.groups?.[group]) ?? "";
    },
  );
}
