import type { Finding } from "./rule.ts";
import type { SourceFile } from "./tree.ts";

/** `# plumb-lint: ignore[rule, rule] reason`: for the line it stands on, or, alone on its line, for the next. */
interface Ignore {
  file: string;
  line: number;
  column: number;
  /** The line whose findings it is about. */
  target: number;
  rules: readonly string[];
  reason: string;
  used: Set<string>;
}

const IGNORE =
  /(?:#|\{\{!(?:--)?)\s*plumb-lint:\s*ignore(?:\[([^\]]*)\])?[:,]?\s*(.*?)\s*(?:(?:--)?\}\})?\s*$/;

/**
 * Findings without those that a comment says to ignore; with one for each comment that gives no reason, names no rule that there is, or is for nothing.
 *
 * @param rules names of all rules.
 */
export function withoutIgnored(
  findings: readonly Finding[],
  {
    files,
    elsewhere,
    rules,
  }: { files: readonly SourceFile[]; elsewhere: readonly SourceFile[]; rules: ReadonlySet<string> },
): Finding[] {
  const own = files.flatMap(ignoresIn);
  const ignores = [...own, ...elsewhere.flatMap(ignoresIn)];
  const left = findings.filter((finding) => {
    const ignore = ignores.find(
      (one) =>
        one.file === finding.at.file &&
        one.reason !== "" &&
        one.rules.includes(finding.rule) &&
        rules.has(finding.rule) &&
        one.target === finding.at.line,
    );
    ignore?.used.add(finding.rule);
    return ignore === undefined;
  });
  return [...left, ...own.flatMap((ignore) => complaints(ignore, rules))];
}

function ignoresIn({ file, text, kind }: SourceFile): Ignore[] {
  // Programs and pages that speak of such comments hold none.
  if (!text.includes("plumb-lint:") || (kind === "other" && !/\.ya?ml$/.test(file))) return [];
  const lines = text.split("\n");
  return lines.flatMap((line, index): Ignore[] => {
    const match = IGNORE.exec(line);
    if (match === null) return [];
    const [, written = "", reason = ""] = match;
    const isAlone = line.slice(0, match.index).trim() === "";
    const next = lines.findIndex((other, at) => at > index && other.trim() !== "" && !/^\s*#/.test(other));
    return [
      {
        file,
        line: index + 1,
        column: match.index + 1,
        target: isAlone && next !== -1 ? next + 1 : index + 1,
        rules: written
          .split(",")
          .map((one) => one.trim())
          .filter(Boolean),
        reason,
        used: new Set(),
      },
    ];
  });
}

function complaints(ignore: Ignore, rules: ReadonlySet<string>): Finding[] {
  const { file, line, column } = ignore;
  const at = { file, line, column };
  const finding = (message: string, hint: string): Finding => ({
    rule: "ignore",
    severity: "warning",
    message,
    at,
    hint,
  });
  if (ignore.rules.length === 0)
    return [
      finding("this comment does not say which rule to ignore", "write # plumb-lint: ignore[rule] reason"),
    ];
  if (ignore.reason === "")
    return [
      finding(
        "this comment does not say why, so it counts for nothing",
        `write # plumb-lint: ignore[${ignore.rules.join(", ")}] reason`,
      ),
    ];
  return ignore.rules
    .filter((rule) => !ignore.used.has(rule))
    .map((rule) =>
      rules.has(rule)
        ? finding(`there is nothing here for \`${rule}\` to find`, "take the comment out")
        : finding(`there is no rule \`${rule}\` that can be ignored`, "plumb lint --list-rules shows them"),
    );
}
