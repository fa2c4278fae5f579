/**
 * Names of the settings that a process runs with otherwise than its file says. SHOW CONFIG writes some values in its own way: lists without blanks, times without
 * needless digits.
 */
export function driftedSettings(
  wanted: ReadonlyMap<string, string>,
  running: ReadonlyMap<string, string> | undefined,
): string[] {
  const plain = (text: string): string =>
    text
      .split(",")
      .map((part) => part.trim())
      .join(",")
      .toLowerCase();
  return [...wanted].flatMap(([name, value]) => {
    const now = running?.get(name);
    if (now === undefined || plain(now) === plain(value)) return [];
    const numbers = /^[\d.]+$/.test(now) && /^[\d.]+$/.test(value) && numberOf(now) === numberOf(value);
    return numbers ? [] : [name];
  });
}

/** As C reads it: `0777` is octal, and SHOW CONFIG shows 511 for it. */
const numberOf = (text: string): number => (/^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text));
