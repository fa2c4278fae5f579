import { readFileSync } from "node:fs";
import { inputError } from "../diagnostics/diagnostic.ts";
import { SEVERITIES, type SeverityRule } from "../drift/severity.ts";
import { globExpression } from "../inventory/glob.ts";

/**
 * What `--severity` says: `WHAT=LEVEL`, or `@FILE` with such lines (and empty ones, and comments).
 *
 * @throws DiagnosticsError invalid-option, file-not-found
 */
export function severityRules(given: readonly string[]): SeverityRule[] {
  return given.flatMap((text) =>
    text.startsWith("@")
      ? linesOf(text.slice(1)).flatMap((line, index) => {
          const said = line.trim();
          return said === "" || said.startsWith("#") ? [] : [ruleOf(said, `${text.slice(1)}:${index + 1}`)];
        })
      : [ruleOf(text, "--severity")],
  );
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (error) {
    throw inputError(
      "file-not-found",
      `--severity @${file} can't be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function ruleOf(text: string, where: string): SeverityRule {
  const at = text.lastIndexOf("=");
  const [what, level] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  const severity = SEVERITIES.find((one) => one === level);
  if (at < 1 || what === "" || severity === undefined)
    throw inputError("invalid-option", `${where}: \`${text}\` does not say how bad something is`, {
      expected: `WHAT=LEVEL, with ${SEVERITIES.join(", ")} for LEVEL: systemd=low, or /etc/ssh/*=high`,
    });
  return { fits: globExpression(what), severity };
}
