import { REDACTED, type Secrets } from "./secrets.ts";

/** What a text was and what it becomes. */
export interface Texts {
  before?: string | undefined;
  after?: string | undefined;
}

/**
 * Both texts without secrets. What stands in the old text where the new one has a secret was most likely the secret until now, and nobody has said
 * so: it is hidden too, wherever a line of the old text differs from one of the new in nothing but the secret.
 */
export function redactDifference({ before, after }: Texts, secrets: Secrets): Texts {
  const hidden = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : secrets.redact(text);
  const [was, becomes] = [hidden(before), hidden(after)];
  if (was === undefined || becomes === undefined || becomes === after) return { before: was, after: becomes };
  const known = new Set(becomes.split("\n"));
  const patterns = [...known].filter((line) => line.includes(REDACTED)).map(onlyItsSecretDiffers);
  const lines = was.split("\n").map((line) => {
    if (known.has(line)) return line;
    const pattern = patterns.find(({ expression }) => expression.test(line));
    return pattern === undefined ? line : pattern.line;
  });
  return { before: lines.join("\n"), after: becomes };
}

/** A line with a secret, and what looks like it. The line is shown in place of the old one, which may have had a secret of another length. */
function onlyItsSecretDiffers(line: string): { line: string; expression: RegExp } {
  const parts = line.split(REDACTED).map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return {
    line: line.replaceAll(REDACTED, `${REDACTED} (before)`),
    expression: new RegExp(`^${parts.join(".*")}$`),
  };
}
