/**
 * Text that came from a host, made harmless for a terminal: control characters (escape sequences, backspaces, bells, carriage returns) and the
 * characters that turn the direction of writing are shown as what they are. Tabs and, where wanted, newlines stay.
 */
export function safeText(text: string, options: { newlines: boolean } = { newlines: false }): string {
  return text.replace(
    /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => {
      if (character === "\n" && options.newlines) return character;
      if (character === "\n") return "⏎";
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    },
  );
}

/** JSON that a terminal may be shown: what `JSON.stringify` leaves as it is and a terminal obeys is written as JSON can have it, too. The same value. */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
