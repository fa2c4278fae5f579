/** Text for a POSIX shell, made by `sh` so that every value in it is quoted. */
export interface ShellText {
  readonly shell: string;
}

/** What may stand in a `sh` template: a word, several words, or shell text made before. */
export type ShellArgument = string | number | readonly (string | number)[] | ShellText;

/**
 * Builds shell text. Strings and numbers become one quoted word each, arrays one word an element, shell text stays as it is.
 *
 * @example sh`stat -c %a -- ${["/etc/my file", "/tmp"]}`  // stat -c %a -- '/etc/my file' /tmp
 */
export function sh(parts: TemplateStringsArray, ...values: readonly ShellArgument[]): ShellText {
  const text = parts.map(
    (part, index) => part + (index < values.length ? renderArgument(values[index] ?? "") : ""),
  );
  return { shell: text.join("") };
}

/** Shell text taken as it stands: for a user's own command, or for fixed text. Never for text with values in it. */
export function rawShell(text: string): ShellText {
  return { shell: text };
}

/** Several pieces of shell text, a line each. */
export function shellLines(...lines: readonly (ShellText | undefined)[]): ShellText {
  return { shell: lines.flatMap((line) => (line === undefined ? [] : [line.shell])).join("\n") };
}

/**
 * The value as one word of a POSIX shell (2.2.2 Single-Quotes).
 *
 * @throws Error for a NUL character, which no shell word can hold.
 */
export function quote(value: string): string {
  if (value.includes("\0")) throw new Error("a NUL character cannot stand in a shell word");
  if (/^[A-Za-z0-9_@%+:,./-]+$/.test(value)) return value;
  return `'${value.replaceAll("'", "'\\''")}'`;
}

function renderArgument(value: ShellArgument): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return quote(String(value));
  if ("shell" in value) return value.shell;
  return value.map((word) => quote(String(word))).join(" ");
}
